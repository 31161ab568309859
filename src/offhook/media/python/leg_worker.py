"""One leg of the Python engine: the pacing thread's half."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from offhook.media import dtmf
from offhook.media.audio_recorder import AudioRecorder
from offhook.media.engine import (
    DigitReceived,
    LegMedia,
    LegStatistics,
    MediaEvent,
    MediaLost,
    PlaybackEnded,
    PlaybackStarted,
)
from offhook.media.playout import Playback
from offhook.media.python.port_pool import SocketPair
from offhook.media.python.receiver import AudioPacket, ReceiverEvents, RtpReceiver
from offhook.media.python.relay import Relay
from offhook.media.python.rtcp_port import RtcpPort
from offhook.media.python.sender import Address, RtpSender
from offhook.media.tones import InbandDigits

if TYPE_CHECKING:
    from offhook.media.python.python_engine import PythonEngine

_RECORD_EVERY: Final = 1.0
"""Seconds after which a recording is brought up to date where nothing comes."""
Sink = Callable[[bytes], None]


class LegWorker:
    """The state of a leg. Apart from :meth:`snapshot` all of it runs in the pacing thread."""

    __slots__ = (
        "_emit",
        "_engine",
        "_inband",
        "_media",
        "_media_timeout",
        "_recorder",
        "_relay",
        "_rtcp",
        "_sent_recorder",
        "_silent_since",
        "_watching",
        "closed",
        "receiver",
        "sender",
        "sockets",
    )

    def __init__(
        self,
        engine: PythonEngine,
        sockets: SocketPair,
        emit: Callable[[MediaEvent], None],
        media_timeout: float | None,
    ) -> None:
        self._engine = engine
        self._emit = emit
        self._media_timeout = media_timeout
        self._media: LegMedia | None = None
        self._silent_since = math.inf
        self._watching = False
        self._recorder: AudioRecorder | None = None
        self._sent_recorder: AudioRecorder | None = None
        self._relay: Relay | None = None
        self._inband: InbandDigits | None = None
        self.sockets = sockets
        self.closed = False
        self.sender = RtpSender(sockets.rtp, self._playback_changed)
        self.receiver = RtpReceiver(
            sockets.rtp,
            self.sender.ssrc,
            ReceiverEvents(self._latched, self._digit, self._collision, self._report),
            engine.buffer,
        )
        self._rtcp = RtcpPort(sockets, engine, self.receiver, self.sender)

    def connect(self, media: LegMedia, remote: Address, can_send: bool) -> None:
        """Begin, or change, the exchange."""
        if self.closed:
            return
        first, self._media = self._media is None, media
        self.receiver.configure(media, remote)
        latched = self.receiver.remote or remote
        self.sender.configure(media, latched, can_send)
        self._rtcp.configure(media, latched)
        if first:
            self._engine.watch(self.sockets.rtp, self.receiver.receive)
            self._engine.watch(self.sockets.rtcp, self._rtcp.read)
            self._rtcp.start()
        for recorder in (self._recorder, self._sent_recorder):
            if recorder is not None:
                recorder.set_codec(media.codec)
        # Tones in the audio count only where keys cannot come as events: else they count twice.
        events = media.dtmf_receive_payload_type is not None
        self._inband = None if events else InbandDigits(media.codec)
        self._listen()
        self._watch_media(media.receive)
        self._engine.schedule(self.sender)

    def play(self, playback: Playback) -> None:
        """Queue a playback, or end it at once when that is impossible."""
        if self.closed or not self.sender.play(playback):
            self._playback_changed(playback.number, True, True)
        else:
            self._engine.schedule(self.sender)

    def send_digit(self, packets: list[dtmf.EventPacket]) -> None:
        """Queue a key."""
        self.sender.send_digit(packets)
        self._engine.schedule(self.sender)

    def relay(self, other: LegWorker | None) -> None:
        """Pass what arrives on to another leg, or to none."""
        self._relay = None
        if other is not None and not other.closed:
            self._relay = Relay(other.sender, self._engine.tick_at)
        self._listen()

    def record(self, sink: Sink | None) -> None:
        """Begin, or end, a recording of what arrives."""
        if self._recorder is not None:
            self._recorder.finish(self._engine.now)
        self._recorder = self._new_recorder(sink)
        self._listen()

    def record_sent(self, sink: Sink | None) -> None:
        """Begin, or end, a recording of what we send."""
        if self._sent_recorder is not None:
            self._sent_recorder.finish(self._engine.now)
        self._sent_recorder = self._new_recorder(sink)
        self.sender.tap = self._said if self._sent_recorder is not None else None

    def close(self) -> None:
        """Say goodbye and free everything; what plays ends as stopped."""
        if self.closed:
            return
        self.closed = True
        self.record(None)
        self.record_sent(None)
        self.relay(None)
        self._rtcp.close()
        self.sender.can_send = False
        self.sender.stop(None)
        self._engine.unwatch(self.sockets.rtp)
        self._engine.unwatch(self.sockets.rtcp)
        self._engine.forget(self)

    def snapshot(self) -> LegStatistics:
        """The counters so far, from any thread."""
        counts = self.receiver.counts
        source = self.receiver.statistics
        told = self._rtcp.session
        return LegStatistics(
            packets_sent=self.sender.packets_sent,
            octets_sent=self.sender.octets_sent,
            packets_received=counts.received,
            packets_expected=counts.expected,
            packets_lost=counts.lost,
            packets_late=counts.late,
            jitter=source.jitter if source is not None else 0.0,
            remote_fraction_lost=told.remote_fraction_lost,
            remote_jitter=told.remote_jitter,
            round_trip=told.round_trip,
        )

    # Listening to the audio.

    def _new_recorder(self, sink: Sink | None) -> AudioRecorder | None:
        if sink is None or self.closed:
            return None
        codec = self._media.codec if self._media is not None else "PCMU"
        recorder = AudioRecorder(sink, codec, self._engine.now)

        def advance(now: float) -> None:
            if recorder in (self._recorder, self._sent_recorder):
                recorder.advance(now)
                self._engine.call_at(now + _RECORD_EVERY, advance)

        self._engine.call_at(self._engine.now + _RECORD_EVERY, advance)
        return recorder

    def _listen(self) -> None:
        """Have the packets' contents brought here only while somebody wants them."""
        listeners = (self._recorder, self._relay, self._inband)
        self.receiver.audio = self._heard if any(one is not None for one in listeners) else None

    def _heard(self, packet: AudioPacket) -> None:
        if self._relay is not None and self._media is not None:
            self._relay.packet(packet, self._media.codec)
        if self._recorder is not None and packet.is_audio:
            self._recorder.packet(packet.ssrc, packet.timestamp, packet.payload, packet.arrival)
        if self._inband is not None and packet.is_audio:
            for digit in self._inband.packet(packet.ssrc, packet.timestamp, packet.payload):
                self._digit(digit, packet.arrival)

    def _said(self, timestamp: int, payload: bytes | memoryview) -> None:
        if self._sent_recorder is not None:
            self._sent_recorder.packet(self.sender.ssrc, timestamp, payload, self._engine.now)

    # The peer's silence.

    def _watch_media(self, receiving: bool) -> None:
        """The media timeout runs while the peer is expected to send."""
        now = self._engine.now
        self._silent_since = now if receiving else math.inf
        if self._media_timeout is not None and receiving and not self._watching:
            self._watching = True
            self._engine.call_at(now + self._media_timeout, self._check_media)

    def _check_media(self, now: float) -> None:
        """Report the peer's silence once it has lasted too long; else look again when it would."""
        if self.closed or self._media_timeout is None or self._silent_since == math.inf:
            self._watching = False
            return
        due = max(self._silent_since, self.receiver.heard_at) + self._media_timeout
        if now < due:
            self._engine.call_at(due, self._check_media)
        else:
            self._media_timeout = None
            self._emit(MediaLost(at=now))

    # What the two sides report.

    def _playback_changed(self, number: int, ended: bool, stopped: bool) -> None:
        now = self._engine.now
        if ended:
            self._emit(PlaybackEnded(at=now, playback=number, stopped=stopped))
        else:
            self._emit(PlaybackStarted(at=now, playback=number))

    def _latched(self, address: Address) -> None:
        self.sender.remote = address
        self._rtcp.moved(address)

    def _digit(self, digit: str, at: float) -> None:
        self._emit(DigitReceived(at=at, digit=digit))

    def _collision(self) -> None:
        """The peer uses our SSRC: leave it with a BYE and go on with another (RFC 3550 §8.2)."""
        self._rtcp.send(bye=True)
        self.sender.new_source()
        self.receiver.own_ssrc = self.sender.ssrc

    def _report(self, datagram: memoryview) -> None:
        self._rtcp.received(datagram)
