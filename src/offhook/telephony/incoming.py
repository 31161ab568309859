"""A call we receive: ring, accept or refuse it, then talk (RFC 3261 §13.3)."""

from __future__ import annotations

import logging
from typing import final

from offhook.codes import CallStatus
from offhook.events import (
    CallerVerification,
    Side,
)
from offhook.session.ports.telephony import CallEnd, CallFacts, ReceivedCall
from offhook.sip import agent_events as sip
from offhook.telephony.leg_media import DescriptionOrigin, origin_of
from offhook.telephony.line import Line
from offhook.telephony.line_call import LineCall
from offhook.telephony.trunks import Trunk

log = logging.getLogger(__name__)


@final
class IncomingCall(LineCall, ReceivedCall):
    """One received INVITE, and the call that follows from it."""

    def __init__(
        self, line: Line, call_id: str, invite: sip.IncomingInvite, trunk: Trunk | None = None
    ) -> None:
        super().__init__(call_id, line.clock, line.traces)
        source = invite.source.host if invite.source is not None else None
        version = line.media_hosts.version_for(invite.sdp, source)
        self.media, self.leg_media = line.open_media(self.on_media, trunk, version)
        self.sounds = line.sounds
        self.metrics = line.metrics
        self.invite = invite
        self._verifier = line.stir.verifier
        self.shown: tuple[str, str] | None = None
        """Caller and called number as the INVITE shows them to us, withheld ones too; None: of a user of
        ours, who has proven who it is."""
        self._line = line
        self._handle = invite.handle
        self._accepted = False
        line.endpoint.listen(self._handle, self.on_sip)
        self._trace(line.endpoint.call_id_of(self._handle))

    def facts(self) -> CallFacts:
        return CallFacts(diverted=self.invite.diverted)

    async def verify(self) -> CallerVerification | None:
        if self._verifier is None or self.shown is None:
            return None
        caller, called = self.shown
        return await self._verifier.verify(self.invite.identities, caller=caller, called=called)

    def belongs_to(self, session_id: str) -> None:
        self._session_id = session_id

    def ring(self) -> None:
        """180 Ringing."""
        with self._line.endpoint.command() as (agent, now):
            agent.ring(self._handle, now)

    def let_hear(self) -> None:
        trunk, offer = self.leg_media.trunk, self.invite.sdp
        if trunk is not None and trunk.early_media and offer is not None and not self.has_media:
            self.leg_media.answer(offer, origin_of(self.invite), self._ring_with, self._no_early)

    def _ring_with(self, answer: bytes) -> None:
        if self.ended is None and not self._accepted:
            with self._line.endpoint.command() as (agent, now):
                agent.ring(self._handle, now, 183, answer)

    def _no_early(self, reason: str) -> None:
        log.info("call %s: no early media for the caller: %s", self.call_id, reason)

    def accept(self) -> None:
        """200 with our answer to the offer; 488 and the end of the call when no codec fits.

        Where the INVITE had no offer, the 200 makes one and its ACK brings the answer.
        """
        self._guarded("answering it", self._accept)

    def _accept(self) -> None:
        if self.invite.sdp is None:
            self._accepted = True
            with self._line.endpoint.command() as (agent, now):
                agent.accept(self._handle, now, self.leg_media.offer())
            return
        self.leg_media.answer(
            self.invite.sdp, origin_of(self.invite), self._answer_call, self._no_usable_offer
        )

    def _answer_call(self, answer: bytes) -> None:
        if self.ended is None:
            self._accepted = True
            with self._line.endpoint.command() as (agent, now):
                agent.accept(self._handle, now, answer)
            self._answer_at(self._clock.now())

    def _no_usable_offer(self, reason: str) -> None:
        log.warning("call %s: no usable offer: %s", self.call_id, reason)
        self.refuse(488, CallStatus.FAILED)

    def _confirmed(self, body: bytes | None, origin: DescriptionOrigin) -> None:
        if body is None and not self.has_media:
            if self.ended is None:
                with self._line.endpoint.command() as (agent, now):
                    agent.bye(self._handle, now)
                self._end(CallStatus.FAILED, by=Side.SERVER, detail="no answer to our offer")
            return
        self._confirm(body, origin)

    def _media_confirmed(self) -> None:
        if self.ended is None:
            self._answer_at(self._clock.now())

    def _no_usable_answer(self, reason: str) -> None:
        if self.ended is None and not self.has_media:
            log.warning("call %s: no usable answer to our offer: %s", self.call_id, reason)
            with self._line.endpoint.command() as (agent, now):
                agent.bye(self._handle, now)
            self._end(CallStatus.FAILED, by=Side.SERVER, detail="no usable answer to our offer")
        else:
            super()._no_usable_answer(reason)

    def refuse(self, sip_code: int, status: CallStatus, *, retry_after: int | None = None) -> None:
        if self.ended is None:
            headers = [] if retry_after is None else [("Retry-After", str(retry_after))]
            with self._line.endpoint.command() as (agent, now):
                agent.reject(self._handle, now, sip_code, headers=headers)
            self._end(status, by=Side.SERVER, sip_code=sip_code)

    def _abandon(self) -> None:
        with self._line.endpoint.command() as (agent, now):
            agent.abandon(self._handle, now)

    def _on_sip(self, event: sip.AnyEvent) -> None:
        match event:
            case sip.Canceled():
                self._canceled(event)
            case sip.Ended():
                self._hung_up(event, Side.CALLER)
            case sip.Info(content_type=content_type, body=body):
                self._on_info(content_type, body)
            case sip.Confirmed(sdp=body):
                self._confirmed(body, origin_of(event))
            case sip.ReofferAnswered(sdp=body):
                self._confirm(body, origin_of(event))
            case _:
                self._line.in_dialog(event, self)

    def _canceled(self, event: sip.Canceled) -> None:
        if event.fault:
            self._end(CallStatus.ERROR, by=Side.SERVER, detail=event.reason, fault=True)
        else:
            self._end(
                CallStatus.CANCELED,
                by=Side.CALLER,
                sip_code=487,
                detail=event.reason,
                q850_cause=event.q850_cause,
            )

    def _hang_up_now(self, detail: str) -> None:
        if self.ended is not None:
            return
        if self._accepted:
            with self._line.endpoint.command() as (agent, now):
                agent.bye(self._handle, now)
            self._end(CallStatus.COMPLETED, by=Side.SERVER, detail=detail)
        else:
            self.refuse(603, CallStatus.COMPLETED)

    async def hang_up(self) -> CallEnd:
        """BYE when answered, 603 before; idempotent."""
        self._guarded("hanging up", self._hang_up_now, "hang-up")
        return await self.wait_ended()
