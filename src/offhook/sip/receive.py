"""Where a request goes: to its transaction, its dialog, a new call, or a stateless refusal.

The order of the checks is RFC 3261 §8.2. What belongs to nothing known is answered without keeping any
state (§8.2.7) and within :data:`~offhook.sip.received_request.MAX_RATIO`, or not at all when the screen
ignores its address.
"""

from __future__ import annotations

from offhook.sip.agent_core import MAGIC, METHODS, SUPPORTED, Core
from offhook.sip.agent_events import Address, IncomingInvite, Info
from offhook.sip.call import Calls, SipCall
from offhook.sip.diversions import diversions_of
from offhook.sip.encoding import (
    reply_address,
    reply_head,
    response,
)
from offhook.sip.grammar import GrammarError, readable, uri_scheme
from offhook.sip.identity_header import identity_values
from offhook.sip.inbound import InboundCall
from offhook.sip.message import Request
from offhook.sip.received_request import ACCEPT, ReceivedRequest
from offhook.sip.registering import Registering
from offhook.sip.screen import Admitted, OpenScreen, Screen
from offhook.sip.server import ServerKey, ServerTransaction, ServerTransactions
from offhook.sip.session_timer import too_brief

OVERLOAD_WAIT = 5
"""Seconds of ``Retry-After`` in our 503."""
_RETRY_AFTER = f"Retry-After: {OVERLOAD_WAIT}\r\n"


def server_key(request: Request) -> ServerKey:
    """The key of a request's transaction; of the INVITE's, for its ACK and CANCEL.

    Raises :class:`GrammarError`.
    """
    via = request.via
    method = "INVITE" if request.method in ("ACK", "CANCEL") else request.method
    if via.branch.startswith(MAGIC) and len(via.branch) > len(MAGIC):
        return ServerKey(via.branch, f"{via.host}:{via.port}", method)
    # RFC 2543: by the request itself (§17.2.3); the To tag is not known to the INVITE yet.
    parts = (request.uri, request.from_tag, request.call_id, str(request.cseq[0]))
    return ServerKey("\n".join(parts), request.lines("via")[0], method)


class RequestReceiver:
    """Takes in the requests of one user agent."""

    def __init__(self, core: Core, servers: ServerTransactions, calls: Calls) -> None:
        self._core = core
        self._servers = servers
        self._calls = calls
        self.screen: Screen = OpenScreen()
        self.registering = Registering(core, servers)

    def receive(self, request: Request, source: Address, size: int, now: float) -> None:
        """Take in one request of ``size`` octets.

        What its handling raises comes out here, after its call and its transaction were ended.
        """
        received = ReceivedRequest(self._core, self.screen, request, source, size)
        try:
            self._route(received, now)
        except Exception:
            self._abandon(received, now)
            raise

    def _route(self, received: ReceivedRequest, now: float) -> None:
        request = received.request
        try:
            key = server_key(request)
        except GrammarError as error:
            if request.lines("via") and request.method != "ACK":
                received.refuse_malformed(str(error).capitalize())
            return
        transaction = self._servers.open.get(key)
        if request.method == "ACK":
            self._acknowledge(transaction, received, now)
        elif request.method == "CANCEL":
            self._cancel(transaction, received, now)
        elif transaction is not None:
            transaction.retransmitted()
        else:
            self._new_request(key, received, now)

    def _new_request(self, key: ServerKey, received: ReceivedRequest, now: float) -> None:
        request = received.request
        problem = request.check()
        if problem is not None:
            received.refuse_malformed(problem)
        elif request.to_tag:
            self._inside_dialog(key, received, now)
        else:
            self._outside_dialog(key, received, now)

    def _abandon(self, received: ReceivedRequest, now: float) -> None:
        """Handling a request raised: end its calls, and answer 500 unless it was answered."""
        request = received.request
        for call in list(self._calls.open.values()):
            if call.call_id == request.call_id:
                call.abandon(now)
        try:
            transaction = self._servers.open.get(server_key(request))
        except GrammarError:
            return
        if transaction is not None:
            transaction.abandon(now)
        elif request.method != "ACK":
            received.refuse(500)

    def _acknowledge(
        self, transaction: ServerTransaction | None, received: ReceivedRequest, now: float
    ) -> None:
        """The ACK of a refusal goes to its transaction, of a 2xx to its call (§17.2.1, §13.3.1.4)."""
        if transaction is not None and transaction.acknowledged(now):
            return
        request = received.request
        if request.check() is not None:
            return
        call = self._calls.find(request.to_tag, request.call_id)
        dialog = None if call is None else call.dialog_of(request.from_tag)
        if call is None or dialog is None:
            return
        if call.takes_from(received.source.host, dialog):
            call.received_ack(request, now)
        else:
            call.received_from_elsewhere(request, received.source)

    def _cancel(
        self, transaction: ServerTransaction | None, received: ReceivedRequest, now: float
    ) -> None:
        """CANCEL (§9.2). Doing it twice does nothing, so it needs no transaction of its own."""
        request, source = received.request, received.source
        problem = request.check()
        if problem is not None:
            received.refuse_malformed(problem)
            return
        if transaction is None or not transaction.may_cancel(source.host):
            received.refuse(481)
            return
        head = reply_head(request, source)
        destination = reply_address(request.via, source)
        self._core.send(response(200, head, transaction.to, self._core.server), destination)
        transaction.canceled(request, now)

    def _inside_dialog(self, key: ServerKey, received: ReceivedRequest, now: float) -> None:
        """A request with a To tag (§12.2.2)."""
        request, source = received.request, received.source
        call = self._calls.find(request.to_tag, request.call_id)
        dialog = None if call is None else call.dialog_of(request.from_tag)
        if request.method not in METHODS:
            received.refuse_method()
        elif call is None or dialog is None:
            received.refuse(481)
        elif not call.takes_from(source.host, dialog):
            call.received_from_elsewhere(request, source)
            received.refuse(403)
        elif request.method != "BYE" and received.bad_extension():
            pass
        elif request.method != "BYE" and self._servers.full:
            received.refuse(503, _RETRY_AFTER)
        else:
            transaction = ServerTransaction(self._servers, key, request, source, "").start(now)
            if dialog.accepts(request):
                self._dispatch(call, transaction, request, now)
            else:
                reason = "CSeq out of order"
                transaction.respond(500, now, extra=self._core.server, reason=reason)

    def _dispatch(
        self, call: SipCall, transaction: ServerTransaction, request: Request, now: float
    ) -> None:
        core = self._core
        method = request.method
        if method == "BYE":
            call.received_bye(transaction, request, now)
        elif method in ("INVITE", "UPDATE"):
            call.received_offer(transaction, request, now)
        elif method == "PRACK":
            call.received_prack(transaction, request, now)
        elif method == "REFER":
            call.received_refer(transaction, request, now)
        elif method == "INFO":
            transaction.respond(200, now, extra=core.server)
            kind = readable(request.content_type)
            core.emit(Info(handle=call.handle, content_type=kind, body=request.body))
        else:
            transaction.respond(
                200, now, extra=ACCEPT + core.dialog_response(transaction.transport)
            )

    def _outside_dialog(self, key: ServerKey, received: ReceivedRequest, now: float) -> None:
        """A request without a To tag (§8.2)."""
        core, request = self._core, received.request
        method = request.method
        if method == "REGISTER" and self.screen.takes_registers:
            self._register(key, received, now)
        elif method not in METHODS:
            received.refuse_method()
        elif uri_scheme(request.uri) not in ("sip", "sips", "tel"):
            received.refuse(416)
        elif received.bad_extension():
            pass
        elif method == "INVITE":
            self._invite(key, received, now)
        elif method == "OPTIONS":
            busy = self._calls.full or self._servers.full
            received.refuse(
                503 if busy else 200,
                core.allow,
                ACCEPT,
                SUPPORTED,
                "Accept-Encoding: identity\r\n",
                core.transports.to(received.source).contact,
            )
        else:
            received.refuse(481)

    def _invite(self, key: ServerKey, received: ReceivedRequest, now: float) -> None:
        """A new call, unless the screen refuses it, it is a merged request (§8.2.2.2), or the limit is
        reached."""
        request = received.request
        merged = (request.call_id, request.from_tag, request.get("cseq") or "")
        if merged in self._servers.merged:
            received.refuse(482)
            return
        if received.ignored:
            return
        judgement = self.screen.judge(request, received.source)
        if not isinstance(judgement, Admitted):
            received.turn_away(judgement)
        elif received.bad_content() or received.unacceptable() or received.bad_routes():
            return
        elif too_brief(request, minimum := self._core.timing.min_session):
            received.refuse(422, f"Min-SE: {minimum}\r\n")
        elif self._calls.full or self._servers.full:
            received.refuse(503, _RETRY_AFTER)
        else:
            self._new_call(key, received, merged, judgement, now)

    def _register(self, key: ServerKey, received: ReceivedRequest, now: float) -> None:
        """A phone registers (§10.3), unless the screen refuses it or the limit is reached."""
        if received.ignored:
            return
        request, source = received.request, received.source
        judgement = self.screen.judge_register(request, source)
        if not isinstance(judgement, Admitted):
            received.turn_away(judgement)
        elif self._servers.full:
            received.refuse(503, _RETRY_AFTER)
        else:
            try:
                self.registering.take(key, request, source, judgement.name, now)
            except GrammarError as error:
                received.refuse_malformed(str(error).capitalize())

    def _new_call(
        self,
        key: ServerKey,
        received: ReceivedRequest,
        merged: tuple[str, str, str],
        admitted: Admitted,
        now: float,
    ) -> None:
        request, source = received.request, received.source
        call = InboundCall(self._calls, request, source)
        transaction = ServerTransaction(self._servers, key, request, source, call.handle).start(now)
        transaction.merged_key = merged
        self._servers.merged[merged] = transaction
        call.begin(transaction)
        self._core.emit(
            IncomingInvite(
                handle=call.handle,
                source=source,
                request_uri=readable(request.uri),
                from_=readable(request.get("from") or ""),
                to=readable(request.get("to") or ""),
                sdp=request.sdp,
                asserted=tuple(_readable_values(request, "p-asserted-identity")),
                privacy=frozenset(
                    token.strip().lower()
                    for line in request.lines("privacy")
                    for token in readable(line).split(";")
                ),
                via_below=request.via_below,
                diverted=diversions_of(request),
                identities=identity_values(request),
                admitted_as=admitted.name,
            )
        )


def _readable_values(request: Request, name: str) -> list[str]:
    """The elements of a header for the application; none when they cannot be taken apart."""
    try:
        return [readable(value) for value in request.values(name)]
    except GrammarError:
        return []
