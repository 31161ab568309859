"""One leg of the Python engine: the asyncio side's handle and the pacing thread's half behind it."""

from __future__ import annotations

import ipaddress
import itertools
import math
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from offhook.media import dtmf, rtcp
from offhook.media.control import RtcpConversation, Sending
from offhook.media.engine import (
    DigitReceived,
    LegMedia,
    LegStatistics,
    MediaEvent,
    MediaLost,
    PlaybackEnded,
    PlaybackStarted,
)
from offhook.media.incoming import AudioPacket, Incoming, IncomingEvents
from offhook.media.outgoing import Address, Outgoing
from offhook.media.playout import Playback
from offhook.media.ports import SocketPair
from offhook.media.recorder import Recorder

if TYPE_CHECKING:
    from offhook.media.python_engine import PythonEngine

_SAMPLE_RATE: Final = 8000
_RECORD_EVERY: Final = 1.0
"""Seconds after which a recording is brought up to date where nothing comes."""


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


def _next_port(rtp_address: Address, signalled: int | None) -> Address | None:
    """Where the peer's RTCP is: as signalled, else on the port after RTP's (RFC 3550 §11)."""
    port = signalled or rtp_address[1] + 1
    return (rtp_address[0], port, *rtp_address[2:]) if port <= 65535 else None


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
        self._worker = LegWorker(engine, sockets, self, media_timeout)

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
            worker.incoming.discard_waiting()
        self._post(lambda: worker.connect(media, remote, can_send and media.send))

    def play(self, samples: bytes, *, repetition: int = 1, pause: float = 0.5) -> int:
        """See :class:`~offhook.media.engine.MediaLeg`. Before :meth:`connect` it waits."""
        number = next(self._numbers)
        playback = Playback(number, samples, max(1, repetition), round(pause * _SAMPLE_RATE))
        worker = self._worker
        self._post(lambda: worker.play(playback))
        return number

    def stop(self, playback: int | None = None) -> None:
        """See :class:`~offhook.media.engine.MediaLeg`."""
        worker = self._worker
        self._post(lambda: worker.outgoing.stop(playback))

    def send_digit(self, digit: str, duration: float = 0.1) -> None:
        """See :class:`~offhook.media.engine.MediaLeg`. Raises :class:`ValueError` for no key."""
        packets = dtmf.press(digit, duration)
        worker = self._worker
        self._post(lambda: worker.press(packets))

    def record(self, sink: Callable[[bytes], None] | None) -> None:
        """See :class:`~offhook.media.engine.MediaLeg`."""
        worker = self._worker
        self._post(lambda: worker.record(sink))

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


class LegWorker:
    """The thread's half of a leg. Apart from :meth:`snapshot` all of it runs in the thread."""

    __slots__ = (
        "_control",
        "_engine",
        "_handle",
        "_media",
        "_media_timeout",
        "_recorder",
        "_rtcp_remote",
        "_silent_since",
        "_watching",
        "closed",
        "incoming",
        "outgoing",
        "sockets",
    )

    def __init__(
        self,
        engine: PythonEngine,
        sockets: SocketPair,
        handle: PythonLeg,
        media_timeout: float | None,
    ) -> None:
        self._engine = engine
        self._handle = handle
        self._media_timeout = media_timeout
        self._media: LegMedia | None = None
        self._silent_since = math.inf
        self._watching = False
        self._control = RtcpConversation()
        self._rtcp_remote: Address | None = None
        self._recorder: Recorder | None = None
        self.sockets = sockets
        self.closed = False
        self.outgoing = Outgoing(sockets.rtp, self._playback_changed)
        self.incoming = Incoming(
            sockets.rtp,
            self.outgoing.ssrc,
            IncomingEvents(self._latched, self._digit, self._collision, self._report_received),
        )

    def connect(self, media: LegMedia, remote: Address, can_send: bool) -> None:
        """Begin, or change, the exchange."""
        if self.closed:
            return
        first, self._media = self._media is None, media
        self.incoming.configure(media, remote)
        self.outgoing.configure(media, self.incoming.remote or remote, can_send)
        if first:
            self._engine.watch(self.sockets.rtp, self.incoming.receive)
            self._engine.watch(self.sockets.rtcp, self._read_rtcp)
            self._report_after(initial=True)
        self._silent_since = self._engine.now if media.receive else math.inf
        if self._media_timeout is not None and media.receive and not self._watching:
            self._watching = True
            self._engine.call_at(self._engine.now + self._media_timeout, self._check_media)
        self._engine.schedule(self.outgoing)

        port = media.remote_port if media.rtcp_mux else media.remote_rtcp_port
        self._rtcp_remote = _next_port(remote, port)
        if self._recorder is not None:
            self._recorder.set_codec(media.codec)

    def play(self, playback: Playback) -> None:
        """Queue a playback, or end it at once when that is impossible."""
        if self.closed or not self.outgoing.play(playback):
            self._playback_changed(playback.number, True, True)
        else:
            self._engine.schedule(self.outgoing)

    def press(self, packets: list[dtmf.EventPacket]) -> None:
        """Queue a key."""
        self.outgoing.press(packets)
        self._engine.schedule(self.outgoing)

    def close(self) -> None:
        """Free everything; what plays ends as stopped."""
        if self.closed:
            return
        self.closed = True
        self.record(None)
        if self._control.spoken or self.outgoing.packets_sent:
            self._send_report(bye=True)
        self.outgoing.can_send = False
        self.outgoing.stop(None)
        self._engine.unwatch(self.sockets.rtp)
        self._engine.unwatch(self.sockets.rtcp)
        self._engine.forget(self)

    def record(self, sink: Callable[[bytes], None] | None) -> None:
        """Begin, or end, a recording of what arrives."""
        now = time.monotonic()
        if self._recorder is not None:
            self._recorder.finish(now)
            self._recorder = self.incoming.audio = None
        if sink is not None and not self.closed:
            codec = self._media.codec if self._media is not None else "PCMU"
            self._recorder = Recorder(sink, codec, now)
            self.incoming.audio = self._heard
            self._keep_recording(now)

    def _heard(self, packet: AudioPacket) -> None:
        if self._recorder is not None and packet.is_audio:
            if packet.marker:
                self._recorder.restart()
            self._recorder.packet(packet.timestamp, packet.payload, packet.arrival)

    def _keep_recording(self, now: float) -> None:
        """Silence is written down as well."""
        recorder = self._recorder
        if recorder is None:
            return

        def advance(now: float) -> None:
            if self._recorder is recorder:
                recorder.advance(now)
                self._engine.call_at(now + _RECORD_EVERY, advance)

        self._engine.call_at(now + _RECORD_EVERY, advance)

    def snapshot(self) -> LegStatistics:
        """The counters so far, from any thread."""
        counts = self.incoming.counts
        source = self.incoming.statistics
        return LegStatistics(
            packets_sent=self.outgoing.packets_sent,
            octets_sent=self.outgoing.octets_sent,
            packets_received=counts.received,
            packets_expected=counts.expected,
            packets_lost=counts.lost,
            packets_late=counts.late,
            jitter=source.jitter if source is not None else 0.0,
            remote_fraction_lost=self._control.remote_fraction_lost,
            remote_jitter=self._control.remote_jitter,
            round_trip=self._control.round_trip,
        )

    def _check_media(self, now: float) -> None:
        """Report the peer's silence once it has lasted too long; else look again when it would."""
        if self.closed or self._media_timeout is None or self._silent_since == math.inf:
            self._watching = False
            return
        due = max(self._silent_since, self.incoming.heard_at) + self._media_timeout
        if now < due:
            self._engine.call_at(due, self._check_media)
        else:
            self._media_timeout = None
            self._emit(MediaLost(at=now))

    def _emit(self, event: MediaEvent) -> None:
        self._engine.emit(self._handle, event)

    def _playback_changed(self, number: int, ended: bool, stopped: bool) -> None:
        now = self._engine.now
        if ended:
            self._emit(PlaybackEnded(at=now, playback=number, stopped=stopped))
        else:
            self._emit(PlaybackStarted(at=now, playback=number))

    def _latched(self, address: Address) -> None:
        self.outgoing.remote = address
        mux = self._media is not None and self._media.rtcp_mux
        self._rtcp_remote = address if mux else _next_port(address, None)

    def _collision(self) -> None:
        """The peer uses our SSRC: leave it with a BYE and go on with another (RFC 3550 §8.2)."""
        self._send_report(bye=True)
        self.outgoing.new_source()
        self.incoming.own_ssrc = self.outgoing.ssrc

    def _report_after(self, *, initial: bool = False) -> None:
        delay = rtcp.interval(random.random(), initial=initial)  # noqa: S311 not a secret
        self._engine.call_at(self._engine.now + delay, self._report)

    def _report(self, _now: float) -> None:
        if not self.closed:
            self._send_report()
            self._report_after()

    def _sending(self) -> Sending:
        outgoing = self.outgoing
        return Sending(
            outgoing.ssrc,
            outgoing.timestamp(self._engine.tick_at(time.monotonic())),
            outgoing.packets_sent,
            outgoing.octets_sent,
            outgoing.first_sequence,
        )

    def _send_report(self, *, bye: bool = False) -> None:
        if self._rtcp_remote is None or self._media is None:
            return
        incoming = self.incoming
        source = None
        if incoming.ssrc is not None and incoming.statistics is not None:
            source = (incoming.ssrc, incoming.statistics)
        packet = self._control.report(
            self._sending(), source, now=time.monotonic(), wall=time.time(), bye=bye
        )
        sock = self.sockets.rtp if self._media.rtcp_mux else self.sockets.rtcp
        try:
            sock.sendto(packet, self._rtcp_remote)
        except OSError:
            self.outgoing.errors += 1

    def _read_rtcp(self, _pass: int, _now: float, _skew: float) -> None:
        try:
            datagram, address = self.sockets.rtcp.recvfrom(rtcp.MAX_DATAGRAM + 1)
        except BlockingIOError:
            return
        except OSError:
            self.incoming.discarded += 1
            return
        remote = self.incoming.remote
        if remote is None or address[0] != remote[0]:
            self.incoming.discarded += 1
        elif self._report_received(memoryview(datagram), address):
            self._rtcp_remote = address

    def _report_received(self, datagram: memoryview, _address: Address) -> bool:
        now = time.monotonic()
        known = self._control.received(datagram, self._sending(), self.incoming.ssrc, now)
        if known:
            self.incoming.heard_at = now
        else:
            self.incoming.discarded += 1
        return known

    def _digit(self, digit: str, at: float) -> None:
        self._emit(DigitReceived(at=at, digit=digit))
