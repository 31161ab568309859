"""A request that came, and the answers to it that need no transaction (RFC 3261 §8.2.7)."""

from __future__ import annotations

import zlib
from typing import final

from offhook.sip.agent_core import EXTENSIONS, OTHER_METHODS, Core
from offhook.sip.agent_events import Address
from offhook.sip.encoding import (
    REASONS,
    header_lines,
    reply_address,
    reply_head,
    response,
    to_with_tag,
)
from offhook.sip.grammar import GrammarError, octets, parse_name_addr
from offhook.sip.message import URI_PROBLEM, VERSION_PROBLEM, Request
from offhook.sip.screen import Ignored, Screen, ScreenedOut

MAX_RATIO = 1.5
"""A stateless answer is at most this many times as long as its request."""
ACCEPT = "Accept: application/sdp\r\n"
_STATUS_OF = {VERSION_PROBLEM: 505, URI_PROBLEM: 414}


@final
class ReceivedRequest:
    """A request with its source, and the stateless answers to it."""

    def __init__(
        self, core: Core, screen: Screen, request: Request, source: Address, size: int
    ) -> None:
        self._core = core
        self._screen = screen
        self.request = request
        self.source = source
        self._size = size
        self._ignored: bool | None = None

    @property
    def ignored(self) -> bool:
        """Whether the address was ignored when the request came: a refusal may be what bans it."""
        if self._ignored is None:
            self._ignored = self._screen.ignores(self.request, self.source)
        return self._ignored

    def refuse(self, status: int, *extra: str, reason: str | None = None) -> None:
        """Answer without a transaction; a retransmission gets the same answer, tag included.

        ``extra`` are header lines, the most important first: what would make the answer longer than
        :data:`MAX_RATIO` allows is left out, and the answer too when nothing else helps.
        """
        if self.ignored:
            return
        core, request = self._core, self.request
        seed = f"{core.salt}{request.call_id}{request.get('from')}"
        tag = zlib.crc32(octets(seed))
        try:
            head = reply_head(request, self.source)
            to = to_with_tag(request, f"{tag:08x}")
            destination = reply_address(request.via, self.source)
        except GrammarError:
            return
        limit = int(self._size * MAX_RATIO)
        lines = [*extra, core.server]
        if reason is not None and len(response(status, head, to, reason=reason)) > limit:
            reason = None
        while lines and len(response(status, head, to, "".join(lines), reason=reason)) > limit:
            lines.pop()
        data = response(status, head, to, "".join(lines), reason=reason)
        if len(data) <= limit:
            core.send(data, destination)

    def turn_away(self, judgement: ScreenedOut | Ignored) -> None:
        """Answer as the screen says, or not at all."""
        if isinstance(judgement, ScreenedOut):
            lines = [header_lines([header]) for header in judgement.headers]
            self.refuse(judgement.status, *lines)

    def refuse_malformed(self, problem: str) -> None:
        """400 that says what is wrong, or the status that the problem has of its own."""
        if problem in _STATUS_OF:
            self.refuse(_STATUS_OF[problem])
        else:
            self.refuse(400, reason=f"{REASONS[400]} - {problem}")

    def refuse_method(self) -> None:
        """405 for a method that we know, 501 for others (§8.2.1, §21.5.2)."""
        self.refuse(405 if self.request.method in OTHER_METHODS else 501, self._core.allow)

    def bad_extension(self) -> bool:
        """420 for an extension that we do not have (§8.2.2.3)."""
        try:
            required = self.request.values("require")
        except GrammarError:
            required = ["?"]
        unknown = [tag for tag in required if tag.strip().lower() not in EXTENSIONS]
        if unknown:
            self.refuse(420, f"Unsupported: {', '.join(unknown)}\r\n")
        return bool(unknown)

    def bad_routes(self) -> bool:
        """400 for a Record-Route that we could not follow."""
        try:
            for value in self.request.values("record-route"):
                parse_name_addr(value)
        except GrammarError as error:
            self.refuse_malformed(str(error).capitalize())
            return True
        return False

    def unacceptable(self) -> bool:
        """406 for a caller that would not understand a session description (§21.4.7); 400 for one that
        cannot say what it would."""
        try:
            accepted = self.request.tokens("accept")
        except GrammarError as error:
            self.refuse_malformed(str(error).capitalize())
            return True
        if not accepted or accepted & {"application/sdp", "application/*", "*/*"}:
            return False
        self.refuse(406)
        return True

    def bad_content(self) -> bool:
        """415 for a body that is not a session description and must be understood (§8.2.3)."""
        request = self.request
        if not request.body:
            return False
        optional = "handling=optional" in (request.get("content-disposition") or "").lower()
        encoding = (request.get("content-encoding") or "identity").strip().lower()
        if encoding == "identity" and (request.sdp is not None or optional):
            return False
        self.refuse(415, ACCEPT, "Accept-Encoding: identity\r\n")
        return True
