"""A call: what its caller and its callee side share once there is a dialog (RFC 3261 §12, §14, §15).

The states are the tables of :mod:`offhook.sip.call_states`. :meth:`SipCall._over` is the only way to the
state OVER. It releases everything a call holds (dialogs, timers, offers under way). Only the call's
transactions remain, and they end by their own timers.
"""

from __future__ import annotations

from offhook.sip.agent_core import Core
from offhook.sip.agent_events import (
    Confirmed,
    Credentials,
    Ended,
    EndedBy,
    Referred,
)
from offhook.sip.call_states import CallEvent, CallState
from offhook.sip.client import ClientTransaction, ClientTransactions
from offhook.sip.encoding import Headers, header_lines
from offhook.sip.grammar import GrammarError, parse_number, readable
from offhook.sip.in_session import InSession, ignore
from offhook.sip.message import Message, Request, Response
from offhook.sip.refer import TRYING, notify_lines, refer_target, wants_no_subscription
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


class SipCall(InSession):
    """One INVITE session, from the INVITE to the last BYE."""

    __slots__ = ("bye_headers", "calls", "refer", "refer_cseq")

    def __init__(self, calls: Calls, call_id: str, credentials: Credentials | None) -> None:
        super().__init__(calls.core, calls.clients, call_id, credentials)
        self.calls = calls
        self.bye_headers = ""
        self.refer: ServerTransaction | None = None
        """A REFER of the peer that the application has not answered."""
        self.refer_cseq = 0
        """Of the REFER that wants to hear from us; 0: none does."""

    def _enter(self) -> None:
        """Add the call to the table of calls; :meth:`_over` removes it."""
        self.calls.open[self.handle] = self

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
            self._over(CallEvent.BYE_RECEIVED, now)
            ended = Ended(
                handle=self.handle,
                by=EndedBy.REMOTE,
                reason=reason_of(request),
                q850_cause=q850_cause(request),
            )
            self.core.emit(ended)
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
        self.session_timer.close()
        self.offer = None
        self.reject_refer(now, 487)
        if self.dialog is not None:
            self.dialog.end()

    # --- transfers (REFER)

    def received_refer(self, tx: ServerTransaction, request: Request, now: float) -> None:
        """The peer asks us to call another party."""
        target = refer_target(request)
        if self.state is not CallState.UP:
            tx.respond(481, now, extra=self.core.server)
        elif target is None:
            tx.respond(400, now, extra=self.core.server, reason="Bad Request - No usable Refer-To")
        elif self.refer is not None:
            tx.respond(491, now, extra=self.core.server)
        else:
            self.refer = tx
            self.refer_cseq = 0 if wants_no_subscription(request) else request.cseq[0]
            event = Referred(handle=self.handle, target=target.uri, replaces=target.replaces)
            self.core.emit(event)

    def accept_refer(self, now: float) -> None:
        """202, and a NOTIFY that says that we try; ignored when there is no REFER."""
        tx, self.refer = self.refer, None
        if tx is None:
            return
        silent = "" if self.refer_cseq else "Refer-Sub: false\r\n"
        tx.respond(202, now, extra=silent + self.core.dialog_response(tx.transport))
        if self.refer_cseq and self.state is CallState.UP:
            lines = self.contact_line + notify_lines(self.refer_cseq)
            self.send("NOTIFY", now, ignore, lines, TRYING)

    def reject_refer(self, now: float, status: int, warning: str = "") -> None:
        """Refuse to call another party, and tell people why; ignored when there is no REFER."""
        tx, self.refer = self.refer, None
        if tx is not None:
            told = f'Warning: 399 offhook "{warning}"\r\n' if warning else ""
            tx.respond(status, now, extra=told + self.core.server)

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


def reason_of(request: Request) -> str | None:
    """The ``Reason`` header (RFC 3326), as readable text."""
    value = request.get("reason")
    return None if value is None else readable(value)


def q850_cause(message: Message) -> int | None:
    """The cause of a ``Reason: Q.850;cause=16`` header (RFC 3326); None without one."""
    try:
        for value in message.values("reason"):
            protocol, _, params = value.partition(";")
            if protocol.strip().upper() != "Q.850":
                continue
            for part in params.split(";"):
                name, equals, number = part.partition("=")
                if equals and name.strip().lower() == "cause":
                    return parse_number(number.strip().strip('"'), 127)
    except GrammarError:
        pass
    return None
