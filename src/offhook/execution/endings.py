"""Why a session did not do what its customer wanted, in one line for the operator.

The line names trunks and codes, never phone numbers or texts.
"""

from __future__ import annotations

import logging

from offhook.codes import CallStatus, SessionStatus
from offhook.config import KeepTraces
from offhook.session.session import Leg, Session, TrunkTry

LEVELS = {
    SessionStatus.FAILED: logging.WARNING,
    SessionStatus.ERROR: logging.WARNING,
    SessionStatus.BUSY: logging.INFO,
    SessionStatus.NO_ANSWER: logging.INFO,
}
"""How each end is logged; the others are what the customer wanted."""
FAILURES = frozenset({"FAILED", "ERROR"})
"""Of a session or a leg."""


def log_end(log: logging.Logger, session: Session) -> None:
    """One line about a session that has ended, with the cause; none about an ordinary end."""
    level = LEVELS.get(session.status)
    if level is None:
        return
    log.log(level, "the session ended %s: %s", session.status.value, cause(session))


def keeps_trace(rule: KeepTraces, session: Session) -> bool:
    """Whether the SIP messages of a session that has ended are stored."""
    if rule is KeepTraces.FAILED:
        return session.status in FAILURES or any(leg.status in FAILURES for leg in session.legs)
    return rule is KeepTraces.ALL


def cause(session: Session) -> str:
    """Why a session ended with its status: of ERROR the code and detail, else how its legs ended."""
    words = []
    if session.error is not None:
        words.append(f"{int(session.error.code)} {session.error.detail or ''}".rstrip())
    words += [_leg(leg) for leg in session.legs if _failed(leg)]
    return "; ".join(words) or "no leg says why"


def _failed(leg: Leg) -> bool:
    return leg.status in (CallStatus.FAILED, CallStatus.BUSY, CallStatus.NO_ANSWER) or (
        leg.status is CallStatus.ERROR and leg.failure is not None
    )


def _leg(leg: Leg) -> str:
    """``trunk carrier: 503 Service Unavailable (Q.850 cause 34)``."""
    failure = leg.failure
    if failure is None:
        return f"{_over(leg.trunk)}{leg.sip_code or leg.status}"
    if failure.tries:
        text = ", then ".join(_try(one) for one in failure.tries)
    else:
        text = f"{_over(leg.trunk)}{failure.detail or leg.sip_code or leg.status}"
    if failure.q850_cause is not None:
        text += f" (Q.850 cause {failure.q850_cause})"
    return text


def _try(one: TrunkTry) -> str:
    answer = "" if one.sip_code is None else f"{one.sip_code} {one.sip_reason or ''}".strip()
    text = ": ".join(part for part in (answer, one.detail) if part)
    return f"{_over(one.trunk)}{text or 'no answer'}"


def _over(trunk: str | None) -> str:
    return f"trunk {trunk}: " if trunk else ""
