"""One leg of the Python engine: the pacing thread's half.

Theory of operation. Every function of :class:`LegWorker` but :meth:`~LegWorker.snapshot` runs in the pacing
thread: as a command of the asyncio side, when a packet arrives, or when a timer is due. An exception in
one of them goes to :meth:`LegWorker.fail`, which logs it once, ends this leg and tells the call, so that
an error in one leg costs other legs no packet.
"""

from __future__ import annotations

import logging
import math
import weakref
from collections.abc import Callable
from functools import partial
from typing import Final

from offhook.media.engine import (
    DigitReceived,
    DigitWay,
    LegFailed,
    LegStatistics,
    MediaEvent,
    MediaLost,
    MediaSources,
    PlaybackEnded,
    PlaybackStarted,
    SourceRefused,
)
from offhook.media.playout import LoadedSound, PlaybackChange, QueuedPlayback, RepeatedTone
from offhook.media.python.pacing import Address
from offhook.media.python.port_pool import SocketPair
from offhook.media.python.received import ReceivedPacket, ReceiverEvents
from offhook.media.python.relay import Relay
from offhook.media.python.rtcp_port import RtcpPort
from offhook.media.python.rtp_receiver import RtpReceiver
from offhook.media.python.rtp_sender import RtpSender
from offhook.media.python.services import EngineServices
from offhook.media.python.tap_buffer import TapBuffer
from offhook.media.tap_frames import TapFrameKind
from offhook.media.tones import InbandDigits
from offhook.negotiated import Codec, NegotiatedMedia

_log = logging.getLogger(__name__)

_SILENCE_AFTER: Final = 0.06
"""Seconds after the answer during which no silence is sent, so that a prompt can start on the next tick."""
_RELAYED_TONE: Final = 0.1
"""Seconds of the tones for a digit that came as an event."""


class LegClosed(MediaEvent, frozen=True, kw_only=True):
    """The last event of a leg: nothing more comes from its worker."""


def _to_nobody(_event: MediaEvent) -> None:
    """Drops the events of a leg that is over."""


def _check_media(worker: weakref.ref[LegWorker], now: float) -> None:
    leg = worker()
    if leg is not None:
        leg.check_media(now)


def _fail(worker: weakref.ref[LegWorker], error: BaseException) -> None:
    leg = worker()
    if leg is not None:
        leg.fail(error)


class LegWorker:
    """The state of a leg. Apart from :meth:`snapshot` all of it runs in the pacing thread."""

    __slots__ = (
        "__weakref__",
        "_emit",
        "_engine",
        "_inband",
        "_media",
        "_media_timeout",
        "_relay",
        "_relay_target",
        "_rtcp",
        "_silent_since",
        "_tap",
        "_watching",
        "closed",
        "receiver",
        "sender",
        "sockets",
        "tapped",
    )

    def __init__(
        self,
        engine: EngineServices,
        sockets: SocketPair,
        deliver: Callable[[MediaEvent], None],
        media_timeout: float | None,
    ) -> None:
        """``deliver`` takes this leg's events, on the loop."""
        self._engine = engine
        self._emit: Callable[[MediaEvent], None] = partial(engine.emit, deliver)
        self._media_timeout = media_timeout
        self._media: NegotiatedMedia | None = None
        self._silent_since = math.inf
        self._watching = False
        self._tap: TapBuffer | None = None
        self.tapped = TapBuffer()
        """The frames of the tap, also once it is over."""
        self._relay: Relay | None = None
        self._relay_target: LegWorker | None = None
        self._inband: InbandDigits | None = None
        self.sockets = sockets
        self.closed = False
        fail = partial(_fail, weakref.ref(self))  # timers hold it for longer than the leg lives
        self.sender = RtpSender(sockets.rtp, self._playback_changed, fail)
        self.receiver = RtpReceiver(
            sockets.rtp,
            self.sender.ssrc,
            ReceiverEvents(
                self._latched, self._event_digit, self._collision, self._report, self._refused
            ),
            engine.buffer,
        )
        self._rtcp = RtcpPort(sockets, engine, self.receiver, self.sender, fail)

    def open(self) -> None:
        """Register the leg, so that the engine closes it when the engine ends."""
        self._engine.adopt(self.close)

    def connect(self, media: NegotiatedMedia, remote: Address, sources: MediaSources) -> None:
        """Begin, or change, the exchange. An unspecified ``remote`` host is hold."""
        if self.closed:
            return
        first, self._media = self._media is None, media
        self.receiver.configure(media, remote, sources)
        latched = self.receiver.remote or remote
        unspecified = remote[0] in ("0.0.0.0", "::")  # noqa: S104 compared, not bound
        if media.ptime != self.sender.ptime:
            self._engine.unschedule(self.sender)
        self.sender.configure(media, latched, media.send and not unspecified)
        self._rtcp.configure(media, remote if unspecified else latched)
        if first:
            self._engine.watch(self.sockets.rtp, self.receiver.receive, self.fail)
            self._engine.watch(self.sockets.rtcp, self._rtcp.read, self.fail)
            self._rtcp.start()
        # Tones in the audio count only where the peer did not agree to events: else they count twice.
        if media.dtmf_payload_type is not None:
            self._inband = None
        elif self._inband is None:
            self._inband = InbandDigits()
        self._listen()
        self._watch_media(expected=media.two_way and not unspecified)
        self._engine.schedule(self.sender)

    def keep_sending(self) -> None:
        """Send silence from now on when there is nothing else to send."""
        self.sender.keeps_sending = not self.closed
        begin = self._engine.now + _SILENCE_AFTER
        self._engine.call_at(begin, lambda _now: self._engine.schedule(self.sender), self.fail)

    def play(self, playback: QueuedPlayback) -> None:
        """Queue a playback, or end it at once when that is impossible."""
        if self.closed or not self.sender.play(playback):
            self._emit(PlaybackEnded(at=self._engine.now, playback=playback.number, stopped=True))
        else:
            self._engine.schedule(self.sender)

    def play_below(self, sound: LoadedSound | None, pause_octets: int) -> None:
        """Repeat a sound while there is nothing else to send."""
        if not self.closed:
            tone = None if sound is None else RepeatedTone(sound, pause_octets)
            self.sender.play_below(tone)
            self._engine.schedule(self.sender)

    def send_digit(self, digit: str, duration: float) -> None:
        """Queue a digit."""
        if not self.closed:
            self.sender.send_digit(digit, duration)
            self._engine.schedule(self.sender)

    def relay(self, other: LegWorker | None) -> None:
        """Pass what arrives on to another leg, or to none."""
        if self._relay is not None:
            self._relay.close()
        self._relay = self._relay_target = None
        if other is not None and not other.closed and not self.closed:
            self._relay = Relay(other.sender, self._engine.tick_at)
            self._relay_target = other
        self._listen()

    def start_tap(self) -> None:
        """Keep frames from now on."""
        if self._tap is None and not self.closed:
            self._tap = self.tapped
            self.sender.own_tap = self._made
            self._listen()

    def stop_tap(self) -> None:
        """Keep no more frames."""
        if self._tap is not None:
            self._tap.end(self._engine.now)
            self._tap = self.sender.own_tap = None
            self._listen()

    def close(self) -> None:
        """Send RTCP BYE and free everything; playbacks end as stopped."""
        if self.closed:
            return
        self.closed = True
        self.stop_tap()
        self.relay(None)
        self._rtcp.close()
        self.sender.disconnect()
        self._engine.unwatch(self.sockets.rtp)
        self._engine.unwatch(self.sockets.rtcp)
        self._engine.forget(self.close, self.sockets)
        self._emit(LegClosed(at=self._engine.now))
        self._let_go()

    def _let_go(self) -> None:
        """Release all callbacks of this leg.

        Leg, worker, sender and receiver hold each other by their callbacks. Once the leg is over they
        must be freed without the garbage collector, because its pauses interrupt the audio of all other
        legs.
        """
        self._emit = _to_nobody
        self.sender.let_go()
        self.receiver.let_go()
        self._rtcp.let_go()

    def fail(self, error: BaseException) -> None:
        """The handling of a packet, a command or a timer of this leg raised: end the leg."""
        if self.closed:
            return
        _log.error("a media leg on port %d failed", self.sockets.port, exc_info=error)
        self._emit(LegFailed(at=self._engine.now, detail=f"{type(error).__name__}: {error}"))
        try:
            self.close()
        except Exception:
            self.closed = True
            self.sender.connected = False
            _log.exception("a failed media leg could not be closed cleanly")
            self._engine.forget(self.close, self.sockets)
            self._emit(LegClosed(at=self._engine.now))
            self._let_go()

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
            packets_refused=self.receiver.refused,
            jitter=source.jitter if source is not None else 0.0,
            remote_fraction_lost=told.remote_fraction_lost,
            remote_jitter=told.remote_jitter,
            round_trip=told.round_trip,
        )

    # Received audio.

    def _listen(self) -> None:
        """Receive packet contents only while they are needed."""
        listeners = (self._relay, self._inband, self._tap)
        self.receiver.audio = self._heard if any(one is not None for one in listeners) else None

    def _heard(self, packet: ReceivedPacket) -> None:
        if self._relay is not None:
            self._relay.packet(packet)
        if packet.codec is None:
            return
        if self._tap is not None:
            self._tap.add(
                TapFrameKind.RECEIVED,
                packet.codec,
                packet.ssrc,
                packet.timestamp,
                packet.arrival,
                packet.payload,
            )
        if self._inband is not None:
            for digit in self._inband.packet(
                packet.codec, packet.ssrc, packet.timestamp, packet.payload
            ):
                self._emit(DigitReceived(at=packet.arrival, digit=digit, way=DigitWay.TONE))

    def _made(self, codec: Codec, timestamp: int, payload: bytes | memoryview, tick: float) -> None:
        if self._tap is not None:
            at = self._engine.at_tick(tick)
            self._tap.add(TapFrameKind.SENT, codec, self.sender.ssrc, timestamp, at, payload)

    # The media timeout.

    def _watch_media(self, *, expected: bool) -> None:
        """Start the media timeout. It runs only while the peer must send, so not on hold."""
        now = self._engine.now
        self._silent_since = now if expected else math.inf
        if self._media_timeout is not None and expected and not self._watching:
            self._watching = True
            self._check_later(now + self._media_timeout)

    def _check_later(self, at: float) -> None:
        """Check the media timeout at ``at``. The timer has only a weak reference, so a leg that is over
        is freed at once."""
        worker = weakref.ref(self)
        self._engine.call_at(at, partial(_check_media, worker), partial(_fail, worker))

    def check_media(self, now: float) -> None:
        """Report the peer's silence when it has reached the timeout; else check again at that time."""
        if self.closed or self._media_timeout is None or self._silent_since == math.inf:
            self._watching = False
            return
        due = self._media_timeout + max(
            self._silent_since, self.receiver.heard_at, self.receiver.control_at
        )
        if now < due:
            self._check_later(due)
        else:
            self._media_timeout = None
            self._emit(MediaLost(at=now))

    # What the sending and the receiving side report.

    def _playback_changed(self, number: int, change: PlaybackChange) -> None:
        now = self._engine.now
        if change is PlaybackChange.STARTED:
            self._emit(PlaybackStarted(at=now, playback=number))
        else:
            stopped = change is PlaybackChange.STOPPED
            self._emit(PlaybackEnded(at=now, playback=number, stopped=stopped))

    def _latched(self, address: Address) -> None:
        self.sender.remote = address
        self._rtcp.moved(address)

    def _event_digit(self, digit: str, at: float) -> None:
        target = self._relay_target
        if target is not None and target.sender.dtmf_payload_type is None:
            target.send_digit(digit, _RELAYED_TONE)
        self._emit(DigitReceived(at=at, digit=digit))

    def _refused(self, host: str) -> None:
        self._emit(SourceRefused(at=self._engine.now, host=host))

    def _collision(self) -> None:
        """The peer uses our SSRC: send BYE for it and continue with another (RFC 3550 §8.2)."""
        self._rtcp.send(bye=True)
        self.sender.new_source()
        self.receiver.own_ssrc = self.sender.ssrc

    def _report(self, datagram: memoryview) -> None:
        self._rtcp.received(datagram)
