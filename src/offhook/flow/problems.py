"""The result of a judgement: the callflow, or every problem with its path."""

from __future__ import annotations

from enum import Enum

import msgspec

from offhook.codes import RuntimeCode, StatusCode
from offhook.flow.actions import Callflow


class Mode(Enum):
    """The origin of the callflow."""

    SUBMITTED = "submitted"
    """The body of ``POST …/callflows`` (or ``/calls``, or ``/callflows/validate``)."""
    DECISION = "decision"
    """The answer of the VCA webhook: it need not start with makeCall, and may be empty."""


class Problem(msgspec.Struct, frozen=True):
    """One problem in a request."""

    code: StatusCode
    path: str
    """JSONPath of the offending (or missing) member: ``$.callflow[1].params.maxDigits``."""
    message: str
    """The whole text of the code, for -1009 with its detail: what ``statusMessage`` says."""
    advice: str = ""
    """A hint how to correct it; ``errors`` have it after the message."""

    @property
    def told(self) -> str:
        """``errors[].message``: the text of the code and the advice."""
        return f"{self.message}. {self.advice}" if self.advice else self.message


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a judgement: it has either ``callflow`` or ``problems``."""

    callflow: Callflow | None = None
    problems: tuple[Problem, ...] = ()
    """In the order of judgement: the first one decides."""
    valid_until: str | None = None
    """``validUntil`` as the customer wrote it (the answer repeats it)."""
    too_large: bool = False
    """The body was over the limit: -1001, but HTTP 413."""

    @property
    def status(self) -> StatusCode:
        """The code at the top of the answer."""
        return self.problems[0].code if self.problems else StatusCode.CREATED

    @property
    def status_message(self) -> str:
        """The text at the top of the answer."""
        return self.problems[0].message if self.problems else StatusCode.CREATED.message

    @property
    def http_status(self) -> int:
        """The HTTP status of the answer."""
        return 413 if self.too_large else self.status.http_status

    @property
    def runtime_code(self) -> RuntimeCode | None:
        """The error that this answer of the decision point ends its session with; None: the session
        continues.

        -2008 when the deciding problem is an unlisted source, else -2003 (``spec/execution.md``).
        """
        if not self.problems:
            return None
        if self.status is StatusCode.SOURCE_NOT_ALLOWED:
            return RuntimeCode.SOURCE_NOT_WHITELISTED
        return RuntimeCode.INVALID_CALLFLOW

    @property
    def summary(self) -> str:
        """Every problem in one line, for logs and the session's record."""
        return "; ".join(f"{p.code} at {p.path}: {p.told}" for p in self.problems)


def problem(code: StatusCode, path: str, advice: str = "") -> Problem:
    """A problem with the text of its code."""
    return Problem(code, path, code.message, advice)


def entry_problem(path: str, what: str) -> Problem:
    """A -1009: ``Invalid call flow entry provided. {path}: {what}``."""
    return Problem(
        StatusCode.INVALID_ENTRY, path, f"{StatusCode.INVALID_ENTRY.message}{path}: {what}"
    )
