"""Which callflows a called person can opt out of (``spec/execution.md``, "Opting out")."""

from __future__ import annotations

from offhook.flow.actions import Callflow, MakeCall, SayAndCapture
from offhook.session.session import Session


def is_voice_message(callflow: Callflow) -> bool:
    """Whether a submitted callflow calls one person and asks nothing.

    One-time codes, IVR and masking are none: they capture digits, or bridge a second call.
    """
    if callflow.error is not None or not callflow.actions:
        return False
    first, *others = callflow.actions
    return isinstance(first, MakeCall) and not any(
        isinstance(action, MakeCall | SayAndCapture) for action in others
    )


def listed_number(session: Session) -> tuple[str, str] | None:
    """Whose opt-out list may forbid a waiting session, and the number; None: it is no voice message."""
    if not is_voice_message(session.callflow):
        return None
    call = session.callflow.actions[0]
    assert isinstance(call, MakeCall)
    return session.sub_account_id, call.destination
