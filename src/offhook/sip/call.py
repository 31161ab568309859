"""A call: what its caller and its callee side share once there is a dialog (RFC 3261 §12, §14, §15)."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

from offhook.sip.auth import MAX_ROUNDS, ClientAuth
from offhook.sip.build import Headers, encode, header_lines
from offhook.sip.client import ClientTransaction, Handler, OutgoingRequest
from offhook.sip.events import (
    Address,
    Credentials,
    Ended,
    EndedBy,
    Reoffer,
    ReofferAnswered,
    ReofferRejected,
)
from offhook.sip.grammar import readable
from offhook.sip.message import Request, Response
from offhook.sip.pending import Alarm, Attempt, PendingAck
from offhook.sip.timers import NEVER

if TYPE_CHECKING:
    from offhook.sip.core import Core
    from offhook.sip.dialog import Dialog
    from offhook.sip.server import ServerTransaction


class CallState(IntEnum):
    """Life of a call; it never goes back."""

    EARLY = 0
    """INVITE sent or received, not answered."""
    CANCELING = 1
    """We gave up on our INVITE and wait for its end."""
    UP = 2
    ENDING = 3
    """Our BYE is on its way, or waits for the ACK."""
    OVER = 4


class Call:
    """One INVITE session. The handle is our tag."""

    owns_call_id: ClassVar[bool]
    """Whether we made the Call-ID."""

    __slots__ = (
        "auth",
        "bye_headers",
        "call_id",
        "core",
        "credentials",
        "dialog",
        "glare",
        "handle",
        "offer",
        "offer_sent",
        "pending_ack",
        "reoffer",
        "state",
    )

    def __init__(self, core: Core, call_id: str, credentials: Credentials | None) -> None:
        self.core = core
        self.handle = core.token()
        self.call_id = call_id
        self.credentials = credentials
        self.state = CallState.EARLY
        self.dialog: Dialog | None = None
        self.auth: ClientAuth | None = None
        self.pending_ack: PendingAck | None = None
        self.reoffer: ServerTransaction | None = None
        """A re-INVITE or UPDATE of the peer that the application has not answered."""
        self.offer: bytes | None = None
        """Our re-INVITE's offer while it is out (or waits after a 491)."""
        self.offer_sent: ClientTransaction | None = None
        self.glare: Alarm | None = None
        self.bye_headers = ""

    # --- the end

    def hang_up(self, now: float, headers: Headers = ()) -> None:
        """End the call, whatever its state."""
        self.bye(now, headers)

    def bye(self, now: float, headers: Headers = ()) -> None:
        """End the established call; waits for the ACK of our 2xx (RFC 3261 §15)."""
        if self.state is not CallState.UP:
            return
        self.bye_headers = header_lines(headers)
        self.state = CallState.ENDING
        self._settle_reoffer(now)
        if self.pending_ack is None:
            self._send_bye(now)

    def _send_bye(self, now: float) -> None:
        self.send("BYE", now, self._bye_done, self.bye_headers)

    def _bye_done(self, tx: ClientTransaction, response: Response | None, now: float) -> None:
        if response is None or response.status >= 200:
            self.end(now, EndedBy.LOCAL)

    def lost(self, reason: str, now: float) -> None:
        """The dialog is broken: BYE it and report (RFC 3261 §12.2.1.2)."""
        if self.state is CallState.UP:
            self._settle_reoffer(now)
            self.send("BYE", now, ignore)
            self.end(now, EndedBy.LOST, reason)

    def ack_never_came(self, now: float) -> None:
        """64*T1 without the ACK of a 2xx: BYE (RFC 3261 §13.3.1.4)."""
        self.pending_ack = None
        if self.state is CallState.ENDING:
            self._send_bye(now)
        else:
            self.lost("no ACK", now)

    def received_bye(self, tx: ServerTransaction, request: Request, now: float) -> None:
        """The peer hangs up."""
        tx.respond(200, now, extra=self.core.server)
        self._settle_reoffer(now)
        if self.state is CallState.UP:
            self.end(now, EndedBy.REMOTE, reason_of(request))
        elif self.state is CallState.ENDING:
            self.end(now, EndedBy.LOCAL)

    def end(self, now: float, by: EndedBy, reason: str | None = None) -> None:
        """Report :class:`Ended` and forget the call."""
        if self.state is CallState.OVER:
            return
        self.core.emit(Ended(handle=self.handle, by=by, reason=reason))
        self.release(now)

    def release(self, now: float) -> None:
        """Forget the call; its transactions linger on their own."""
        if self.offer_sent is not None:
            self.offer_sent.give_up_at(now + self.core.timing.timeout)
        self.state = CallState.OVER
        self.core.calls.pop(self.handle, None)
        for timer in (self.pending_ack, self.glare):
            if timer is not None:
                timer.wake = NEVER
        self.pending_ack = self.glare = self.reoffer = None
        self.offer = None

    # --- requests of ours inside the dialog

    def send(
        self,
        method: str,
        now: float,
        done: Handler,
        extra: str = "",
        body: bytes = b"",
        dialog: Dialog | None = None,
    ) -> ClientTransaction:
        """Send a request inside the dialog; a challenge is answered before ``done`` hears of it."""
        dialog = dialog or self.dialog
        assert dialog is not None
        return Attempt(self, dialog, method, done, extra, body).start(now)

    def challenged(self, response: Response, rounds: int) -> bool:
        """Whether a 401 or 407 is worth another try with credentials."""
        if response.status not in (401, 407) or self.credentials is None or rounds >= MAX_ROUNDS:
            return False
        if self.auth is None:
            self.auth = ClientAuth(self.credentials, self.core.token)
        return self.auth.absorb(response)

    def send_info(self, now: float, content_type: str, body: bytes) -> None:
        """Send an INFO (RFC 6086); ignored unless the call is up."""
        if self.state is CallState.UP:
            extra = header_lines([("Content-Type", content_type)])
            self.send("INFO", now, self._checked, extra, body)

    def _checked(self, tx: ClientTransaction, response: Response | None, now: float) -> None:
        """Silence, 408 and 481 end the dialog (RFC 3261 §12.2.1.2, RFC 5057 §5)."""
        if response is None or response.status in (408, 481):
            self.lost(f"{tx.method} failed", now)

    # --- our re-INVITE

    def reinvite(self, now: float, sdp: bytes) -> bool:
        """Offer a new session (hold, resume, new address).

        Returns False when the call is not up or an offer is under way already (RFC 3264 §4).
        """
        busy = self.offer is not None or self.reoffer is not None or self.pending_ack is not None
        if self.state is not CallState.UP or busy:
            return False
        self.offer = sdp
        self._send_offer(now)
        return True

    def _send_offer(self, now: float) -> None:
        if self.state is not CallState.UP or self.offer is None:
            return
        if self.reoffer is not None or self.pending_ack is not None:
            self._retry_offer(now)
            return
        extra = f"{self.core.contact}{self.core.allow}Content-Type: application/sdp\r\n"
        self.offer_sent = self.send("INVITE", now, self._offer_done, extra, self.offer)

    def _offer_done(self, tx: ClientTransaction, response: Response | None, now: float) -> None:
        if response is not None and response.status < 300:
            self._offer_accepted(tx, response, now)
            return
        if tx is not self.offer_sent:
            return
        self.offer_sent = None
        if response is None or response.status in (408, 481):
            self.offer = None
            self.lost("re-INVITE failed", now)
        elif response.status == 491 and self.state is CallState.UP:
            self._retry_offer(now)
        elif self.state is CallState.UP:
            self.offer = None
            self.core.emit(ReofferRejected(handle=self.handle, status=response.status))

    def _offer_accepted(self, tx: ClientTransaction, response: Response, now: float) -> None:
        dialog = self.dialog
        assert dialog is not None
        if tx.acks is None:
            dialog.refresh_target(response)
            tx.acks = {"": self.acknowledgement(tx.request)}
        self.core.send(*tx.acks[""])
        if tx is self.offer_sent:
            self.offer_sent = self.offer = None
            if self.state is CallState.UP:
                self.core.emit(ReofferAnswered(handle=self.handle, sdp=response.sdp))

    def acknowledgement(
        self, invite: OutgoingRequest, dialog: Dialog | None = None
    ) -> tuple[bytes, Address]:
        """The ACK of a 2xx: a request of its own, outside every transaction (RFC 3261 §13.2.2.4)."""
        dialog = dialog or self.dialog
        assert dialog is not None
        uri, routes, destination = dialog.next_hop()
        request = OutgoingRequest(
            "ACK",
            uri,
            routes=routes,
            from_=dialog.local,
            to=dialog.remote,
            call_id=self.call_id,
            cseq=invite.cseq,
            destination=destination,
        )
        request.authorization = invite.authorization
        return encode(request.head(self.core, f"z9hG4bK{self.core.token()}")), destination

    def _retry_offer(self, now: float) -> None:
        """After a glare: 2.1 to 4 s when the Call-ID is ours, up to 2 s when not (§14.1)."""
        low, high = (210, 400) if self.owns_call_id else (0, 200)
        wait = self.core.rng.randint(low, high)
        if self.glare is None:
            self.glare = Alarm(self, "_send_offer")
        self.core.timers.schedule(now + wait / 100, self.glare)

    # --- offers of the peer

    def received_offer(self, tx: ServerTransaction, request: Request, now: float) -> None:
        """A re-INVITE or UPDATE (RFC 3261 §14.2, RFC 3311 §5.2)."""
        core = self.core
        invite = request.method == "INVITE"
        offer = invite or request.sdp is not None
        answering = self.reoffer is not None or (invite and self.pending_ack is not None)
        if self.state is CallState.ENDING:
            tx.respond(481, now, extra=core.server)
        elif offer and self.offering:
            tx.respond(491, now, extra=core.server)
        elif offer and (answering or self.state is not CallState.UP):
            wait = f"Retry-After: {core.rng.randint(0, 10)}\r\n"
            tx.respond(500, now, extra=wait + core.server)
        elif not offer:
            self.refresh_target(request)
            tx.respond(200, now, extra=core.dialog_response)
        else:
            self.refresh_target(request)
            tx.call = self
            self.reoffer = tx
            core.emit(Reoffer(handle=self.handle, sdp=request.sdp))

    @property
    def offering(self) -> bool:
        """Whether an offer of ours is out."""
        return self.offer_sent is not None

    def refresh_target(self, request: Request) -> None:
        """The peer may have moved."""
        dialog = self.dialog_of(request.from_tag)
        if dialog is not None:
            dialog.refresh_target(request)

    def accept_reoffer(self, now: float, sdp: bytes) -> None:
        """Answer the peer's offer; ignored when there is none."""
        tx = self.reoffer
        if tx is None:
            return
        self.reoffer = None
        extra = f"{self.core.dialog_response}Content-Type: application/sdp\r\n"
        data = tx.respond(200, now, extra=extra, body=sdp)
        if tx.invite and data:
            assert self.dialog is not None
            assert self.dialog.remote_cseq is not None
            self.await_ack(self.dialog.remote_cseq, data, tx.destination, now)

    def reject_reoffer(self, now: float, status: int) -> None:
        """Refuse the peer's offer; the session stays as it was. Ignored when there is none."""
        tx, self.reoffer = self.reoffer, None
        if tx is not None:
            tx.respond(status, now, extra=self.core.server)

    def _settle_reoffer(self, now: float) -> None:
        """The dialog ends: requests not yet answered get 487 (RFC 3261 §15.1.2)."""
        tx, self.reoffer = self.reoffer, None
        if tx is not None:
            tx.respond(487, now, extra=self.core.server)

    def await_ack(self, cseq: int, data: bytes, destination: Address, now: float) -> None:
        """Repeat a 2xx until its ACK."""
        self.pending_ack = PendingAck(self, cseq, data, destination)
        self.pending_ack.start(now)

    def received_ack(self, request: Request, now: float) -> bool:
        """An ACK inside the dialog; whether it is the one a 2xx waited for."""
        pending = self.pending_ack
        if pending is None or request.cseq[0] != pending.cseq:
            return False
        pending.wake = NEVER
        self.pending_ack = None
        if self.state is CallState.ENDING:
            self._send_bye(now)
        return True

    def dialog_of(self, remote_tag: str) -> Dialog | None:
        """The dialog with that remote tag."""
        if self.dialog is not None and self.dialog.remote_tag == remote_tag:
            return self.dialog
        return None

    def canceled(self, tx: ServerTransaction, request: Request, now: float) -> None:
        """A CANCEL of one of the peer's INVITEs that we have not answered."""
        if tx is self.reoffer:
            self._settle_reoffer(now)


def reason_of(request: Request) -> str | None:
    """The ``Reason`` header (RFC 3326), for people."""
    value = request.get("reason")
    return None if value is None else readable(value)


def ignore(tx: ClientTransaction, response: Response | None, now: float) -> None:
    """The outcome does not matter any more."""
