"""One leg on the line: what a dialled and a received call share once media may flow.

A call joins a SIP dialog (driven through the endpoint) with a media leg. It ends exactly once: whoever
notices first calls :meth:`LineCall._end`, which frees the media and resolves every waiter.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from offhook.clock import Clock
from offhook.codes import CallStatus
from offhook.media import quality
from offhook.media.engine import (
    DigitReceived,
    LegMedia,
    LegStatistics,
    MediaEvent,
    MediaLeg,
    MediaLost,
    PlaybackEnded,
)
from offhook.session.dtmf import DtmfDeduplicator
from offhook.session.ports.speech import Prompt
from offhook.session.ports.telephony import Call, CallEnd, PlaybackResult
from offhook.session.session import CallQuality
from offhook.sip.events import dtmf_of_info
from offhook.sip.sdp import Negotiated, SdpError, parse_answer

log = logging.getLogger(__name__)

DigitListener = Callable[[str, float], None]


class LinePlayback:
    """A playback of the media engine that can be awaited."""

    def __init__(self, call: LineCall, done: asyncio.Future[PlaybackResult]) -> None:
        self._call = call
        self._done = done
        self.number: int | None = None

    async def finished(self) -> PlaybackResult:
        """See :meth:`offhook.session.ports.telephony.Playback.finished`."""
        return await asyncio.shield(self._done)

    def stop(self) -> None:
        """See :meth:`offhook.session.ports.telephony.Playback.stop`."""
        if self.number is not None and not self._done.done():
            self._call.media.stop(self.number)

    def resolve(self, result: PlaybackResult) -> None:
        """The engine, or the end of the call, has decided."""
        if not self._done.done():
            self._done.set_result(result)


class LineCall:
    """Media, playbacks, digits and the one end of a leg (:class:`offhook.session.ports.telephony.Call`)."""

    def __init__(self, call_id: str, clock: Clock) -> None:
        loop = asyncio.get_running_loop()
        self.call_id = call_id
        self.media: MediaLeg
        self._clock = clock
        self._loop = loop
        self._codec: str | None = None
        self._playbacks: dict[int, LinePlayback] = {}
        self._digit_listener: DigitListener | None = None
        self._deduplicator = DtmfDeduplicator()
        self._answered: asyncio.Future[datetime | None] = loop.create_future()
        self._ended: asyncio.Future[CallEnd] = loop.create_future()
        self._statistics: LegStatistics | None = None

    @property
    def ended(self) -> CallEnd | None:
        """How it ended; None while it is up or ringing."""
        return self._ended.result() if self._ended.done() else None

    @property
    def connected(self) -> bool:
        """Whether the 200 has come (or gone) and the leg is up."""
        return self._answered.done() and not self._ended.done()

    @property
    def has_media(self) -> bool:
        """Whether offer and answer have settled where the media flows, early media included."""
        return self._codec is not None

    async def answered(self) -> datetime | None:
        """See :meth:`offhook.session.ports.telephony.Call.answered`."""
        return await asyncio.shield(self._answered)

    async def wait_ended(self) -> CallEnd:
        """See :meth:`offhook.session.ports.telephony.Call.wait_ended`."""
        return await asyncio.shield(self._ended)

    def play(self, prompt: Prompt, *, repetition: int = 1, pause: float = 0.5) -> LinePlayback:
        """See :meth:`offhook.session.ports.telephony.Call.play`."""
        playback = LinePlayback(self, self._loop.create_future())
        if self._codec is None or self._ended.done():
            playback.resolve(PlaybackResult.CALL_ENDED)
            return playback
        samples = prompt.encoded(self._codec)
        playback.number = self.media.play(samples, repetition=repetition, pause=pause)
        self._playbacks[playback.number] = playback
        return playback

    def on_digit(self, listener: DigitListener | None) -> None:
        """See :meth:`offhook.session.ports.telephony.Call.on_digit`."""
        self._digit_listener = listener

    def relay(self, to: Call | None) -> None:
        """See :meth:`offhook.session.ports.telephony.Call.relay`; ``to`` is a call of the same line."""
        assert to is None or isinstance(to, LineCall)
        self.media.relay(None if to is None else to.media)

    def quality(self) -> CallQuality | None:
        """See :meth:`offhook.session.ports.telephony.Call.quality`."""
        statistics = self._statistics or self.media.statistics()
        judged = quality.assess(statistics, self._codec or "PCMU")
        if judged is None:
            return None
        return CallQuality(
            mos=judged.mos, packet_loss_rate=judged.packet_loss_rate, jitter=judged.jitter
        )

    async def hang_up(self) -> CallEnd:
        """See :meth:`offhook.session.ports.telephony.Call.hang_up`; each kind of call knows its messages."""
        raise NotImplementedError

    # --- what the two kinds of call use

    def _open_media(self, negotiated: Negotiated) -> None:
        """Offer and answer have settled: media flows."""
        self._codec = negotiated.codec
        self.media.connect(leg_media(negotiated))

    def answer_to_our_offer(self, body: bytes | None) -> None:
        """The ACK brought the answer to an offer that we made in a 200 (RFC 3261 §13.2.1)."""
        if body is None or self._ended.done():
            return
        try:
            negotiated = parse_answer(body)
        except SdpError as error:
            log.warning("call %s: no usable answer to our offer: %s", self.call_id, error)
            self._hang_up_now("no usable answer to our offer")
            return
        self._open_media(negotiated)

    def _on_media(self, event: MediaEvent) -> None:
        match event:
            case PlaybackEnded(playback=number, stopped=stopped):
                playback = self._playbacks.pop(number, None)
                if playback is not None:
                    playback.resolve(PlaybackResult.STOPPED if stopped else PlaybackResult.FINISHED)
            case DigitReceived(digit=digit, at=at):
                self._digit_pressed(digit, at, "media")
            case MediaLost():
                self._on_media_lost()

    def _on_media_lost(self) -> None:
        """Nothing came for the media timeout: a lost BYE must not run for ever."""
        log.warning("call %s: no RTP or RTCP for the media timeout, hanging up", self.call_id)
        self._hang_up_now("no media")

    def _hang_up_now(self, detail: str) -> None:
        raise NotImplementedError

    def _on_info(self, content_type: str, body: bytes) -> None:
        """A SIP INFO inside the call; it may carry a DTMF digit."""
        digit = dtmf_of_info(content_type, body)
        if digit is not None:
            self._digit_pressed(digit, self._clock.monotonic(), "info")

    def _digit_pressed(self, digit: str, at: float, way: str) -> None:
        if self._deduplicator.is_new(digit, at, way) and self._digit_listener is not None:
            self._digit_listener(digit, at)

    def _answer_at(self, at: datetime) -> None:
        if not self._answered.done():
            self._answered.set_result(at)

    def _end(
        self,
        status: CallStatus,
        *,
        by: str,
        sip_code: int | None = None,
        detail: str | None = None,
    ) -> None:
        """The leg is over; only the first call counts."""
        if self._ended.done():
            return
        end = CallEnd(status=status, at=self._clock.now(), sip_code=sip_code, by=by, detail=detail)
        self._statistics = self.media.statistics()
        self.media.close()
        self._ended.set_result(end)
        if not self._answered.done():
            self._answered.set_result(None)
        playbacks, self._playbacks = self._playbacks, {}
        for playback in playbacks.values():
            playback.resolve(PlaybackResult.CALL_ENDED)


def leg_media(negotiated: Negotiated) -> LegMedia:
    """The media engine's form of what offer and answer settled."""
    return LegMedia(
        remote_host=negotiated.remote_host,
        remote_port=negotiated.remote_port,
        codec=negotiated.codec,
        payload_type=negotiated.payload_type,
        dtmf_payload_type=negotiated.dtmf_payload_type,
        dtmf_receive_payload_type=negotiated.dtmf_receive_payload_type,
        send=negotiated.send,
        receive=negotiated.receive,
        remote_rtcp_port=negotiated.remote_rtcp_port,
        rtcp_mux=negotiated.rtcp_mux,
    )
