"""Phones that register here: what a REGISTER wishes, and its answer (RFC 3261 §10.3, RFC 3327). Pure.

The application answers: it knows the users and keeps their contacts.
"""

from __future__ import annotations

from typing import Final, final

from offhook.sip.agent_core import Core
from offhook.sip.agent_events import Address, ContactWish, IncomingRegister
from offhook.sip.encoding import Headers, header_lines
from offhook.sip.grammar import (
    GrammarError,
    check_uri_text,
    parse_name_addr,
    parse_number,
    parse_uri,
    readable,
    unescape,
)
from offhook.sip.message import Request
from offhook.sip.server import ServerKey, ServerTransaction, ServerTransactions

MOST_CONTACTS: Final = 10
"""Contacts, and proxies in a Path, of one REGISTER."""
LONGEST_URI: Final = 512
_USUAL: Final = 3600
"""Seconds that are wished for where the REGISTER does not say (§10.3)."""


def read_register(
    request: Request, *, handle: str, source: Address, admitted_as: str | None
) -> IncomingRegister:
    """Read a REGISTER that passed its check. Raises :class:`GrammarError` with what is wrong (400)."""
    values = request.values("contact")
    expires = _expires(request.get("expires"), _USUAL)
    clears = values == ["*"]
    if ("*" in values and not clears) or (clears and expires != 0):
        raise GrammarError("Contact * needs Expires 0 and no other contact")
    path = tuple(request.values("path"))
    if len(values) > MOST_CONTACTS or len(path) > MOST_CONTACTS:
        raise GrammarError("too many contacts")
    for value in path:
        check_uri_text(_bounded(parse_name_addr(value).uri))
    return IncomingRegister(
        handle=handle,
        source=source,
        admitted_as=admitted_as,
        user=readable(unescape(parse_uri(parse_name_addr(request.get("to") or "").uri).user)),
        call_id=readable(request.call_id),
        cseq=request.cseq[0],
        contacts=() if clears else tuple(_contact(value, expires) for value in values),
        clears=clears,
        path=path,
        user_agent=readable(request.get("user-agent") or "")[:100],
    )


def _contact(value: str, usual: int) -> ContactWish:
    contact = parse_name_addr(value)
    uri = _bounded(contact.uri).partition("?")[0]
    check_uri_text(uri)
    if parse_uri(uri).scheme not in ("sip", "sips"):
        raise GrammarError("a contact that is no sip URI")
    return ContactWish(uri, _expires(contact.params.get("expires"), usual))


def _expires(text: str | None, usual: int) -> int:
    """A malformed one counts as absent (§10.2.1.1)."""
    try:
        return usual if text is None else parse_number(text.strip(), 2**32 - 1)
    except GrammarError:
        return usual


def _bounded(uri: str) -> str:
    if len(uri) > LONGEST_URI:
        raise GrammarError("a URI that is too long")
    return uri


@final
class Registering:
    """The REGISTERs of one user agent that wait for the application's answer."""

    def __init__(self, core: Core, servers: ServerTransactions) -> None:
        self._core = core
        self._servers = servers
        self._waiting: dict[str, ServerTransaction] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def take(
        self,
        key: ServerKey,
        request: Request,
        source: Address,
        user: str | None,
        now: float,
    ) -> None:
        """Begin a transaction and report; ``user`` is what the screen called the phone's user.

        Raises :class:`GrammarError` before that when the request cannot be obeyed.
        """
        handle = self._core.token()
        event = read_register(request, handle=handle, source=source, admitted_as=user)
        transaction = ServerTransaction(self._servers, key, request, source, handle).start(now)
        self._waiting[handle] = transaction
        self._core.emit(event)

    def answer(self, handle: str, now: float, status: int, headers: Headers = ()) -> None:
        """Answer 200..699; a second answer is ignored."""
        transaction = self._waiting.pop(handle, None)
        if transaction is not None:
            extra = f"{header_lines(headers)}{self._core.server}"
            transaction.respond(status, now, extra=extra)
