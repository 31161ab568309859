"""Provisional responses that are acknowledged: ``100rel`` and PRACK (RFC 3262). Pure.

A reliable provisional response names itself by its ``RSeq`` and is repeated until a PRACK names it in its
``RAck``. The caller acknowledges them in their order only; the callee has one of them out at a time.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import NamedTuple, final

from offhook.sip.grammar import GrammarError, parse_number
from offhook.sip.message import Message, Request, Response
from offhook.sip.pending import PendingAck

MAX_RSEQ = 2**31 - 1
"""The first RSeq is 1 to this (RFC 3262 §3)."""
MAX_WAITING = 8
"""Provisional responses that wait for the PRACK of one before them; a further one is not sent."""


class Reliability(Enum):
    """Which provisional responses of a call are reliable."""

    NEVER = "never"
    """The caller does not know PRACK."""
    DESCRIPTIONS = "descriptions"
    """Those with a session description: the caller supports it."""
    ALWAYS = "always"
    """The caller requires it."""

    @classmethod
    def asked_by(cls, request: Request) -> Reliability:
        """What an INVITE asks for (RFC 3262 §3)."""
        if has_option(request, "require", "100rel"):
            return cls.ALWAYS
        return cls.DESCRIPTIONS if has_option(request, "supported", "100rel") else cls.NEVER


def has_option(message: Message, header: str, option: str) -> bool:
    """Whether ``header`` (``supported``, ``require``) names the option tag; False when it is malformed."""
    if not message.lines(header):
        return False
    try:
        return option in message.tokens(header)
    except GrammarError:
        return False


def rseq_of(response: Response) -> int | None:
    """The RSeq of a reliable provisional response; None: it is not one, or is malformed."""
    if not has_option(response, "require", "100rel"):
        return None
    try:
        return parse_number(response.get("rseq") or "", 2**32 - 1)
    except GrammarError:
        return None


class Rack(NamedTuple):
    """What a PRACK acknowledges."""

    rseq: int
    cseq: int
    """Of the INVITE."""


def rack_of(request: Request) -> Rack | None:
    """The ``RAck`` of a PRACK (RFC 3262 §7.2); None: missing, malformed, or not of an INVITE."""
    words = (request.get("rack") or "").split()
    if len(words) != 3 or words[2].upper() != "INVITE":
        return None
    try:
        return Rack(parse_number(words[0], 2**32 - 1), parse_number(words[1], 2**32 - 1))
    except GrammarError:
        return None


class ProvisionalResponse(NamedTuple):
    """One that waits to be sent."""

    status: int
    sdp: bytes | None


@final
class ReliableResponses:
    """The callee's side of one INVITE: what is out without its PRACK, and what waits behind it."""

    __slots__ = ("_invite_cseq", "described", "mode", "out", "rseq", "waiting")

    def __init__(self, mode: Reliability, first: int, invite_cseq: int) -> None:
        """``first``: the RSeq before the first one. ``invite_cseq``: of the INVITE."""
        self.mode = mode
        self._invite_cseq = invite_cseq
        self.rseq = first
        self.out: PendingAck | None = None
        """The response that is repeated until its PRACK; its ``offered`` says whether it has SDP."""
        self.waiting: deque[ProvisionalResponse] = deque()
        self.described = False
        """Whether the PRACK of a response with a session description came."""

    def wanted_for(self, sdp: bytes | None) -> bool:
        """Whether a response with this description is sent reliably."""
        return self.mode is Reliability.ALWAYS or (
            self.mode is Reliability.DESCRIPTIONS and sdp is not None
        )

    def wait(self, response: ProvisionalResponse) -> None:
        """Send it after those that wait, or not at all where :data:`MAX_WAITING` do."""
        if len(self.waiting) < MAX_WAITING:
            self.waiting.append(response)

    @property
    def blocks_answer(self) -> bool:
        """Whether the 200 must wait: a description is out without its PRACK (RFC 3262 §3)."""
        return self.out is not None and self.out.offered

    def acknowledged(self, rack: Rack | None) -> bool:
        """Take a PRACK; False when it is not that of the response that is out."""
        out = self.out
        if out is None or rack != (out.cseq, self._invite_cseq):
            return False
        self.described = self.described or out.offered
        out.stop()
        self.out = None
        return True

    def stop_repeating(self) -> None:
        """The INVITE is answered finally; a late PRACK is still taken (RFC 3262 §3)."""
        if self.out is not None:
            self.out.stop()
