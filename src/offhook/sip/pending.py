"""What a call waits for: the ACK of a 2xx, the answer to a request inside its dialog, a retry."""

from __future__ import annotations

from typing import final

from offhook.sip.agent_core import Core
from offhook.sip.agent_events import Address, Credentials
from offhook.sip.auth import MAX_ROUNDS, ClientAuth
from offhook.sip.client import (
    AtTime,
    ClientTransaction,
    ClientTransactions,
    Handler,
    OutgoingRequest,
)
from offhook.sip.dialog import Dialog
from offhook.sip.message import Response
from offhook.sip.timers import NEVER, Timed


@final
class Alarm(Timed):
    """A timer that calls a function; one per purpose and call."""

    __slots__ = ("_abandoned", "_run")

    def __init__(self, run: AtTime, abandoned: AtTime) -> None:
        self._run = run
        self._abandoned = abandoned
        self.wake = NEVER

    def on_timer(self, now: float) -> None:
        self._run(now)

    def abandon(self, now: float) -> None:
        self.wake = NEVER
        self._abandoned(now)


@final
class PendingAck(Timed):
    """Our 2xx, repeated until its ACK comes (RFC 3261 §13.3.1.4), or our reliable provisional response until
    its PRACK (RFC 3262 §3)."""

    __slots__ = (
        "_abandoned",
        "_core",
        "_data",
        "_deadline",
        "_destination",
        "_interval",
        "_never",
        "cseq",
        "offered",
    )

    def __init__(
        self,
        core: Core,
        cseq: int,
        data: bytes,
        destination: Address,
        *,
        offered: bool,
        never: AtTime,
        abandoned: AtTime,
    ) -> None:
        """``cseq``: of the ACK; of a provisional response, its RSeq.

        ``offered``: the 2xx holds our offer; of a provisional response: it holds a description.
        ``never`` is called when no ACK comes in 64*T1, ``abandoned`` when that fails.
        """
        self._abandoned = abandoned
        self._core = core
        self.cseq = cseq
        self.offered = offered
        self._data = data
        self._destination = destination
        self._never = never
        self._interval = core.timing.t1
        self._deadline = 0.0
        self.wake = NEVER

    def start(self, now: float) -> None:
        """Arm the first repetition."""
        self._deadline = now + self._core.timing.timeout
        self._core.timers.schedule(now + self._interval, self)

    def stop(self) -> None:
        """It was acknowledged, or is no longer needed."""
        self.wake = NEVER

    def on_timer(self, now: float) -> None:
        core = self._core
        if now >= self._deadline:
            self._never(now)
            return
        core.send(self._data, self._destination)
        self._interval = min(self._interval * 2, core.timing.t2)
        core.timers.schedule(min(now + self._interval, self._deadline), self)

    def abandon(self, now: float) -> None:
        self.wake = NEVER
        self._abandoned(now)


@final
class ChallengeAnswers:
    """The credentials of one call and the challenges they have answered so far (RFC 3261 §22)."""

    __slots__ = ("_auth", "_core", "_credentials")

    def __init__(self, core: Core, credentials: Credentials | None) -> None:
        self._core = core
        self._credentials = credentials
        self._auth: ClientAuth | None = None

    def challenged(self, response: Response, rounds: int) -> bool:
        """Whether to try again with credentials after a 401 or 407, the ``rounds``-th one."""
        if response.status not in (401, 407) or self._credentials is None or rounds >= MAX_ROUNDS:
            return False
        if self._auth is None:
            self._auth = ClientAuth(self._credentials, self._core.token)
        return self._auth.absorb(response)

    def learn(self, response: Response) -> None:
        """Take the next nonce from a response."""
        if self._auth is not None:
            self._auth.learn(response)

    def lines(self, method: str, uri: str, body: bytes) -> str:
        """Finished header lines with credentials; empty while nothing has challenged us."""
        return "" if self._auth is None else self._auth.lines(method, uri, body)


@final
class Attempt:
    """A request inside a dialog, sent again with credentials when it is challenged."""

    __slots__ = (
        "_answers",
        "_body",
        "_call_id",
        "_clients",
        "_dialog",
        "_done",
        "_extra",
        "_fault",
        "_method",
        "_rounds",
        "transaction",
    )

    def __init__(
        self,
        clients: ClientTransactions,
        answers: ChallengeAnswers,
        dialog: Dialog,
        call_id: str,
        method: str,
        done: Handler,
        fault: AtTime,
        *,
        extra: str,
        body: bytes,
    ) -> None:
        """``done`` hears the final response, ``fault`` of an error in our own code.

        ``extra`` are finished header lines.
        """
        self._clients = clients
        self._answers = answers
        self._dialog = dialog
        self._call_id = call_id
        self._method = method
        self._done = done
        self._fault = fault
        self._extra = extra
        self._body = body
        self._rounds = 0
        self.transaction: ClientTransaction | None = None
        """The current transaction; a challenge is answered with a new one."""

    def start(self, now: float) -> Attempt:
        """Send it as a new transaction."""
        dialog, core = self._dialog, self._clients.core
        dialog.local_cseq += 1
        uri, routes, destination = dialog.next_hop(core.transports)
        request = OutgoingRequest(
            self._method,
            uri,
            routes=routes,
            from_=dialog.local,
            to=dialog.remote,
            call_id=self._call_id,
            cseq=dialog.local_cseq,
            destination=destination,
        )
        request.authorization = self._answers.lines(self._method, uri, self._body)
        head = core.request_tail + self._extra
        transaction = ClientTransaction(
            self._clients, request, head, self._body, self._on_response, self._fault
        )
        self.transaction = transaction
        transaction.start(now)
        return self

    def give_up_at(self, when: float) -> None:
        """Wait no longer than ``when`` for a final response."""
        if self.transaction is not None:
            self.transaction.give_up_at(when)

    def _on_response(self, tx: ClientTransaction, response: Response | None, now: float) -> None:
        """Pass a final response to ``done``, after the challenges are answered."""
        if response is not None:
            if response.status < 200:
                return
            if self._answers.challenged(response, self._rounds):
                self._rounds += 1
                self.start(now)
                return
            self._answers.learn(response)
        self._done(tx, response, now)
