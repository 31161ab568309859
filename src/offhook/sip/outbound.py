"""Calls we make: INVITE, forks, CANCEL and the races between them (RFC 3261 §9.1, §13.2)."""

from __future__ import annotations

from typing import final

from offhook.sip.agent_core import SUPPORTED
from offhook.sip.agent_events import Address, Answered, Credentials, Provisional, Rejected
from offhook.sip.call import Calls, SipCall, q850_cause
from offhook.sip.call_states import OUTBOUND_CALL, CallEvent, CallState
from offhook.sip.client import ClientTransaction, OutgoingRequest
from offhook.sip.dialog import Dialog
from offhook.sip.encoding import Headers, header_lines
from offhook.sip.grammar import readable
from offhook.sip.in_dialog import Trust
from offhook.sip.in_session import ignore
from offhook.sip.message import Request, Response
from offhook.sip.redirect_contacts import redirect_contacts
from offhook.sip.reliable import rseq_of
from offhook.sip.server import ServerTransaction
from offhook.sip.session_timer import min_se_of
from offhook.sip.transactions import ClientState

MAX_FORKS = 16
"""Forks of one INVITE that we handle; responses of further forks are not answered."""


MAX_WARNING = 200
"""Characters of a Warning that are reported."""


@final
class OutboundCall(SipCall):
    """A call we make."""

    __slots__ = (
        "body",
        "cancel_wanted",
        "cseq",
        "extra",
        "forks",
        "from_",
        "intervals",
        "invite",
        "pracks",
        "rounds",
        "routes",
        "target",
        "to",
        "uri",
    )

    owns_call_id = True
    machine = OUTBOUND_CALL

    def __init__(
        self,
        calls: Calls,
        *,
        target: Address,
        uri: str,
        from_: str,
        to: str,
        sdp: bytes,
        headers: Headers,
        credentials: Credentials | None,
        routes: str,
        trust: Trust,
        session_expires: int,
    ) -> None:
        """``routes``: finished Route lines. ``session_expires``: the interval of the session timer that
        we ask for, in s; 0: none."""
        core = calls.core
        super().__init__(calls, core.token(), credentials)
        self.trust = trust
        self.target = target
        self.uri = uri
        self.routes = routes
        self.from_ = f"{from_};tag={self.handle}"
        self.to = to
        self.body = sdp
        kind = "Content-Type: application/sdp\r\n" if sdp else ""
        contact = core.transports.to(target).contact
        self.extra = f"{contact}{core.allow}{SUPPORTED}{header_lines(headers)}{kind}"
        self.session_timer.interval = session_expires
        self.cseq = 0
        self.rounds = 0
        """Challenges that were answered."""
        self.intervals = 0
        """422 that were answered with a longer interval."""
        self.pracks = 0
        self.forks: dict[str, Dialog] = {}
        """Early dialogs by remote tag."""
        self.cancel_wanted = False
        self.invite: ClientTransaction | None = None

    @property
    def offering(self) -> bool:
        """The INVITE's own offer counts until it is answered, which a reliable provisional response may
        do (RFC 3262 §5)."""
        if self.state is CallState.EARLY:
            return not any(fork.settled_early for fork in self.forks.values())
        return super().offering

    @property
    def takes_offers(self) -> bool:
        return super().takes_offers or (self.state is CallState.EARLY and not self.offering)

    @property
    def heard_from(self) -> bool:
        """Whether any response, 100 included, has come to the INVITE that is out."""
        return self.invite is not None and self.invite.heard_from

    def start(self, now: float) -> None:
        """Send the INVITE (again, with credentials, after a challenge)."""
        self._enter()
        self.cseq += 1
        core = self.core
        request = OutgoingRequest(
            "INVITE",
            self.uri,
            routes=self.routes,
            from_=self.from_,
            to=self.to,
            call_id=self.call_id,
            cseq=self.cseq,
            destination=self.target,
        )
        request.authorization = self.answers.lines("INVITE", self.uri, self.body)
        head = core.request_tail + self.session_timer.request_lines(initial=True) + self.extra
        clients = self.clients
        self.invite = ClientTransaction(
            clients, request, head, self.body, self._on_response, self.abandon
        )
        self.invite.start(now)

    # --- giving up

    def hang_up(self, now: float, headers: Headers = ()) -> None:
        """CANCEL before the answer, BYE after it."""
        if self.state is CallState.EARLY:
            self.cancel(now)
        else:
            self.bye(now, headers)

    def cancel(self, now: float) -> None:
        """Give up: CANCEL once a provisional response has come (RFC 3261 §9.1)."""
        if self.state is not CallState.EARLY:
            return
        self._on(CallEvent.CANCEL)
        invite = self.invite
        assert invite is not None
        if invite.state is ClientState.PROCEEDING:
            self._send_cancel(now)
        else:
            self.cancel_wanted = True

    def _send_cancel(self, now: float) -> None:
        self.cancel_wanted = False
        invite = self.invite
        assert invite is not None
        request = invite.request
        cancel = OutgoingRequest(
            "CANCEL",
            request.uri,
            routes=request.routes,
            from_=request.from_,
            to=request.to,
            call_id=request.call_id,
            cseq=request.cseq,
            destination=request.destination,
        )
        tail = self.core.request_tail
        clients = self.clients
        ClientTransaction(clients, cancel, tail, b"", ignore, self.abandon, invite.branch).start(
            now
        )
        invite.give_up_at(now + self.core.timing.timeout)

    # --- responses

    def _on_response(self, tx: ClientTransaction, response: Response | None, now: float) -> None:
        if response is None:
            self._no_answer(tx.problem, now)
        elif response.status < 200:
            self._provisional(response, now)
        elif response.status < 300:
            self._accepted(tx, response, now)
        else:
            self._refused(response, now)

    def _no_answer(self, problem: str | None, now: float) -> None:
        if self.state is CallState.CANCELING:
            self._reject(now, 487, "Request Terminated")
        elif self.state is CallState.EARLY:
            self._reject(now, 408, "Request Timeout", problem=problem)

    def _reject(
        self,
        now: float,
        status: int,
        reason: str,
        *,
        response: Response | None = None,
        event: CallEvent = CallEvent.REFUSED,
        problem: str | None = None,
    ) -> None:
        """Report the end without an answer; without ``response`` the status is our own."""
        rejected = Rejected(
            handle=self.handle,
            status=status,
            reason=readable(reason),
            q850_cause=None if response is None else q850_cause(response),
            warning=None if response is None else warning_of(response),
            retry_after=None if response is None else response.retry_after,
            contacts=() if response is None else redirect_contacts(response),
            local=response is None,
            problem=problem,
        )
        self._over(event, now)
        self.core.emit(rejected)

    def _provisional(self, response: Response, now: float) -> None:
        if self.cancel_wanted:
            self._send_cancel(now)
        if self.state is not CallState.EARLY or response.status == 100:
            return
        fork = self._fork(response)
        sdp = response.sdp
        if fork is not None:
            rseq = rseq_of(response)
            if rseq is not None and not self._acknowledged_early(fork, rseq, response, now):
                return
            if sdp is not None:
                fork.early_sdp = sdp
        self.core.emit(
            Provisional(handle=self.handle, status=response.status, sdp=sdp, source=response.source)
        )

    def _fork(self, response: Response) -> Dialog | None:
        """The early dialog of a provisional response; None without a tag, or when there are too many."""
        tag = response.to_tag
        if not tag:
            return None
        fork = self.forks.get(tag)
        if fork is None and len(self.forks) < MAX_FORKS:
            fork = self.forks[tag] = self._dialog(response)
        return fork

    def _acknowledged_early(self, fork: Dialog, rseq: int, response: Response, now: float) -> bool:
        """Send the PRACK of a reliable response. False: a repetition, or one before it is missing
        (RFC 3262 §4)."""
        if fork.rseq is not None and rseq != fork.rseq + 1:
            return False
        fork.rseq = rseq
        fork.settled_early = fork.settled_early or response.sdp is not None
        fork.refresh_target(response)
        self.pracks += 1
        self.send("PRACK", now, ignore, f"RAck: {rseq} {self.cseq} INVITE\r\n", dialog=fork)
        return True

    def _dialog(self, response: Response) -> Dialog:
        return Dialog.of_response(response, self.from_, self.uri, self.cseq, self.target)

    def _accepted(self, tx: ClientTransaction, response: Response, now: float) -> None:
        """A 2xx, the first, a repeated one, or that of another fork (RFC 3261 §13.2.2.4)."""
        if tx.acks is None:
            tx.acks = {}
        tag = response.to_tag
        known = tx.acks.get(tag)
        if known is not None:
            self.core.send(*known)
            return
        if len(tx.acks) >= MAX_FORKS:
            return
        dialog = self._dialog(response)
        early = self.forks.get(tag)
        if early is not None:
            dialog.remote_cseq = early.remote_cseq
        dialog.local_cseq = self.cseq + self.pracks if early is None else early.local_cseq
        self.answers.learn(response)
        ack = self.acknowledgement(tx.request, dialog)
        tx.acks[tag] = ack
        self.core.send(*ack)
        if self.state is CallState.EARLY:
            self._established(dialog, response, now)
        else:
            self._hang_up_fork(dialog, now)

    def _established(self, dialog: Dialog, response: Response, now: float) -> None:
        early = self.forks.get(dialog.remote_tag)
        sdp = response.sdp or (early.early_sdp if early is not None else None)
        self.dialog = dialog
        self._on(CallEvent.ANSWERED)
        self._end_forks()
        self.body = b""
        self.session_agreed(response, now)
        self.core.emit(Answered(handle=self.handle, sdp=sdp, at=now, source=response.source))

    def _hang_up_fork(self, dialog: Dialog, now: float) -> None:
        """Send BYE to a fork that answered too late: we canceled, or another fork answered first."""
        self.send("BYE", now, ignore, dialog=dialog)
        dialog.end()
        if self.state is CallState.CANCELING:
            event = CallEvent.ANSWERED
            self._reject(now, 487, "Request Terminated", event=event)

    def _refused(self, response: Response, now: float) -> None:
        if self.state not in (CallState.EARLY, CallState.CANCELING):
            return
        if self.state is CallState.EARLY and self.answers.challenged(response, self.rounds):
            self.rounds += 1
            self._end_forks()
            self.start(now)
            return
        if self._interval_taken(response):
            self.intervals += 1
            self._end_forks()
            self.start(now)
            return
        self._reject(now, response.status, response.reason, response=response)

    def _interval_taken(self, response: Response) -> bool:
        """Whether a 422 asks for a longer interval of the session timer that we take (RFC 4028 §7.4)."""
        return (
            self.state is CallState.EARLY
            and response.status == 422
            and self.session_timer.raise_to(min_se_of(response), self.intervals)
        )

    # --- requests of the peer

    def dialog_of(self, remote_tag: str) -> Dialog | None:
        """The dialog with that remote tag, early dialogs included."""
        if self.dialog is not None:
            return super().dialog_of(remote_tag)
        return self.forks.get(remote_tag)

    def received_bye(self, tx: ServerTransaction, request: Request, now: float) -> None:
        """A callee must not BYE an early dialog; that one branch is over then."""
        if self.state in (CallState.EARLY, CallState.CANCELING):
            tx.respond(200, now, extra=self.core.server)
            fork = self.forks.pop(request.from_tag, None)
            if fork is not None:
                fork.end()
            return
        super().received_bye(tx, request, now)

    def abandon(self, now: float) -> None:
        """CANCEL before the answer, BYE after it."""
        if self.state is CallState.EARLY:
            self.cancel(now)
        if self.state is CallState.CANCELING:
            self._reject(now, 500, "internal error", event=CallEvent.ABANDON)
        else:
            super().abandon(now)

    def _over(self, event: CallEvent, now: float) -> None:
        self._settle_reoffer(now)
        super()._over(event, now)
        self._end_forks()

    def _end_forks(self) -> None:
        forks, self.forks = self.forks, {}
        for fork in forks.values():
            fork.end()


def warning_of(response: Response) -> str | None:
    """The text of the first Warning header (RFC 3261 §20.43); None without one."""
    value = response.get("warning")
    if value is None:
        return None
    return readable(value)[:MAX_WARNING] or None
