"""Why a running session leaves its list of actions before the end."""

from __future__ import annotations

from offhook.codes import RuntimeCode
from offhook.flow.actions import Callflow


class SessionFailure(Exception):
    """The session ends ``ERROR`` with ``code``; ``detail`` is for the operator, ``reason`` for the
    customer."""

    def __init__(self, code: RuntimeCode, detail: str, *, reason: str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.reason = reason


class NoDecision(SessionFailure):
    """The customer's server, and its fallback, did not answer (-2002)."""

    def __init__(self, detail: str) -> None:
        super().__init__(RuntimeCode.CONNECTIVITY, detail)


class CallOver(Exception):
    """Leg A is over: no more prompts are played and no more questions asked; the session ends by the
    table."""


class Interrupted(Exception):
    """The session must stop: a guard, an API call, a node that drains, an internal error."""


class OptedOut(Exception):
    """The called person pressed the opt-out key."""


class Replaced(Exception):
    """The session was told from outside to run ``callflow`` instead."""

    def __init__(self, callflow: Callflow) -> None:
        super().__init__("replaced")
        self.callflow = callflow
