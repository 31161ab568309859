"""What the receiving side of a leg reports to the rest of the leg."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from offhook.media import rtp
from offhook.media.python.pacing import Address
from offhook.negotiated import Codec


class ReceivedPacket(NamedTuple):
    """Audio or a telephone event for those who listen; ``payload`` is only valid during the call."""

    marker: bool
    codec: Codec | None
    """Of the audio; None: it is none."""
    is_event: bool
    """A telephone event. Without a codec and without this it is something else of the same stream."""
    ssrc: int
    sequence: int
    timestamp: int
    arrival: float
    payload: memoryview


class Counts(NamedTuple):
    """Packets of one stream or of several."""

    received: int
    expected: int
    lost: int
    late: int

    def plus(self, source: rtp.ReceiverStatistics | None) -> Counts:
        """The sum of these counts and those of ``source``."""
        if source is None:
            return self
        return Counts(
            self.received + source.received,
            self.expected + source.expected,
            self.lost + source.lost,
            self.late + source.late,
        )


class ReceiverEvents(NamedTuple):
    """The callbacks of a leg's receiving side."""

    latched: Callable[[Address], None]
    """The peer sends from here."""
    digit: Callable[[str, float], None]
    collision: Callable[[], None]
    """The peer uses our SSRC (RFC 3550 §8.2)."""
    control: Callable[[memoryview], None]
    """An RTCP packet on the RTP port (RFC 5761)."""
    refused: Callable[[str], None]
    """A packet from this host was dropped; only the first of the leg."""


def _heed_not(*_facts: object) -> None:
    """Does nothing: the callback of a leg that is over."""


NO_EVENTS = ReceiverEvents(_heed_not, _heed_not, _heed_not, _heed_not, _heed_not)
