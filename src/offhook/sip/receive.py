"""Where a request goes: to its transaction, its dialog, a new call, or a stateless refusal.

The order of the checks is RFC 3261 §8.2; what fits nothing is answered without keeping any state
(§8.2.7), so that strangers cannot make us remember them.
"""

from __future__ import annotations

import zlib

from offhook.sip.build import REASONS, reply_address, reply_head, response, to_with_tag
from offhook.sip.call import Call
from offhook.sip.core import MAGIC, METHODS, OTHER_METHODS, Core, ServerKey
from offhook.sip.events import Address, IncomingInvite, Info
from offhook.sip.grammar import GrammarError, parse_name_addr, readable, uri_scheme
from offhook.sip.inbound import InboundCall
from offhook.sip.message import URI_PROBLEM, VERSION_PROBLEM, Request
from offhook.sip.server import ServerState, ServerTransaction

OVERLOAD_WAIT = 5
"""Seconds of ``Retry-After`` in our 503."""
_STATUS_OF = {VERSION_PROBLEM: 505, URI_PROBLEM: 414}
_ACCEPT = "Accept: application/sdp\r\n"


def receive_request(core: Core, request: Request, source: Address, now: float) -> None:
    """Take in one request."""
    try:
        key = server_key(request)
    except GrammarError as error:
        if request.lines("via") and request.method != "ACK":
            _refuse_malformed(core, request, source, str(error).capitalize())
        return
    transaction = core.servers.get(key)
    if request.method == "ACK":
        _acknowledge(core, transaction, request, now)
    elif request.method == "CANCEL":
        _cancel(core, transaction, request, source, now)
    elif transaction is not None:
        transaction.retransmitted()
    else:
        problem = request.check()
        if problem is not None:
            _refuse_malformed(core, request, source, problem)
        elif request.to_tag:
            _inside_dialog(core, key, request, source, now)
        else:
            _outside_dialog(core, key, request, source, now)


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


def refuse(
    core: Core,
    request: Request,
    source: Address,
    status: int,
    extra: str = "",
    reason: str | None = None,
    body: bytes = b"",
) -> None:
    """Answer without a transaction; a retransmission gets the same answer, tag included."""
    tag = zlib.crc32(f"{core.salt}{request.call_id}{request.get('from')}".encode(errors="replace"))
    try:
        head = reply_head(request, source)
        to = to_with_tag(request, f"{tag:08x}")
        destination = reply_address(request.via, source)
    except GrammarError:
        return
    core.send(response(status, head, to, extra + core.server, body, reason), destination)


def _refuse_malformed(core: Core, request: Request, source: Address, problem: str) -> None:
    if problem in _STATUS_OF:
        refuse(core, request, source, _STATUS_OF[problem])
    else:
        refuse(core, request, source, 400, reason=f"{REASONS[400]} - {problem}")


def _refuse_method(core: Core, request: Request, source: Address) -> None:
    refuse(core, request, source, 405 if request.method in OTHER_METHODS else 501, core.allow)


def _acknowledge(
    core: Core, transaction: ServerTransaction | None, request: Request, now: float
) -> None:
    """The ACK of a refusal goes to its transaction, that of a 2xx to its call (§17.2.1, §13.3.1.4)."""
    if transaction is not None and transaction.state in (
        ServerState.COMPLETED,
        ServerState.CONFIRMED,
    ):
        transaction.acknowledged(now)
        return
    if request.check() is not None:
        return
    call = core.calls.get(request.to_tag)
    if call is not None and call.call_id == request.call_id:
        call.received_ack(request, now)


def _cancel(
    core: Core,
    transaction: ServerTransaction | None,
    request: Request,
    source: Address,
    now: float,
) -> None:
    """CANCEL (§9.2). Doing it twice does nothing, so it needs no transaction of its own."""
    problem = request.check()
    if problem is not None:
        _refuse_malformed(core, request, source, problem)
        return
    if transaction is None:
        refuse(core, request, source, 481)
        return
    head = reply_head(request, source)
    core.send(response(200, head, transaction.to, core.server), reply_address(request.via, source))
    if not transaction.answered and transaction.call is not None:
        transaction.call.canceled(transaction, request, now)


def _inside_dialog(
    core: Core, key: ServerKey, request: Request, source: Address, now: float
) -> None:
    """A request with a To tag (§12.2.2)."""
    call = core.calls.get(request.to_tag)
    dialog = None
    if call is not None and call.call_id == request.call_id:
        dialog = call.dialog_of(request.from_tag)
    if request.method not in METHODS:
        _refuse_method(core, request, source)
        return
    if call is None or dialog is None:
        refuse(core, request, source, 481)
        return
    if request.method != "BYE" and _bad_extension(core, request, source):
        return
    if core.crowded and request.method != "BYE":
        refuse(core, request, source, 503, f"Retry-After: {OVERLOAD_WAIT}\r\n")
        return
    transaction = ServerTransaction(core, key, request, source, "").start(now)
    if not dialog.accepts(request):
        transaction.respond(500, now, extra=core.server, reason="CSeq out of order")
        return
    _dispatch(core, call, transaction, request, now)


def _dispatch(
    core: Core, call: Call, transaction: ServerTransaction, request: Request, now: float
) -> None:
    method = request.method
    if method == "BYE":
        call.received_bye(transaction, request, now)
    elif method in ("INVITE", "UPDATE"):
        call.received_offer(transaction, request, now)
    elif method == "INFO":
        transaction.respond(200, now, extra=core.server)
        kind = readable(request.content_type)
        core.emit(Info(handle=call.handle, content_type=kind, body=request.body))
    else:
        transaction.respond(200, now, extra=_ACCEPT + core.dialog_response)


def _bad_extension(core: Core, request: Request, source: Address) -> bool:
    """We support no extension that a peer could require (§8.2.2.3)."""
    try:
        required = request.values("require")
    except GrammarError:
        required = ["?"]
    if not required:
        return False
    refuse(core, request, source, 420, f"Unsupported: {', '.join(required)}\r\n")
    return True


def _outside_dialog(
    core: Core, key: ServerKey, request: Request, source: Address, now: float
) -> None:
    """A request without a To tag (§8.2)."""
    method = request.method
    if method not in METHODS:
        _refuse_method(core, request, source)
    elif uri_scheme(request.uri) not in ("sip", "sips", "tel"):
        refuse(core, request, source, 416)
    elif _bad_extension(core, request, source):
        pass
    elif method == "INVITE":
        _invite(core, key, request, source, now)
    elif method == "OPTIONS":
        full = core.full or core.crowded
        extra = f"{_ACCEPT}Accept-Encoding: identity\r\n{core.contact}{core.allow}"
        refuse(core, request, source, 503 if full else 200, extra)
    else:
        refuse(core, request, source, 481)


def _invite(core: Core, key: ServerKey, request: Request, source: Address, now: float) -> None:
    """A new call, unless it came here by two ways, cannot be understood, or is one too many."""
    merged = (request.call_id, request.from_tag, request.get("cseq") or "")
    if merged in core.merged:
        refuse(core, request, source, 482)
        return
    if _bad_content(core, request, source) or _unacceptable(core, request, source):
        return
    try:
        for value in request.values("record-route"):
            parse_name_addr(value)
    except GrammarError as error:
        _refuse_malformed(core, request, source, str(error).capitalize())
        return
    if core.full or core.crowded:
        refuse(core, request, source, 503, f"Retry-After: {OVERLOAD_WAIT}\r\n")
        return
    call = InboundCall(core, request, source)
    transaction = ServerTransaction(core, key, request, source, call.handle).start(now)
    transaction.call = call
    transaction.merged_key = merged
    core.merged[merged] = transaction
    call.invite = transaction
    core.calls[call.handle] = call
    core.emit(
        IncomingInvite(
            handle=call.handle,
            source=source,
            request_uri=readable(request.uri),
            from_=readable(request.get("from") or ""),
            to=readable(request.get("to") or ""),
            sdp=request.sdp,
            request=request,
        )
    )


def _unacceptable(core: Core, request: Request, source: Address) -> bool:
    """406 for a caller that would not understand a session description (§21.4.7)."""
    accepted = request.tokens("accept")
    if not accepted or accepted & {"application/sdp", "application/*", "*/*"}:
        return False
    refuse(core, request, source, 406)
    return True


def _bad_content(core: Core, request: Request, source: Address) -> bool:
    """415 for a body that is not a session description and must be understood (§8.2.3)."""
    if not request.body:
        return False
    optional = "handling=optional" in (request.get("content-disposition") or "").lower()
    encoding = (request.get("content-encoding") or "identity").strip().lower()
    if encoding != "identity" or (request.sdp is None and not optional):
        refuse(core, request, source, 415, f"{_ACCEPT}Accept-Encoding: identity\r\n")
        return True
    return False
