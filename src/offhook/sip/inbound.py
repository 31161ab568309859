"""Calls we receive: ring, accept, reject, and the caller's CANCEL (RFC 3261 §9.2, §13.3, RFC 3262)."""

from __future__ import annotations

from typing import final

from offhook.sip.agent_events import Address, Canceled
from offhook.sip.call import Calls, SipCall, q850_cause, reason_of
from offhook.sip.call_states import INBOUND_CALL, CallEvent, CallState
from offhook.sip.dialog import Dialog
from offhook.sip.encoding import Headers, header_lines
from offhook.sip.in_session import ignore
from offhook.sip.message import Request
from offhook.sip.pending import PendingAck
from offhook.sip.reliable import (
    MAX_RSEQ,
    ProvisionalResponse,
    Reliability,
    ReliableResponses,
    rack_of,
)
from offhook.sip.server import ServerTransaction
from offhook.sip.transactions import ServerState


@final
class InboundCall(SipCall):
    """A call we receive."""

    __slots__ = ("_answer", "_cseq", "_invite", "_offerless", "_reliable", "_session")

    owns_call_id = False
    machine = INBOUND_CALL

    def __init__(self, calls: Calls, request: Request, source: Address) -> None:
        super().__init__(calls, request.call_id, None)
        self._invite: ServerTransaction | None = None
        self._offerless = request.sdp is None
        self._cseq = request.cseq[0]
        mode = Reliability.asked_by(request)
        self._reliable: ReliableResponses | None = None
        if mode is not Reliability.NEVER:
            first = self.core.rng.randint(0, MAX_RSEQ - 1)
            self._reliable = ReliableResponses(mode, first, self._cseq)
        self._answer: tuple[bytes, Headers] | None = None
        """Our answer while it waits for a PRACK."""
        self.session_timer.learn(request)
        self._session = self.session_timer.answer(request)
        local = f"{request.get('to') or ''};tag={self.handle}"
        self.dialog = Dialog.of_request(request, local, source)

    def begin(self, invite: ServerTransaction) -> None:
        """Answer in this transaction of the INVITE."""
        self._enter()
        self._invite = invite
        invite.on_cancel, invite.trust = self.canceled, self.trusts

    def ring(self, now: float, status: int, sdp: bytes | None) -> None:
        """A provisional response of 101..199, with early media if ``sdp`` is given."""
        if not 101 <= status <= 199:
            raise ValueError("a provisional status is 101..199")
        if self.state is not CallState.EARLY or self._invite is None or self._answer is not None:
            return
        reliable = self._reliable
        if reliable is None or not reliable.wanted_for(sdp):
            extra = self._described(self._invite, sdp)
            self._invite.respond(status, now, extra=extra, body=sdp or b"")
        elif self._offerless:
            pass  # it would have to hold our offer (RFC 3261 §13.2.1): the caller hears from us by the 200
        elif reliable.out is not None:
            reliable.wait(ProvisionalResponse(status, sdp))
        else:
            self._ring_reliably(reliable, ProvisionalResponse(status, sdp), now)

    def _described(self, invite: ServerTransaction, sdp: bytes | None) -> str:
        kind = "" if sdp is None else "Content-Type: application/sdp\r\n"
        return self.core.dialog_response(invite.transport) + kind

    def _ring_reliably(
        self, reliable: ReliableResponses, response: ProvisionalResponse, now: float
    ) -> None:
        """Send a provisional response until its PRACK comes (RFC 3262 §3)."""
        invite = self._invite
        assert invite is not None
        reliable.rseq += 1
        described = self._described(invite, response.sdp)
        extra = f"Require: 100rel\r\nRSeq: {reliable.rseq}\r\n{described}"
        data = invite.respond(response.status, now, extra=extra, body=response.sdp or b"")
        reliable.out = PendingAck(
            self.core,
            reliable.rseq,
            data,
            invite.destination,
            offered=response.sdp is not None,
            never=self._prack_never_came,
            abandoned=self.abandon,
        )
        reliable.out.start(now)

    def received_prack(self, tx: ServerTransaction, request: Request, now: float) -> None:
        """The caller has our reliable provisional response; what waited for that goes on (RFC 3262 §3)."""
        reliable, dialog = self._reliable, self.dialog
        rack = rack_of(request)
        if reliable is None or dialog is None or not reliable.acknowledged(rack):
            super().received_prack(tx, request, now)
            return
        if request.sdp is None:
            tx.respond(200, now, extra=self.core.server)
        elif reliable.described and self.reoffer is None:
            self._take_offer(tx, request)  # a new offer (RFC 3262 §5)
        else:
            tx.respond(488, now, extra=self.core.server)
        answer, self._answer = self._answer, None
        if answer is not None:
            self.accept(now, *answer)
        elif reliable.waiting and self._invite is not None:
            self._ring_reliably(reliable, reliable.waiting.popleft(), now)

    @property
    def takes_offers(self) -> bool:
        described = self._reliable is not None and self._reliable.described
        return super().takes_offers or (self.state is CallState.EARLY and described)

    def _prack_never_came(self, now: float) -> None:
        """64*T1 without a PRACK: refuse the call (RFC 3262 §3)."""
        if self.state is CallState.EARLY and self._invite is not None:
            self._invite.respond(504, now, extra=self.core.server)
            self._over(CallEvent.PEER_GAVE_UP, now)
            self.core.emit(Canceled(handle=self.handle, reason="no PRACK"))

    def accept(self, now: float, sdp: bytes, headers: Headers = ()) -> None:
        """200, repeated until the ACK. Ignored when the call is no longer waiting."""
        invite, dialog = self._invite, self.dialog
        if self.state is not CallState.EARLY or invite is None or dialog is None:
            return
        reliable = self._reliable
        if reliable is not None:
            reliable.waiting.clear()
            if reliable.blocks_answer:
                self._answer = (sdp, headers)
                return
            reliable.stop_repeating()
        extra = f"{self._session.lines}{self.core.dialog_response(invite.transport)}{header_lines(headers)}"
        data = invite.respond(200, now, extra=f"{extra}Content-Type: application/sdp\r\n", body=sdp)
        self._on(CallEvent.ANSWERED)
        dialog.answered()
        self._session_answered(self._session, now)
        self.await_ack(self._cseq, data, invite.destination, now, offered=self._offerless)
        self._invite = None

    def reject(
        self, now: float, status: int, reason: str | None = None, headers: Headers = ()
    ) -> None:
        """A final response of 300..699. Ignored when the call is no longer waiting."""
        if not 300 <= status <= 699:
            raise ValueError("a refusal's status is 300..699")
        if self.state is CallState.EARLY and self._invite is not None:
            extra = f"{self.core.server}{header_lines(headers)}"
            self._invite.respond(status, now, extra=extra, reason=reason)
            self._over(CallEvent.REFUSED, now)
            self.core.forgotten.append(self.handle)

    def hang_up(self, now: float, headers: Headers = ()) -> None:
        """480 before our answer, BYE after it."""
        if self.state is CallState.EARLY:
            self.reject(now, 480, headers=headers)
        else:
            self.bye(now, headers)

    def canceled(self, tx: ServerTransaction, request: Request, now: float) -> None:
        """The caller gave up."""
        if tx is self._invite:
            self._give_up(request, now)
        else:
            super().canceled(tx, request, now)

    def received_bye(self, tx: ServerTransaction, request: Request, now: float) -> None:
        """A caller may BYE an early dialog: the same as CANCEL (RFC 3261 §15)."""
        if self.state is CallState.EARLY:
            tx.respond(200, now, extra=self.core.server)
            self._give_up(request, now)
            return
        super().received_bye(tx, request, now)

    def _give_up(self, request: Request, now: float) -> None:
        assert self._invite is not None
        self._invite.respond(487, now, extra=self.core.server)
        self._over(CallEvent.PEER_GAVE_UP, now)
        self.core.emit(
            Canceled(handle=self.handle, reason=reason_of(request), q850_cause=q850_cause(request))
        )

    def abandon(self, now: float) -> None:
        """500 before our answer, BYE after it."""
        if self.state is CallState.EARLY:
            invite = self._invite
            if invite is not None and invite.state is ServerState.ACCEPTED:
                self.send("BYE", now, ignore)  # the 200 was sent; a later step failed
            if invite is not None:
                invite.abandon(now)
            self._over(CallEvent.ABANDON, now)
            self.core.emit(Canceled(handle=self.handle, reason="internal error", fault=True))
        else:
            super().abandon(now)

    def _over(self, event: CallEvent, now: float) -> None:
        self._invite = self._answer = None
        reliable, self._reliable = self._reliable, None
        if reliable is not None:
            reliable.stop_repeating()
        self._settle_reoffer(now)
        super()._over(event, now)
