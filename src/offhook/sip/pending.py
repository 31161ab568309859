"""What a call waits for: the ACK of a 2xx, the answer to a request inside its dialog, an hour to come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from offhook.sip.client import ClientTransaction, Handler, OutgoingRequest
from offhook.sip.events import Address
from offhook.sip.message import Response
from offhook.sip.timers import NEVER

if TYPE_CHECKING:
    from offhook.sip.call import Call
    from offhook.sip.dialog import Dialog


class Alarm:
    """A timer that calls a function; one per purpose and call."""

    __slots__ = ("call", "run", "wake")

    def __init__(self, call: Call, run: str) -> None:
        self.call = call
        self.run = run
        self.wake = NEVER

    def on_timer(self, now: float) -> None:
        """Call the call's method."""
        getattr(self.call, self.run)(now)


class PendingAck:
    """A 2xx of ours, repeated until its ACK comes (RFC 3261 §13.3.1.4)."""

    __slots__ = ("call", "cseq", "data", "deadline", "destination", "interval", "wake")

    def __init__(self, call: Call, cseq: int, data: bytes, destination: Address) -> None:
        self.call = call
        self.cseq = cseq
        self.data = data
        self.destination = destination
        self.interval = call.core.timing.t1
        self.deadline = 0.0
        self.wake = NEVER

    def start(self, now: float) -> None:
        """Arm the first repetition."""
        self.deadline = now + self.call.core.timing.timeout
        self.call.core.timers.schedule(now + self.interval, self)

    def on_timer(self, now: float) -> None:
        """Repeat the 2xx, or give the dialog up."""
        core = self.call.core
        if now >= self.deadline:
            self.call.ack_never_came(now)
            return
        core.send(self.data, self.destination)
        self.interval = min(self.interval * 2, core.timing.t2)
        core.timers.schedule(min(now + self.interval, self.deadline), self)


class Attempt:
    """A request inside a dialog, sent again with credentials when it is challenged."""

    __slots__ = ("body", "call", "dialog", "done", "extra", "method", "rounds")

    def __init__(
        self, call: Call, dialog: Dialog, method: str, done: Handler, extra: str, body: bytes
    ) -> None:
        self.call = call
        self.dialog = dialog
        self.method = method
        self.done = done
        self.extra = extra
        self.body = body
        self.rounds = 0

    def start(self, now: float) -> ClientTransaction:
        """Send it as a new transaction."""
        call, dialog = self.call, self.dialog
        dialog.local_cseq += 1
        uri, routes, destination = dialog.next_hop()
        request = OutgoingRequest(
            self.method,
            uri,
            routes=routes,
            from_=dialog.local,
            to=dialog.remote,
            call_id=call.call_id,
            cseq=dialog.local_cseq,
            destination=destination,
        )
        if call.auth is not None:
            request.authorization = call.auth.lines(self.method, uri, self.body)
        head = call.core.request_tail + self.extra
        return ClientTransaction(call.core, request, head, self.body, self.on_response).start(now)

    def on_response(self, tx: ClientTransaction, response: Response | None, now: float) -> None:
        """Final responses reach ``done``, once the challenges are behind."""
        call = self.call
        if response is not None:
            if response.status < 200:
                return
            if call.challenged(response, self.rounds):
                self.rounds += 1
                again = self.start(now)
                if call.offer_sent is tx:
                    call.offer_sent = again
                return
            if call.auth is not None:
                call.auth.learn(response)
        self.done(tx, response, now)
