"""What a call settles anew while it is up: offers both ways, and the session timer.

RFC 3261 §14, RFC 3264 §8, RFC 3311 (UPDATE), RFC 4028 (session timers).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from offhook.sip.agent_core import SUPPORTED, Core
from offhook.sip.agent_events import (
    Credentials,
    RefreshDue,
    Reoffer,
    ReofferAnswered,
    ReofferRejected,
)
from offhook.sip.call_states import CallEvent, CallState
from offhook.sip.client import ClientTransaction, ClientTransactions
from offhook.sip.in_dialog import InDialog
from offhook.sip.machine import StateMachine
from offhook.sip.message import Request, Response
from offhook.sip.pending import Alarm, Attempt
from offhook.sip.server import ServerTransaction
from offhook.sip.session_timer import (
    NO_SESSION_ANSWER,
    IntervalAnswer,
    SessionTimer,
    min_se_of,
    session_expires_of,
    too_brief,
)


class InSession(InDialog):
    """The offers and the session timer of a call."""

    owns_call_id: ClassVar[bool]
    """Whether we made the Call-ID."""
    machine: ClassVar[StateMachine[CallState, CallEvent]]

    __slots__ = (
        "glare",
        "offer",
        "offer_sent",
        "reoffer",
        "reoffer_brings_offer",
        "reoffer_cseq",
        "reoffer_session",
        "session_timer",
        "state",
    )

    def __init__(
        self,
        core: Core,
        clients: ClientTransactions,
        call_id: str,
        credentials: Credentials | None,
    ) -> None:
        super().__init__(core, clients, call_id, credentials)
        self.state = self.machine.start[0]
        self.reoffer: ServerTransaction | None = None
        """A request with an offer of the peer that the application has not answered."""
        self.reoffer_brings_offer = True
        self.reoffer_cseq = 0
        self.reoffer_session = NO_SESSION_ANSWER
        """What our 200 to it says about the session's interval."""
        self.session_timer = SessionTimer(
            core, refresh=self._refresh, expired=self.lost, abandoned=self.abandon
        )
        self.offer: bytes | None = None
        """Our re-INVITE's offer while it is out (or waits after a 491)."""
        self.offer_sent: Attempt | None = None
        self.glare: Alarm | None = None

    def _on(self, event: CallEvent) -> None:
        """Move as the table says. Raises :class:`offhook.sip.machine.IllegalEvent`."""
        self.state = self.machine.after(self.state, event)

    @abstractmethod
    def lost(self, reason: str, now: float) -> None:
        """The dialog is broken, or the session expired: end the call."""

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
        extra = f"{self._refreshing_lines()}Content-Type: application/sdp\r\n"
        self.offer_sent = self.send("INVITE", now, self._offer_done, extra, self.offer)

    def _refreshing_lines(self) -> str:
        """Of a re-INVITE or UPDATE."""
        core = self.core
        return f"{self.contact_line}{core.allow}{SUPPORTED}{self.session_timer.request_lines()}"

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
        elif self.state is CallState.UP and (
            response.status == 491 or self._interval_raised(response)
        ):
            self._retry_offer(now)
        elif self.state is CallState.UP:
            self.offer = None
            self.core.emit(ReofferRejected(handle=self.handle, status=response.status))

    def _offer_accepted(self, tx: ClientTransaction, response: Response, now: float) -> None:
        dialog = self.dialog
        assert dialog is not None
        if tx.acks is None:
            dialog.refresh_target(response)
            self.session_agreed(response, now)
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

    # --- the session timer (RFC 4028)

    def session_agreed(self, response: Response, now: float) -> None:
        """A 2xx to our INVITE or UPDATE says how long the session lasts."""
        self.session_timer.learn(response)
        if self.state is CallState.UP:
            self.session_timer.settle(session_expires_of(response), as_uac=True, now=now)

    def _interval_raised(self, response: Response) -> bool:
        """Whether a 422 asks for a longer interval that we take."""
        return response.status == 422 and self.session_timer.raise_to(min_se_of(response), 0)

    def _refresh(self, now: float) -> None:
        """By UPDATE where the peer takes it; else the application makes an offer for a re-INVITE."""
        if self.state is not CallState.UP or self.offer is not None or self.reoffer is not None:
            return
        if self.session_timer.updates:
            self.send("UPDATE", now, self._refreshed, self._refreshing_lines())
        else:
            self.core.emit(RefreshDue(handle=self.handle))

    def _refreshed(self, tx: ClientTransaction, response: Response | None, now: float) -> None:
        if response is None or response.status in (408, 481):
            self.lost("no answer to a session refresh", now)
        elif response.status < 300:
            assert self.dialog is not None
            self.dialog.refresh_target(response)
            self.session_agreed(response, now)
        elif response.status in (405, 501):
            self.session_timer.updates = False
        else:
            self._interval_raised(response)

    # --- offers of the peer

    def received_prack(self, tx: ServerTransaction, request: Request, now: float) -> None:
        """A PRACK that acknowledges nothing."""
        tx.respond(481, now, extra=self.core.server)

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
        elif offer and (answering or not self.takes_offers):
            wait = f"Retry-After: {core.rng.randint(0, 10)}\r\n"
            tx.respond(500, now, extra=wait + core.server)
        elif too_brief(request, minimum := core.timing.min_session):
            tx.respond(422, now, extra=f"Min-SE: {minimum}\r\n{core.server}")
        else:
            self.refresh_target(request)
            session = NO_SESSION_ANSWER
            if self.state is CallState.UP:
                session = self.session_timer.answer(request)
            if offer:
                self._take_offer(tx, request, session)
            else:
                self._session_answered(session, now)
                tx.respond(200, now, extra=session.lines + core.dialog_response(tx.transport))

    def _take_offer(
        self, tx: ServerTransaction, request: Request, session: IntervalAnswer = NO_SESSION_ANSWER
    ) -> None:
        """Report an offer of the peer; the application answers or refuses it."""
        tx.on_cancel, tx.trust = self.canceled, self.trusts
        self.reoffer = tx
        self.reoffer_brings_offer = request.sdp is not None
        self.reoffer_session = session
        self.reoffer_cseq = request.cseq[0]
        dialog = self.dialog_of(request.from_tag)
        if dialog is not None:
            dialog.early_sdp = None  # what it described before is over
        self.core.emit(
            Reoffer(
                handle=self.handle,
                sdp=request.sdp,
                source=request.source,
                via_below=request.via_below,
            )
        )

    def _session_answered(self, session: IntervalAnswer, now: float) -> None:
        """Our 2xx says how long the session lasts."""
        if self.state is CallState.UP:
            self.session_timer.settle(session.agreed, as_uac=False, now=now)

    @property
    def offering(self) -> bool:
        """Whether our offer waits for its answer."""
        return self.offer_sent is not None

    @property
    def takes_offers(self) -> bool:
        """Whether an offer of the peer can be answered in this state."""
        return self.state is CallState.UP

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
        session, self.reoffer_session = self.reoffer_session, NO_SESSION_ANSWER
        extra = f"{session.lines}{self.core.dialog_response(tx.transport)}Content-Type: application/sdp\r\n"
        data = tx.respond(200, now, extra=extra, body=sdp)
        self._session_answered(session, now)
        self.reoffer = None
        if tx.invite and data:
            offered = not self.reoffer_brings_offer
            self.await_ack(self.reoffer_cseq, data, tx.destination, now, offered=offered)

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


def ignore(tx: ClientTransaction, response: Response | None, now: float) -> None:
    """The outcome is no longer needed."""
