"""One leg of the native engine."""

from __future__ import annotations

import ipaddress
import itertools
import logging
from collections.abc import Callable
from enum import IntEnum
from typing import Final, final

from offhook.media import telephone_event as dtmf
from offhook.media.audio import SAMPLE_RATE
from offhook.media.engine import (
    DigitReceived,
    DigitWay,
    LegFailed,
    LegStatistics,
    MediaEvent,
    MediaLeg,
    MediaLost,
    MediaSources,
    PlaybackEnded,
    PlaybackStarted,
    Sound,
    SourceRefused,
)
from offhook.media.native import _core
from offhook.negotiated import Codec, NegotiatedMedia, SrtpSuite

_log = logging.getLogger(__name__)

CODECS: Final = {Codec.PCMU: 0, Codec.PCMA: 1, Codec.G722: 2, Codec.OPUS: 3}
"""As the library numbers them (``enum oh_codec``)."""
SUITES: Final = {
    SrtpSuite.AES_CM_128_HMAC_SHA1_80: 1,
    SrtpSuite.AES_CM_128_HMAC_SHA1_32: 2,
    SrtpSuite.AES_256_CM_HMAC_SHA1_80: 3,
    SrtpSuite.AES_256_CM_HMAC_SHA1_32: 4,
    SrtpSuite.AEAD_AES_128_GCM: 5,
    SrtpSuite.AEAD_AES_256_GCM: 6,
}
"""``enum oh_suite``."""
_NO_SOURCES: Final = MediaSources()
_LONGEST_PAUSE: Final = 0xFFFFFFFF
_MOST_PASSES: Final = 0xFFFFFFFF


class _EventKind(IntEnum):
    """``enum oh_event_kind``."""

    PLAYBACK_STARTED = 1
    PLAYBACK_ENDED = 2
    DIGIT = 3
    MEDIA_LOST = 4
    SOURCE_REFUSED = 5
    LEG_FAILED = 6
    LEG_CLOSED = 7


@final
class NativeSound(Sound):
    """A sound in the library, which reads the octets where they are."""

    __slots__ = ("core",)

    def __init__(self, core: _core.Sound) -> None:
        self.core = core

    @property
    def samples(self) -> int:
        return self.core.samples


def _to_nobody(event: MediaEvent) -> None:
    """The leg is over."""


@final
class NativeLeg(MediaLeg):
    """Hands each command to the library, and makes events of what it tells."""

    def __init__(
        self, core: _core.Leg, on_event: Callable[[MediaEvent], None], ip_version: int
    ) -> None:
        self._core = core
        self._on_event = on_event
        self._ip_version = ip_version
        self._numbers = itertools.count(1)
        self._closed = False

    @property
    def local_port(self) -> int:
        return self._core.port

    def connect(self, media: NegotiatedMedia, sources: MediaSources = _NO_SOURCES) -> None:
        host = self._peer(media)
        if self._closed:
            return
        self._core.connect(
            host,
            media.remote_port,
            media.remote_rtcp_port or 0,
            CODECS[media.codec],
            media.payload_type,
            media.ptime,
            _or_none(media.dtmf_payload_type),
            _or_none(media.dtmf_receive_payload_type),
            media.send,
            media.receive,
            media.rtcp_mux,
            _types(media),
            _networks(sources),
            *_keys(media),
        )

    def keep_sending(self) -> None:
        if not self._closed:
            self._core.keep_sending()

    def play(self, sound: Sound, *, repetition: int = 1, pause: float = 0.5) -> int:
        core = _own(sound)
        number = next(self._numbers)
        if not self._closed:
            passes = min(max(1, repetition), _MOST_PASSES)
            self._core.play(core, number, passes, _octets(pause))
        return number

    def play_below(self, sound: Sound | None, *, pause: float = 0.0) -> None:
        core = None if sound is None else _own(sound)
        if not self._closed:
            self._core.play_below(core, _octets(pause))

    def stop(self, playback: int | None = None) -> None:
        if not self._closed:
            self._core.stop(playback or 0)

    def send_digit(self, digit: str, duration: float = 0.1) -> None:
        digit = digit.upper()
        if len(digit) != 1 or digit not in dtmf.DIGITS:
            raise ValueError(f"not a DTMF digit: {digit!r}")
        if not self._closed:
            self._core.send_digit(digit, duration)

    def relay(self, other: MediaLeg | None) -> None:
        if other is not None and not isinstance(other, NativeLeg):
            raise TypeError("legs of different engines cannot be relayed")
        if not self._closed:
            self._core.relay(None if other is None else other._core)

    def start_tap(self) -> None:
        if not self._closed:
            self._core.start_tap()

    def stop_tap(self) -> None:
        if not self._closed:
            self._core.stop_tap()

    def take_frames(self) -> bytes:
        return self._core.take_frames()

    def statistics(self) -> LegStatistics:
        numbers = self._core.statistics()
        sent, octets, received, expected, lost, late, refused, jitter, *remote = numbers
        remote_loss, remote_jitter, round_trip = (None if one < 0 else one for one in remote)
        return LegStatistics(
            packets_sent=sent,
            octets_sent=octets,
            packets_received=received,
            packets_expected=expected,
            packets_lost=lost,
            packets_late=late,
            packets_refused=refused,
            jitter=jitter,
            remote_fraction_lost=remote_loss,
            remote_jitter=remote_jitter,
            round_trip=round_trip,
        )

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._core.close()

    def deliver(self, event: _core.Event) -> bool:
        """Give an event to the listener; True when it was the last.

        After :meth:`close` only ends of playbacks are given.
        """
        kind, _, at, number, flag, digit, host = event
        if kind == _EventKind.LEG_CLOSED:
            self._closed = True
            # The listener holds the call, and the call this leg: together they would be a cycle.
            self._on_event = _to_nobody
            return True
        if kind == _EventKind.PLAYBACK_ENDED:
            self._on_event(PlaybackEnded(at=at, playback=number, stopped=bool(flag)))
        elif not self._closed:
            self._tell(_EventKind(kind), at, number, bool(flag), digit, host)
        return False

    def _tell(
        self, kind: _EventKind, at: float, number: int, flag: bool, digit: str, host: bytes
    ) -> None:
        if kind is _EventKind.PLAYBACK_STARTED:
            self._on_event(PlaybackStarted(at=at, playback=number))
        elif kind is _EventKind.DIGIT:
            way = DigitWay.TONE if flag else DigitWay.EVENT
            self._on_event(DigitReceived(at=at, digit=digit, way=way))
        elif kind is _EventKind.MEDIA_LOST:
            self._on_event(MediaLost(at=at))
        elif kind is _EventKind.SOURCE_REFUSED:
            self._on_event(SourceRefused(at=at, host=str(ipaddress.ip_address(host))))
        elif kind is _EventKind.LEG_FAILED:
            _log.error("a media leg on port %d failed: no memory", self.local_port)
            self._on_event(LegFailed(at=at, detail="no memory"))

    def _peer(self, media: NegotiatedMedia) -> bytes:
        """The RTP address signalled.

        Raises :class:`ValueError` for a host that is no literal address of our address family.
        """
        address = ipaddress.ip_address(media.remote_host)
        if address.version != self._ip_version or address.is_multicast:
            raise ValueError(f"cannot exchange media with {address}")
        if not 1 <= media.remote_port <= 65535:
            raise ValueError(f"not a port: {media.remote_port}")
        return address.packed


def _own(sound: Sound) -> _core.Sound:
    """The library's sound; raises :class:`TypeError` for one of another kind of engine."""
    if not isinstance(sound, NativeSound):
        raise TypeError("sounds of another engine cannot be played")
    return sound.core


def _or_none(payload_type: int | None) -> int:
    return -1 if payload_type is None else payload_type


def _octets(pause: float) -> int:
    return min(max(0, round(pause * SAMPLE_RATE)), _LONGEST_PAUSE)


def _types(media: NegotiatedMedia) -> bytes:
    """By payload type the codec's number and one; 0: none."""
    types = bytearray(128)
    for payload_type, codec in media.receive_types.items():
        types[payload_type] = CODECS[codec] + 1
    return bytes(types)


def _keys(media: NegotiatedMedia) -> tuple[int, bytes, bytes]:
    """The suite's number, our key and the peer's.

    Raises :class:`ValueError` for keys of two suites, which the library does not have.
    """
    ours, theirs = media.send_key, media.receive_key
    if ours is None and theirs is None:
        return 0, b"", b""
    if ours is None or theirs is None or ours.suite is not theirs.suite:
        raise ValueError("both directions have the same suite of SRTP")
    return SUITES[ours.suite], ours.key, theirs.key


def _networks(sources: MediaSources) -> bytes:
    """18 octets each: version, prefix, address."""
    hosts = (ipaddress.ip_address(host.partition("%")[0]) for host in sources.hosts)
    parts: list[tuple[int, int, bytes]] = [
        (host.version, host.max_prefixlen, host.packed) for host in hosts
    ]
    parts += [(net.version, net.prefixlen, net.network_address.packed) for net in sources.networks]
    return b"".join(
        bytes((version, prefix)) + packed.ljust(16, b"\0") for version, prefix, packed in parts
    )
