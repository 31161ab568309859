"""One leg on the line: what a dialled and a received call share once media may flow.

A call joins a SIP dialog (driven through the endpoint) with a media leg. It ends exactly once,
by :meth:`LineCall._end`, which frees the media and resolves every waiter.

SIP events, media events and timers enter through :meth:`LineCall._guarded`: an internal error ends this
one call cleanly, on the wire and for its waiters, and does not affect other calls.
"""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypedDict, TypeVar, Unpack

from offhook.clock import Clock
from offhook.codes import CallStatus
from offhook.events import Side
from offhook.faults import FaultLog
from offhook.log import about
from offhook.media import quality
from offhook.media.engine import (
    DigitReceived,
    LegFailed,
    LegStatistics,
    MediaEvent,
    MediaLeg,
    MediaLost,
    PlaybackEnded,
    SourceRefused,
)
from offhook.session.call_futures import CallFutures
from offhook.session.dtmf import DtmfDeduplicator
from offhook.session.ports.speech import Prompt
from offhook.session.ports.telephony import Call, CallEnd, PlaybackResult, SipMessage
from offhook.session.session import CallQuality, TrunkTry
from offhook.sip import agent_events as sip
from offhook.sip.agent_events import dtmf_of_info
from offhook.sip.encoding import host_port
from offhook.telephony.leg_media import DescriptionOrigin, LegMedia
from offhook.telephony.line_metrics import LineMetrics
from offhook.telephony.line_playback import LegTap, LinePlayback
from offhook.telephony.prompt_sounds import PromptSounds
from offhook.telephony.sip_trace import SipTraces

log = logging.getLogger(__name__)

faults = FaultLog(log)

T = TypeVar("T")
DigitListener = Callable[[str, float], None]

DEAF_AFTER = 150
"""Packets that we sent, 3 s of audio, after which a call without a packet from the far end has one-way
audio."""
INFO_WAITS = 0.25
"""Seconds that a digit by SIP INFO waits before it crosses a bridge, where the phone also agreed to
telephone-event: such a phone may send the same press both ways."""


class EndFacts(TypedDict, total=False):
    """The fields of :class:`offhook.session.ports.telephony.CallEnd` besides status and time."""

    by: Side
    sip_code: int | None
    sip_reason: str | None
    q850_cause: int | None
    warning: str | None
    detail: str | None
    tries: tuple[TrunkTry, ...]
    fault: bool


class LineCall(CallFutures):
    """Media, playbacks, digits and the end of a leg."""

    measures_quality = True

    def __init__(
        self, call_id: str, clock: Clock, traces: SipTraces, session_id: str | None = None
    ) -> None:
        """``session_id`` is on every log line about the call."""
        loop = asyncio.get_running_loop()
        super().__init__(loop)
        self.call_id = call_id
        self._session_id = session_id
        self.media: MediaLeg
        self.leg_media: LegMedia
        self.sounds: PromptSounds
        self.metrics: LineMetrics
        self._clock = clock
        self._traces = traces
        self._sip_ids: list[str] = []
        """The Call-IDs of this leg: one for each INVITE."""
        self._loop = loop
        self._playbacks: dict[int, LinePlayback] = {}
        self._digit_listener: DigitListener | None = None
        self.transfer_listener: Callable[[str], bool] | None = None
        self._told = False
        """Whether the log says how digits come."""
        self._deduplicator = DtmfDeduplicator()
        self._relay_to: LineCall | None = None
        self._taps: list[LegTap] = []
        self._heard_at: dict[str, float] = {}
        """When each digit last came as media; the engine has relayed that one already."""
        self._statistics: LegStatistics | None = None
        self._measured: LegStatistics | None = None
        """Up to where :meth:`quality_lately` has looked."""

    @property
    def has_media(self) -> bool:
        """Whether offer and answer have settled where the media flows, early media included."""
        return self.leg_media.settled is not None

    def play(self, prompt: Prompt, *, repetition: int = 1, pause: float = 0.5) -> LinePlayback:
        playback = LinePlayback(self.media, self._loop.create_future())
        if self._ended.done() or not self.has_media:
            playback.resolve(PlaybackResult.CALL_ENDED)
            return playback
        playback.number = self.media.play(
            self.sounds.of(prompt), repetition=repetition, pause=pause
        )
        self._playbacks[playback.number] = playback
        return playback

    def play_below(self, prompt: Prompt | None, *, pause: float = 0.0) -> None:
        if not self._ended.done():
            sound = None if prompt is None else self.sounds.of(prompt)
            self.media.play_below(sound, pause=pause)

    def on_digit(self, listener: DigitListener | None) -> None:
        self._digit_listener = listener
        self._tell_how_digits_come()

    def on_transfer(self, listener: Callable[[str], bool] | None) -> None:
        self.transfer_listener = listener

    def send_digit(self, digit: str) -> None:
        if self.connected:
            self.media.send_digit(digit)

    def relay(self, to: Call | None) -> None:
        assert to is None or isinstance(to, LineCall)
        self._relay_to = to
        self.media.relay(None if to is None else to.media)
        self._tell_how_digits_come()

    def tap(self) -> LegTap:
        self._taps.append(LegTap(self.media))
        return self._taps[-1]

    def _use_media(self, media: MediaLeg, description: LegMedia) -> None:
        """Go on with another media leg, of another IP version: nothing was sent or heard yet."""
        old, self.media, self.leg_media = self.media, media, description
        for tap in self._taps:
            tap.move(media)
        old.close()

    def quality(self) -> CallQuality | None:
        return self._judged(self._statistics or self.media.statistics())

    def quality_lately(self) -> CallQuality | None:
        now, before = self.media.statistics(), self._measured
        self._measured = now
        return self._judged(quality.since(before, now))

    def _judged(self, statistics: LegStatistics) -> CallQuality | None:
        judged = quality.assess(statistics, self.leg_media.codec)
        if judged is None:
            return None
        return CallQuality(
            mos=judged.mos, packet_loss_rate=judged.packet_loss_rate, jitter=judged.jitter
        )

    def media_ends(self) -> tuple[str, str] | None:
        settled = self.leg_media.settled
        if settled is None:
            return None
        near = host_port(self.leg_media.host, self.media.local_port)
        return f"udp:{near}", f"udp:{host_port(settled.remote_host, settled.remote_port)}"

    def complaint(self) -> str | None:
        """What was wrong with the media of a leg that was connected, in words; None: nothing."""
        settled, counted = self.leg_media.settled, self._statistics
        if settled is None or counted is None or not self._is_deaf(counted):
            return None
        dropped = counted.packets_refused
        return (
            f"one-way audio: no RTP came from {settled.remote_host}:{settled.remote_port}, and we sent"
            f" {counted.packets_sent} packets"
            + (f"; {dropped} packets from another address were dropped" if dropped else "")
        )

    @staticmethod
    def _is_deaf(counted: LegStatistics) -> bool:
        return counted.packets_received == 0 and counted.packets_sent >= DEAF_AFTER

    def sip_trace(self) -> Sequence[SipMessage]:
        return [message for sip_id in self._sip_ids for message in self._traces.of(sip_id)]

    def drop_sip_trace(self) -> None:
        for sip_id in self._sip_ids:
            self._traces.drop(sip_id)

    def _trace(self, sip_id: str) -> None:
        """Keep the messages with this Call-ID as this leg's."""
        self._sip_ids.append(sip_id)
        self._traces.claim(sip_id)

    # --- where events come in

    def on_sip(self, event: sip.AnyEvent) -> None:
        """An event of this call from the endpoint."""
        self._handled(self._on_sip, event)

    def on_media(self, event: MediaEvent) -> None:
        """An event of this call from the media engine."""
        self._handled(self._on_media, event)

    def _handled(self, handle: Callable[[T], None], event: T) -> None:
        """Handle ``event``; an error ends the call."""
        with about(self._session_id):
            try:
                handle(event)
            except Exception:
                faults.report(f"call {self.call_id}: handling {type(event).__name__}")
                self._fault()

    def _guarded(self, what: str, handle: Callable[..., None], *args: object) -> None:
        """Run ``handle``; an error in it ends the call. ``what`` says what failed."""
        with about(self._session_id):
            try:
                handle(*args)
            except Exception:
                faults.report(f"call {self.call_id}: {what}")
                self._fault()

    def _fault(self) -> None:
        """Internal error: end the call on the wire and here. Must not raise."""
        try:
            self._abandon()
        except Exception:
            faults.report(f"call {self.call_id}: ending it after an error")
        status = CallStatus.COMPLETED if self.connected else CallStatus.ERROR
        self._end(status, by=Side.SERVER, detail="internal error", fault=True)

    @abstractmethod
    def _on_sip(self, event: sip.AnyEvent) -> None:
        """Handle an event of the endpoint."""

    @abstractmethod
    def _abandon(self) -> None:
        """End the call on the wire, in every state."""

    # --- shared by both kinds of call

    def _confirm(self, body: bytes | None, origin: DescriptionOrigin) -> None:
        """The ACK brought the answer to an offer that we made in a 200 (RFC 3261 §13.2.1)."""
        if body is not None and not self._ended.done():
            self.leg_media.take_answer(body, origin, self._media_confirmed, self._no_usable_answer)

    def _media_confirmed(self) -> None:
        """The answer to our offer can be used."""

    def _no_usable_answer(self, reason: str) -> None:
        if not self._ended.done():
            log.warning("call %s: no usable answer to our offer: %s", self.call_id, reason)
            self._hang_up_now("no usable answer to our offer")

    def _on_media(self, event: MediaEvent) -> None:
        match event:
            case PlaybackEnded(playback=number, stopped=stopped):
                playback = self._playbacks.pop(number, None)
                if playback is not None:
                    playback.resolve(PlaybackResult.STOPPED if stopped else PlaybackResult.FINISHED)
            case DigitReceived(digit=digit, at=at, way=way):
                self._heard_at[digit] = at
                self._digit_pressed(digit, at, way)
            case MediaLost():
                self._on_media_lost()
            case SourceRefused(host=host):
                self.leg_media.refused_source(self.call_id, host)
            case LegFailed(detail=detail):
                log.error("call %s: its media failed, hanging up: %s", self.call_id, detail)
                self._hang_up_now("internal error")

    def _hung_up(self, event: sip.Ended, far_side: Side) -> None:
        """The established call is over."""
        by = far_side if event.by is sip.EndedBy.REMOTE else Side.SERVER
        fault = event.by is sip.EndedBy.FAULT
        self._end(
            CallStatus.COMPLETED,
            by=by,
            detail=event.reason,
            q850_cause=event.q850_cause,
            fault=fault,
        )

    def _on_media_lost(self) -> None:
        """No media came for the media timeout: hang up, since the peer's BYE may be lost."""
        log.warning("call %s: no RTP or RTCP for the media timeout, hanging up", self.call_id)
        self._hang_up_now("no media")

    @abstractmethod
    def _hang_up_now(self, detail: str) -> None:
        """End the call; ``detail`` says why."""

    def _on_info(self, content_type: str, body: bytes) -> None:
        """A SIP INFO inside the call; it may contain a DTMF digit."""
        digit = dtmf_of_info(content_type, body)
        if digit is None:
            return
        at = self._clock.monotonic()
        if not self._digit_pressed(digit, at, "info") or self._relay_to is None:
            return
        settled = self.leg_media.settled
        both_ways = settled is not None and settled.dtmf_payload_type is not None
        self._loop.call_later(INFO_WAITS if both_ways else 0.0, self._cross, digit, at)

    def _cross(self, digit: str, at: float) -> None:
        """Relay a digit that came by INFO to the other leg, unless it was relayed as an event meanwhile."""
        crossed = self._heard_at.get(digit, -1.0) >= at
        if self._relay_to is not None and not crossed and not self._ended.done():
            self._relay_to.media.send_digit(digit)

    def _digit_pressed(self, digit: str, at: float, way: str) -> bool:
        """Report a press; False when it was already reported in another way."""
        if not self._deduplicator.is_new(digit, at, way):
            return False
        self.metrics.pressed(way)
        if self._digit_listener is not None:
            self._digit_listener(digit, at)
        return True

    def _answer_at(self, at: datetime) -> None:
        if not self._answered.done():
            self.media.keep_sending()
            self._answered.set_result(at)
            if self._is_eventless:
                self.metrics.without_telephone_event(self._trunk_name)
                self._tell_how_digits_come()

    @property
    def _is_eventless(self) -> bool:
        settled = self.leg_media.settled
        return settled is not None and settled.dtmf_payload_type is None

    def _tell_how_digits_come(self) -> None:
        """Log once that there is no telephone-event, where digits are awaited: most calls need none."""
        awaited = self._digit_listener is not None or self._relay_to is not None
        if self._told or not (awaited and self.connected and self._is_eventless):
            return
        self._told = True
        log.info(
            "call %s: trunk %s did not agree to telephone-event (RFC 4733): its digits are taken"
            " from the audio and from SIP INFO",
            self.call_id,
            self._trunk_name,
        )

    @property
    def _trunk_name(self) -> str:
        return "" if self.leg_media.trunk is None else self.leg_media.trunk.name

    def _count_media(self, counted: LegStatistics) -> None:
        """The media is over: count its packets, and say so where none came."""
        self.metrics.media_ended(self._trunk_name, counted)
        if self.connected and (words := self.complaint()) is not None:
            self.metrics.without_audio(self._trunk_name)
            log.warning("call %s: trunk %s: %s", self.call_id, self._trunk_name, words)

    def _end(self, status: CallStatus, **facts: Unpack[EndFacts]) -> None:
        """The leg is over; only the first call counts."""
        if self._ended.done():
            return
        try:
            self._statistics = self.media.statistics()
            self.media.close()
            self.leg_media.close()
            self._count_media(self._statistics)
        except Exception:
            faults.report(f"call {self.call_id}: closing its media")
        self._relay_to = None
        self._ended.set_result(CallEnd(status=status, at=self._clock.now(), **facts))
        if not self._answered.done():
            self._answered.set_result(None)
        playbacks, self._playbacks = self._playbacks, {}
        for playback in playbacks.values():
            playback.resolve(PlaybackResult.CALL_ENDED)
