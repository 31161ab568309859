"""Traces: spans of a session across processes, and the context that webhooks get (W3C Trace Context).

Theory of operation. The ids of a trace are computed, not handed around: the trace of a session has the
session's id, and each span's id comes from the session and a key (``vca:EVENT``, ``delivery:ID:1``).
So processes on all machines name the same spans without telling each other, nothing is stored, and a
webhook's ``traceparent`` is known before its span is exported.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, final

import msgspec

WHOLE: Final = "session"
"""The key of the span that holds all others of its session."""


class SpanKind(StrEnum):
    """OpenTelemetry's kinds."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Something that took time in a session, once it is over."""

    session_id: str
    key: str
    """Unique within the session."""
    name: str
    began: datetime
    ended: datetime
    kind: SpanKind = SpanKind.INTERNAL
    parent: str | None = WHOLE
    """The key of the span that this one is a part of; None: of the session's own."""
    facts: Mapping[str, str | int | float] = {}
    """Attributes. No phone numbers and no texts."""
    problem: str | None = None
    """Why it failed; None: it did not."""


def trace_id(session_id: str) -> int:
    """The trace of a session: 128 bits, the session's id itself where that is a UUID."""
    digits = session_id.replace("-", "")
    try:
        found = int(digits, 16) if len(digits) == 32 else 0
    except ValueError:
        found = 0
    return found or int.from_bytes(hashlib.sha256(session_id.encode()).digest()[:16], "big")


def span_id(session_id: str, key: str) -> int:
    """The id of a span: 64 bits, never 0."""
    digest = hashlib.sha256(f"{session_id} {key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") or 1


def traceparent(session_id: str, key: str) -> str:
    """The header of W3C Trace Context, level 1, for a request that a span makes; sampled."""
    return f"00-{trace_id(session_id):032x}-{span_id(session_id, key):016x}-01"


def question_key(event_id: str) -> str:
    """The key of the span of a question to a VCA webhook."""
    return f"vca:{event_id}"


class Tracer(ABC):
    """Where spans go. Never waits and never raises."""

    @abstractmethod
    def follows(self, session_id: str) -> bool:
        """Whether the session is traced: the same answer in every process."""

    @abstractmethod
    def emit(self, span: Span) -> None:
        """Hand over a span of a session that is traced."""

    def headers(self, session_id: str, key: str) -> Mapping[str, str]:
        """The headers of a request that the span with this key makes."""
        if not self.follows(session_id):
            return {}
        return {"traceparent": traceparent(session_id, key)}


@final
class NoTraces(Tracer):
    """Nothing is traced."""

    def follows(self, session_id: str) -> bool:
        """No session."""
        return False

    def emit(self, span: Span) -> None:
        """Nothing."""
