"""One leg of the Python engine: the asyncio side's handle."""

from __future__ import annotations

import ipaddress
import itertools
import socket
from collections.abc import Callable
from typing import Final, final

from offhook.media import telephone_event as dtmf
from offhook.media.engine import (
    LegStatistics,
    MediaEvent,
    MediaLeg,
    MediaSources,
    PlaybackEnded,
    Sound,
)
from offhook.media.playout import LoadedSound, QueuedPlayback
from offhook.media.python.leg_worker import LegClosed, LegWorker
from offhook.media.python.pacing import Address
from offhook.media.python.port_pool import SocketPair
from offhook.media.python.services import EngineServices
from offhook.negotiated import NegotiatedMedia

_SAMPLE_RATE: Final = 8000
_NO_SOURCES: Final = MediaSources()


def _peer_address(media: NegotiatedMedia, family: socket.AddressFamily) -> Address:
    """The RTP address signalled.

    Raises :class:`ValueError` for a host that is no literal address of our address family.
    """
    address = ipaddress.ip_address(media.remote_host)
    ours = 6 if family == socket.AF_INET6 else 4
    if address.version != ours or address.is_multicast:
        raise ValueError(f"cannot exchange media with {address}")
    if not 1 <= media.remote_port <= 65535:
        raise ValueError(f"not a port: {media.remote_port}")
    scope = (0, 0) if address.version == 6 else ()
    return (str(address), media.remote_port, *scope)


def _own(sound: Sound) -> LoadedSound:
    """A sound of this kind of engine; raises :class:`TypeError` for another."""
    if not isinstance(sound, LoadedSound):
        raise TypeError("sounds of another engine cannot be played")
    return sound


def _to_nobody(_event: MediaEvent) -> None:
    """Drops the events of a leg that is over."""


@final
class PythonLeg(MediaLeg):
    """Hands each command to the pacing thread."""

    def __init__(
        self,
        engine: EngineServices,
        sockets: SocketPair,
        on_event: Callable[[MediaEvent], None],
        media_timeout: float | None,
    ) -> None:
        self._engine = engine
        self._on_event = on_event
        self._numbers = itertools.count(1)
        self._connected = False
        self._closed = False
        self._family = sockets.rtp.family
        self._worker = LegWorker(engine, sockets, self._deliver, media_timeout)
        self._post(self._worker.open)

    @property
    def local_port(self) -> int:
        return self._worker.sockets.port

    def connect(self, media: NegotiatedMedia, sources: MediaSources = _NO_SOURCES) -> None:
        remote = _peer_address(media, self._family)
        worker = self._worker
        if not self._connected and not self._closed:
            self._connected = True
            worker.receiver.discard_waiting()
        self._post(lambda: worker.connect(media, remote, sources))

    def keep_sending(self) -> None:
        self._post(self._worker.keep_sending)

    def play(self, sound: Sound, *, repetition: int = 1, pause: float = 0.5) -> int:
        loaded = _own(sound)
        number = next(self._numbers)
        playback = QueuedPlayback(number, loaded, max(1, repetition), round(pause * _SAMPLE_RATE))
        worker = self._worker
        self._post(lambda: worker.play(playback))
        return number

    def play_below(self, sound: Sound | None, *, pause: float = 0.0) -> None:
        loaded = None if sound is None else _own(sound)
        worker, pause_octets = self._worker, round(pause * _SAMPLE_RATE)
        self._post(lambda: worker.play_below(loaded, pause_octets))

    def stop(self, playback: int | None = None) -> None:
        worker = self._worker
        self._post(lambda: worker.sender.stop(playback))

    def send_digit(self, digit: str, duration: float = 0.1) -> None:
        digit = digit.upper()
        if len(digit) != 1 or digit not in dtmf.DIGITS:
            raise ValueError(f"not a DTMF digit: {digit!r}")
        worker = self._worker
        self._post(lambda: worker.send_digit(digit, duration))

    def relay(self, other: MediaLeg | None) -> None:
        if other is not None and not isinstance(other, PythonLeg):
            raise TypeError("legs of different engines cannot be relayed")
        target = None if other is None else other._worker
        worker = self._worker
        self._post(lambda: worker.relay(target))

    def start_tap(self) -> None:
        self._post(self._worker.start_tap)

    def stop_tap(self) -> None:
        self._post(self._worker.stop_tap)

    def take_frames(self) -> bytes:
        return self._worker.tapped.take()

    def statistics(self) -> LegStatistics:
        return self._worker.snapshot()

    def close(self) -> None:
        if not self._closed:
            self._post(self._worker.close)
            self._closed = True

    def _deliver(self, event: MediaEvent) -> None:
        """Hand over an event, on the loop; after :meth:`close` only ends of playbacks."""
        if isinstance(event, LegClosed):
            self._on_event = _to_nobody
        elif not self._closed or isinstance(event, PlaybackEnded):
            self._on_event(event)

    def _post(self, command: Callable[[], None]) -> None:
        if not self._closed:
            self._engine.post(command, self._worker.fail)
