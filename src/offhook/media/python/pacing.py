"""The units in which the pacing thread counts, and whom a leg's sender tells what it sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from offhook.media.playout import PlaybackChange
from offhook.negotiated import Codec

TICK: Final = 0.005
"""Seconds."""
TICKS_PER_PACKET: Final = 4
"""Of packets of 20 ms."""
TICK_UNITS: Final = 40
"""RTP timestamp units of one tick at 8,000 a second."""

Address = tuple[Any, ...]
"""A socket address as the socket module gives it."""

PlaybackListener = Callable[[int, PlaybackChange], None]
"""Is told a playback's number and what happened to it."""

OwnTap = Callable[[Codec, int, bytes | memoryview, float], None]
"""Called with codec, timestamp, octets and tick of every audio packet of :meth:`RtpSender.transmit`, without
the silence that fills pauses."""


def listen_no_more(*_facts: object) -> None:
    """Does nothing: the listener of a leg that is over."""
