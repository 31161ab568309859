"""One leg of the Python engine: the asyncio side's handle."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from offhook.media import dtmf
from offhook.media.engine import (
    LegMedia,
    LegStatistics,
    MediaEvent,
    MediaLeg,
    PlaybackEnded,
)
from offhook.media.playout import Playback
from offhook.media.python.leg_worker import LegWorker, Sink
from offhook.media.python.port_pool import SocketPair
from offhook.media.python.sender import Address

if TYPE_CHECKING:
    from offhook.media.python.python_engine import PythonEngine

_SAMPLE_RATE: Final = 8000


def _peer_address(media: LegMedia, ip_version: int) -> tuple[Address, bool]:
    """The RTP address signalled, and whether anything may be sent there.

    Raises :class:`ValueError` for what is not the literal address of a host of our family.
    ``0.0.0.0`` is an old way of saying hold (RFC 3264 §8.4).
    """
    address = ipaddress.ip_address(media.remote_host)
    if address.version != ip_version or address.is_multicast:
        raise ValueError(f"cannot exchange media with {address}")
    if not 1 <= media.remote_port <= 65535:
        raise ValueError(f"not a port: {media.remote_port}")
    if media.codec not in ("PCMU", "PCMA"):
        raise ValueError(f"not a codec of ours: {media.codec}")
    scope = (0, 0) if address.version == 6 else ()
    return (str(address), media.remote_port, *scope), not address.is_unspecified


class PythonLeg:
    """Serves :class:`offhook.media.engine.MediaLeg`: each command is handed to the thread."""

    def __init__(
        self,
        engine: PythonEngine,
        sockets: SocketPair,
        on_event: Callable[[MediaEvent], None],
        media_timeout: float | None,
    ) -> None:
        self._engine = engine
        self._on_event = on_event
        self._numbers = itertools.count(1)
        self._connected = False
        self._closed = False
        self._worker = LegWorker(engine, sockets, partial(engine.emit, self), media_timeout)

    @property
    def local_port(self) -> int:
        """See :class:`~offhook.media.engine.MediaLeg`."""
        return self._worker.sockets.port

    def connect(self, media: LegMedia) -> None:
        """See :class:`~offhook.media.engine.MediaLeg`.

        Raises :class:`ValueError` for an address, port or codec that cannot be used. What plays
        waits while ``media.send`` is false, and goes on where it was. What arrived before the first
        call is thrown away.
        """
        remote, can_send = _peer_address(media, self._engine.ip_version)
        worker = self._worker
        if not self._connected and not self._closed:
            self._connected = True
            worker.receiver.discard_waiting()
        self._post(lambda: worker.connect(media, remote, can_send and media.send))

    def play(self, samples: bytes | memoryview, *, repetition: int = 1, pause: float = 0.5) -> int:
        """See :class:`~offhook.media.engine.MediaLeg`. Before :meth:`connect` it waits."""
        number = next(self._numbers)
        playback = Playback(number, samples, max(1, repetition), round(pause * _SAMPLE_RATE))
        worker = self._worker
        self._post(lambda: worker.play(playback))
        return number

    def stop(self, playback: int | None = None) -> None:
        """See :class:`~offhook.media.engine.MediaLeg`."""
        worker = self._worker
        self._post(lambda: worker.sender.stop(playback))

    def send_digit(self, digit: str, duration: float = 0.1) -> None:
        """See :class:`~offhook.media.engine.MediaLeg`. Raises :class:`ValueError` for no key."""
        packets = dtmf.event_packets(digit, duration)
        worker = self._worker
        self._post(lambda: worker.send_digit(packets))

    def relay(self, other: MediaLeg | None) -> None:
        """See :class:`~offhook.media.engine.MediaLeg`. Raises :class:`TypeError` for a leg of

        another kind of engine.
        """
        if other is not None and not isinstance(other, PythonLeg):
            raise TypeError("legs of different engines cannot be relayed")
        target = None if other is None else other._worker
        worker = self._worker
        self._post(lambda: worker.relay(target))

    def record(self, sink: Sink | None) -> None:
        """See :class:`~offhook.media.engine.MediaLeg`."""
        worker = self._worker
        self._post(lambda: worker.record(sink))

    def record_sent(self, sink: Sink | None) -> None:
        """See :class:`~offhook.media.engine.MediaLeg`."""
        worker = self._worker
        self._post(lambda: worker.record_sent(sink))

    def statistics(self) -> LegStatistics:
        """See :class:`~offhook.media.engine.MediaLeg`."""
        return self._worker.snapshot()

    def close(self) -> None:
        """See :class:`~offhook.media.engine.MediaLeg`. What still plays ends as stopped."""
        if not self._closed:
            worker = self._worker
            self._post(worker.close)
            self._closed = True

    def deliver(self, event: MediaEvent) -> None:
        """Hand over an event, on the loop; after :meth:`close` only ends of playbacks."""
        if not self._closed or isinstance(event, PlaybackEnded):
            self._on_event(event)

    @property
    def worker(self) -> LegWorker:
        """The thread's half."""
        return self._worker

    def _post(self, command: Callable[[], None]) -> None:
        if not self._closed:
            self._engine.post(command)
