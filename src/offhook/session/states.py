"""The states of a session and the only ways to change one.

Theory of operation. A session is a frozen record; each function here takes one and returns the next.
The status moves along :data:`TRANSITIONS` and nowhere else; a final status never changes. What the
final status *is* follows from the legs by the table of ``spec/execution.md`` ("How it ends"), which
:func:`outcome` spells out, unless an error decides (then it is ``ERROR``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from offhook.codes import CallStatus, RuntimeCode, SessionStatus
from offhook.session.session import Leg, Session, SessionError

S = SessionStatus

TRANSITIONS: Mapping[SessionStatus, frozenset[SessionStatus]] = {
    S.CREATED: frozenset({S.QUEUED, S.RUNNING}),
    S.QUEUED: frozenset({S.RUNNING, S.CANCELED, S.ERROR}),
    S.RUNNING: frozenset({S.COMPLETED, S.NO_ANSWER, S.BUSY, S.CANCELED, S.FAILED, S.ERROR}),
    S.COMPLETED: frozenset(),
    S.NO_ANSWER: frozenset(),
    S.BUSY: frozenset(),
    S.CANCELED: frozenset(),
    S.FAILED: frozenset(),
    S.ERROR: frozenset(),
}
"""Which status may follow which."""


class IllegalTransition(Exception):
    """Our own misuse: a status that may not follow, or a change of what is final."""


def _moved(session: Session, to: SessionStatus) -> Session:
    if to not in TRANSITIONS[session.status]:
        raise IllegalTransition(f"{session.session_id}: {session.status} -> {to}")
    return msgspec.structs.replace(session, status=to)


def begin(session: Session, leg: Leg, at: datetime) -> Session:
    """Claimed: RUNNING from ``at`` with its leg A."""
    running = _moved(session, S.RUNNING)
    return msgspec.structs.replace(running, started_at=at, legs=(leg,))


def with_leg(session: Session, leg: Leg) -> Session:
    """The session with ``leg`` added, or replaced where its id is known."""
    if session.status.final:
        raise IllegalTransition(f"{session.session_id}: a leg changed after {session.status}")
    known = [old.call_id for old in session.legs]
    if leg.call_id in known:
        legs = tuple(leg if old.call_id == leg.call_id else old for old in session.legs)
    else:
        legs = (*session.legs, leg)
    return msgspec.structs.replace(session, legs=legs)


def begin_action(session: Session, name: str) -> Session:
    """The session whose last begun action is ``name`` (``MAKE_CALL`` …)."""
    return msgspec.structs.replace(session, last_action=name)


def finish(session: Session, at: datetime) -> Session:
    """The end by the table. Every leg must have its status."""
    return msgspec.structs.replace(_moved(session, outcome(session.legs)), ended_at=at)


def fail(session: Session, error: SessionError, at: datetime) -> Session:
    """The end by an error. Legs still open are closed as :func:`closed_leg` says."""
    legs = tuple(closed_leg(leg, at) for leg in session.legs)
    ended = _moved(msgspec.structs.replace(session, legs=legs), S.ERROR)
    return msgspec.structs.replace(ended, error=error, ended_at=at)


def with_cause(session: Session, code: RuntimeCode) -> Session:
    """A session that a leg's own ERROR ended, with the code its summary needs."""
    error = SessionError(code=code, action=session.last_action)
    return msgspec.structs.replace(session, error=error)


def cancel(session: Session, at: datetime) -> Session:
    """The end of a session that was canceled before it was claimed."""
    return msgspec.structs.replace(_moved(session, S.CANCELED), ended_at=at)


def abandon(session: Session, at: datetime) -> Session:
    """The end of a session whose node died: ``ERROR`` -2001 with what is known of its legs."""
    error = SessionError(
        code=RuntimeCode.INTERNAL, action=session.last_action, detail="its voice node died"
    )
    return fail(session, error, at)


def closed_leg(leg: Leg, at: datetime) -> Leg:
    """``leg`` with a final status: COMPLETED if it was answered, else ERROR (ours)."""
    if leg.status is not None:
        return leg
    status = CallStatus.ERROR if leg.connected_at is None else CallStatus.COMPLETED
    return msgspec.structs.replace(leg, status=status, disconnected_at=at)


def outcome(legs: Sequence[Leg]) -> SessionStatus:
    """The session's status from those of its legs: A's, and that of the leg bridged last.

    Raises :class:`IllegalTransition` while a leg is open or where there is none.
    """
    if not legs or any(leg.status is None for leg in legs):
        raise IllegalTransition("a session ends when all its legs have ended")
    statuses = [leg.status for leg in legs if leg.status is not None]
    if CallStatus.ERROR in statuses:
        return S.ERROR
    first, last = statuses[0], statuses[-1]
    if len(legs) == 1 or first is not CallStatus.COMPLETED:
        return SessionStatus(first.value)
    if last in (CallStatus.COMPLETED, CallStatus.CANCELED):
        return S.COMPLETED
    return SessionStatus(last.value)
