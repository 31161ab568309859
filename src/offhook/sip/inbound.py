"""Calls we receive: ring, accept, reject, and the caller's CANCEL (RFC 3261 §9.2, §13.3)."""

from __future__ import annotations

from typing import final

from offhook.sip.agent_events import Address, Canceled
from offhook.sip.call import Calls, SipCall, ignore, reason_of
from offhook.sip.call_states import INBOUND_CALL, CallEvent, CallState
from offhook.sip.dialog import Dialog
from offhook.sip.encoding import Headers, header_lines
from offhook.sip.message import Request
from offhook.sip.server import ServerTransaction
from offhook.sip.transactions import ServerState


@final
class InboundCall(SipCall):
    """A call we receive."""

    __slots__ = ("_invite", "_offerless")

    owns_call_id = False
    machine = INBOUND_CALL

    def __init__(self, calls: Calls, request: Request, source: Address) -> None:
        super().__init__(calls, request.call_id, None)
        self._invite: ServerTransaction | None = None
        self._offerless = request.sdp is None
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
        if self.state is CallState.EARLY and self._invite is not None:
            extra = self.core.dialog_response(self._invite.transport)
            if sdp is not None:
                extra += "Content-Type: application/sdp\r\n"
            self._invite.respond(status, now, extra=extra, body=sdp or b"")

    def accept(self, now: float, sdp: bytes, headers: Headers = ()) -> None:
        """200, repeated until the ACK. Ignored when the call is no longer waiting."""
        invite, dialog = self._invite, self.dialog
        if self.state is not CallState.EARLY or invite is None or dialog is None:
            return
        extra = f"{self.core.dialog_response(invite.transport)}{header_lines(headers)}"
        data = invite.respond(200, now, extra=f"{extra}Content-Type: application/sdp\r\n", body=sdp)
        self._on(CallEvent.ANSWERED)
        dialog.answered()
        self.await_ack(dialog, data, invite.destination, now, offered=self._offerless)
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
        self.core.emit(Canceled(handle=self.handle, reason=reason_of(request)))

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
        self._invite = None
        super()._over(event, now)
