"""A call: what its caller and its callee side share once there is a dialog (RFC 3261 §12, §14, §15).

The states are the tables of :mod:`offhook.sip.call_states`. :meth:`SipCall._over` is the only way to the
state OVER. It releases everything a call holds (dialogs, timers, offers under way). Only the call's
transactions remain, and they end by their own timers.
"""

from __future__ import annotations

from typing import ClassVar

from offhook.sip.agent_core import Core
from offhook.sip.agent_events import (
    Confirmed,
    Credentials,
    Ended,
    EndedBy,
    Reoffer,
    ReofferAnswered,
    ReofferRejected,
)
from offhook.sip.call_states import CallEvent, CallState
from offhook.sip.client import ClientTransaction, ClientTransactions
from offhook.sip.encoding import Headers, header_lines
from offhook.sip.grammar import readable
from offhook.sip.in_dialog import InDialog
from offhook.sip.machine import StateMachine
from offhook.sip.message import Request, Response
from offhook.sip.pending import Alarm, Attempt
from offhook.sip.server import ServerTransaction
from offhook.sip.timers import NEVER


class Calls:
    """All calls of one user agent. The key is our tag, which is the handle too."""

    def __init__(self, core: Core, clients: ClientTransactions, limit: int | None) -> None:
        self.core = core
        self.clients = clients
        self.limit = limit
        """At most this many at once; the next one gets 503. None: no limit."""
        self.open: dict[str, SipCall] = {}

    @property
    def full(self) -> bool:
        """Whether the limit of calls is reached."""
        return self.limit is not None and len(self.open) >= self.limit

    def find(self, handle: str, call_id: str) -> SipCall | None:
        """The call that a message inside a dialog names by its tag and its Call-ID."""
        call = self.open.get(handle)
        return call if call is not None and call.call_id == call_id else None


class SipCall(InDialog):
    """One INVITE session, from the INVITE to the last BYE."""

    owns_call_id: ClassVar[bool]
    """Whether we made the Call-ID."""
    machine: ClassVar[StateMachine[CallState, CallEvent]]

    __slots__ = (
        "bye_headers",
        "calls",
        "glare",
        "offer",
        "offer_sent",
        "reoffer",
        "reoffer_brings_offer",
        "state",
    )

    def __init__(self, calls: Calls, call_id: str, credentials: Credentials | None) -> None:
        super().__init__(calls.core, calls.clients, call_id, credentials)
        self.calls = calls
        self.state = self.machine.start[0]
        self.reoffer: ServerTransaction | None = None
        """A re-INVITE or UPDATE of the peer that the application has not answered."""
        self.reoffer_brings_offer = True
        self.offer: bytes | None = None
        """Our re-INVITE's offer while it is out (or waits after a 491)."""
        self.offer_sent: Attempt | None = None
        self.glare: Alarm | None = None
        self.bye_headers = ""

    def _enter(self) -> None:
        """Add the call to the table of calls; :meth:`_over` removes it."""
        self.calls.open[self.handle] = self

    def _on(self, event: CallEvent) -> None:
        """Move as the table says. Raises :class:`offhook.sip.machine.IllegalEvent`."""
        self.state = self.machine.after(self.state, event)

    # --- the end

    def hang_up(self, now: float, headers: Headers = ()) -> None:
        """End the call, in any state."""
        self.bye(now, headers)

    def bye(self, now: float, headers: Headers = ()) -> None:
        """End the established call; waits for the ACK of our 2xx (RFC 3261 §15)."""
        if self.state is not CallState.UP:
            return
        self.bye_headers = header_lines(headers)
        self._on(CallEvent.HANG_UP)
        self._settle_reoffer(now)
        if self.pending_ack is None:
            self._send_bye(now)

    def _send_bye(self, now: float) -> None:
        self.send("BYE", now, self._bye_done, self.bye_headers)

    def _bye_done(self, tx: ClientTransaction, response: Response | None, now: float) -> None:
        if self.state is CallState.ENDING:
            self._ended(CallEvent.BYE_ANSWERED, EndedBy.LOCAL, now)

    def lost(self, reason: str, now: float) -> None:
        """The dialog is broken: send a BYE and report (RFC 3261 §12.2.1.2)."""
        if self.state is CallState.UP:
            self._settle_reoffer(now)
            self.send("BYE", now, ignore)
            self._ended(CallEvent.LOST, EndedBy.LOST, now, reason)

    def _ack_never_came(self, now: float) -> None:
        """64*T1 without the ACK of a 2xx: BYE (RFC 3261 §13.3.1.4)."""
        self.pending_ack = None
        if self.state is CallState.ENDING:
            self._send_bye(now)
        else:
            self.lost("no ACK", now)

    def _acknowledged(self, request: Request, *, offered: bool, now: float) -> None:
        if self.state is CallState.ENDING:
            self._send_bye(now)
            return
        event = Confirmed(
            handle=self.handle,
            sdp=request.sdp if offered else None,
            offered=offered,
            source=request.source,
            via_below=request.via_below,
        )
        self.core.emit(event)

    def received_bye(self, tx: ServerTransaction, request: Request, now: float) -> None:
        """The peer hangs up."""
        tx.respond(200, now, extra=self.core.server)
        self._settle_reoffer(now)
        if self.state is CallState.UP:
            self._ended(CallEvent.BYE_RECEIVED, EndedBy.REMOTE, now, reason_of(request))
        elif self.state is CallState.ENDING:
            self._ended(CallEvent.BYE_RECEIVED, EndedBy.LOCAL, now)

    def _ended(self, event: CallEvent, by: EndedBy, now: float, reason: str | None = None) -> None:
        """Report :class:`Ended` and forget the call."""
        self._over(event, now)
        self.core.emit(Ended(handle=self.handle, by=by, reason=reason))

    def abandon(self, now: float) -> None:
        if self.state is CallState.OVER:
            return
        if self.reoffer is not None:
            self.reoffer.abandon(now)
        if self.state is CallState.UP:
            self.send("BYE", now, ignore)
        self._ended(CallEvent.ABANDON, EndedBy.FAULT, now, "internal error")

    def _over(self, event: CallEvent, now: float) -> None:
        """Remove the call; its transactions end by their own timers."""
        self._on(event)
        assert self.state is CallState.OVER
        if self.offer_sent is not None:
            self.offer_sent.give_up_at(now + self.core.timing.timeout)
        self.calls.open.pop(self.handle, None)
        for timer in (self.pending_ack, self.glare):
            if timer is not None:
                timer.wake = NEVER
        self.pending_ack = self.glare = self.reoffer = None
        self.offer = None
        if self.dialog is not None:
            self.dialog.end()

    # --- our INFO

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
        extra = f"{self.contact_line}{self.core.allow}Content-Type: application/sdp\r\n"
        self.offer_sent = self.send("INVITE", now, self._offer_done, extra, self.offer)

    def _offer_done(self, tx: ClientTransaction, response: Response | None, now: float) -> None:
        if response is not None and response.status < 300:
            self._offer_accepted(tx, response, now)
            return
        if self.offer_sent is None or tx is not self.offer_sent.transaction:
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
        if self.offer_sent is not None and tx is self.offer_sent.transaction:
            self.offer_sent = self.offer = None
            if self.state is CallState.UP:
                event = ReofferAnswered(
                    handle=self.handle, sdp=response.sdp, source=response.source
                )
                self.core.emit(event)

    def _retry_offer(self, now: float) -> None:
        """After a glare: 2.1 to 4 s when the Call-ID is ours, up to 2 s when not (§14.1)."""
        low, high = (210, 400) if self.owns_call_id else (0, 200)
        wait = self.core.rng.randint(low, high)
        if self.glare is None:
            self.glare = Alarm(self._send_offer, self.abandon)
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
            tx.respond(200, now, extra=core.dialog_response(tx.transport))
        else:
            self.refresh_target(request)
            tx.on_cancel, tx.trust = self.canceled, self.trusts
            self.reoffer = tx
            self.reoffer_brings_offer = request.sdp is not None
            core.emit(
                Reoffer(
                    handle=self.handle,
                    sdp=request.sdp,
                    source=request.source,
                    via_below=request.via_below,
                )
            )

    @property
    def offering(self) -> bool:
        """Whether our offer waits for its answer."""
        return self.offer_sent is not None

    def refresh_target(self, request: Request) -> None:
        """Take over the peer's new Contact, if the message has one."""
        dialog = self.dialog_of(request.from_tag)
        if dialog is not None:
            dialog.refresh_target(request)

    def accept_reoffer(self, now: float, sdp: bytes) -> None:
        """Answer the peer's offer; ignored when there is none."""
        tx = self.reoffer
        if tx is None:
            return
        extra = f"{self.core.dialog_response(tx.transport)}Content-Type: application/sdp\r\n"
        data = tx.respond(200, now, extra=extra, body=sdp)
        self.reoffer = None
        if tx.invite and data:
            assert self.dialog is not None
            self.await_ack(
                self.dialog, data, tx.destination, now, offered=not self.reoffer_brings_offer
            )

    def reject_reoffer(self, now: float, status: int) -> None:
        """Refuse the peer's offer; the session stays as it was. Ignored when there is none."""
        if self.reoffer is not None:
            self.reoffer.respond(status, now, extra=self.core.server)
        self.reoffer = None

    def _settle_reoffer(self, now: float) -> None:
        """The dialog ends: requests not yet answered get 487 (RFC 3261 §15.1.2)."""
        if self.reoffer is not None:
            self.reoffer.respond(487, now, extra=self.core.server)
        self.reoffer = None

    def canceled(self, tx: ServerTransaction, request: Request, now: float) -> None:
        """A CANCEL of one of the peer's INVITEs that we have not answered."""
        if tx is self.reoffer:
            self._settle_reoffer(now)


def reason_of(request: Request) -> str | None:
    """The ``Reason`` header (RFC 3326), as readable text."""
    value = request.get("reason")
    return None if value is None else readable(value)


def ignore(tx: ClientTransaction, response: Response | None, now: float) -> None:
    """The outcome is no longer needed."""
