"""The states of a session and the only ways to change one.

Theory of operation. A session is a frozen record; each function here takes one and returns the next.
The status moves along :data:`TRANSITIONS` and nowhere else: each row names a status, an event, and the
status that follows. A final status has no row, so it never changes. How the legs determine the final
status follows from the table of ``spec/execution.md`` ("How it ends"), which :func:`outcome` spells out.

A session begins in one of two ways: :func:`accept` queues a judged callflow, :func:`receive` begins to run
at once for a call from outside. Legs are made by :func:`receive` and :func:`dial_leg` only, and
:func:`ended` makes the fact that ends every timeline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum, unique

import msgspec

from offhook.clock import new_id
from offhook.codes import CallStatus, RuntimeCode, SessionStatus
from offhook.events import (
    CallDisconnected,
    CallerVerification,
    SessionEnded,
    Side,
)
from offhook.flow.actions import Callflow, MakeCall
from offhook.session.routing import user_of_route
from offhook.session.session import Direction, Leg, Session, SessionError
from offhook.session.tenancy import SubAccount, VirtualNumber


@unique
class Trigger(Enum):
    """What moves a session from one status to the next."""

    CLAIMED = "a voice node claims it"
    CANCELED_EARLY = "it is canceled before a node claims it"
    OPTED_OUT_BEFORE = "its number is on the opt-out list"
    ERROR = "an error ends it"
    LEGS_COMPLETED = "its legs end COMPLETED"
    LEGS_NO_ANSWER = "its legs end NO_ANSWER"
    LEGS_BUSY = "its legs end BUSY"
    LEGS_CANCELED = "its legs end CANCELED"
    LEGS_FAILED = "its legs end FAILED"
    LEGS_ERROR = "a leg ends ERROR"
    OPTED_OUT = "the called person opts out"
    OPTED_OUT_UNTOLD = "the called person opts out, and the operator's list does not take it"


TRANSITIONS: Mapping[SessionStatus, Mapping[Trigger, SessionStatus]] = {
    SessionStatus.QUEUED: {
        Trigger.CLAIMED: SessionStatus.RUNNING,
        Trigger.CANCELED_EARLY: SessionStatus.CANCELED,
        Trigger.OPTED_OUT_BEFORE: SessionStatus.UNSUBSCRIBED_CONTACT,
        Trigger.ERROR: SessionStatus.ERROR,
    },
    SessionStatus.RUNNING: {
        Trigger.ERROR: SessionStatus.ERROR,
        Trigger.LEGS_COMPLETED: SessionStatus.COMPLETED,
        Trigger.LEGS_NO_ANSWER: SessionStatus.NO_ANSWER,
        Trigger.LEGS_BUSY: SessionStatus.BUSY,
        Trigger.LEGS_CANCELED: SessionStatus.CANCELED,
        Trigger.LEGS_FAILED: SessionStatus.FAILED,
        Trigger.LEGS_ERROR: SessionStatus.ERROR,
        Trigger.OPTED_OUT: SessionStatus.COMPLETED_UNSUBSCRIBED,
        Trigger.OPTED_OUT_UNTOLD: SessionStatus.COMPLETED_UNSUB_ERROR,
    },
}
"""Status and event to the next status. Other combinations are illegal."""


class IllegalTransition(Exception):
    """A programming error: an event that must not happen now, or a change of a final session."""


def moved(session: Session, trigger: Trigger) -> Session:
    """``session`` with the status that follows. Raises :class:`IllegalTransition` where none does."""
    following = TRANSITIONS.get(session.status, {}).get(trigger)
    if following is None:
        raise IllegalTransition(f"{session.session_id}: {trigger.name} while {session.status}")
    return msgspec.structs.replace(session, status=following)


# --- how a session begins


def accept(
    callflow: Callflow, sub_account_id: str, *, call_flow_request_id: str, at: datetime
) -> Session:
    """A new session for a judged callflow: QUEUED."""
    return Session(
        session_id=new_id(),
        sub_account_id=sub_account_id,
        call_flow_request_id=call_flow_request_id,
        status=SessionStatus.QUEUED,
        callflow=callflow,
        created_at=at,
    )


def receive(
    call_id: str,
    *,
    sub_account_id: str,
    number: VirtualNumber,
    source: str,
    trunk: str,
    at: datetime,
    verification: CallerVerification | None = None,
) -> Session:
    """A new session for a call from outside to ``number``, which is its leg A: RUNNING."""
    leg = Leg(
        call_id=call_id,
        direction=Direction.INBOUND,
        source=source,
        destination=number.msisdn,
        reference_id=number.reference_id,
        trunk=trunk,
        call_type=call_type_of(trunk),
        initiated_at=at,
        verification=verification,
    )
    queued = accept(Callflow(actions=()), sub_account_id, call_flow_request_id=new_id(), at=at)
    return begin(queued, leg, at)


def call_type_of(trunk: str | None) -> str:
    """``VOIP`` where the route is a user's phones, else ``PSTN`` (``spec/webhooks.md``)."""
    return "VOIP" if trunk is not None and user_of_route(trunk) is not None else "PSTN"


def dial_leg(
    call: MakeCall, sub_account: SubAccount | None, at: datetime, *, trunk: str | None = None
) -> Leg:
    """A new leg to be dialled; it holds a channel of ``trunk``."""
    numbers = sub_account.numbers if sub_account is not None else ()
    reference = next((n.reference_id for n in numbers if n.msisdn == call.source), None)
    return Leg(
        call_id=new_id(),
        direction=Direction.OUTBOUND,
        source=call.source,
        destination=call.destination,
        trunk=trunk,
        call_type=call_type_of(trunk),
        reference_id=reference,
        initiated_at=at,
    )


# --- how it goes on


def begin(session: Session, leg: Leg, at: datetime) -> Session:
    """Claimed: RUNNING from ``at`` with its leg A."""
    running = moved(session, Trigger.CLAIMED)
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
    """The session after the action ``name`` (``MAKE_CALL`` …) has begun."""
    return msgspec.structs.replace(session, last_action=name)


# --- how it ends


def ended(session: Session) -> SessionEnded:
    """The last fact of the timeline of a session that has ended."""
    if not session.status.final or session.ended_at is None:
        raise IllegalTransition(f"{session.session_id}: told as ended while {session.status}")
    return SessionEnded(
        at=session.ended_at,
        status=session.status,
        error_code=session.error.code if session.error else None,
        detail=session.error.detail if session.error else None,
    )


def disconnected(
    leg: Leg, *, by: Side, reason: str | None = None, q850_cause: int | None = None
) -> CallDisconnected:
    """The fact that ends a leg's part of the timeline.

    ``reason`` and ``q850_cause`` (0..127) are the far end's, as received.
    """
    if leg.status is None or leg.disconnected_at is None:
        raise IllegalTransition(f"{leg.call_id}: told as ended while it is up")
    return CallDisconnected(
        at=leg.disconnected_at,
        call_id=leg.call_id,
        call_status=leg.status,
        sip_code=leg.sip_code,
        by=by,
        reason=reason,
        q850_cause=q850_cause,
    )


def finish(session: Session, at: datetime) -> Session:
    """The end by the table. Every leg must have its status."""
    done = msgspec.structs.replace(moved(session, outcome(session.legs)), ended_at=at)
    if done.status is not SessionStatus.ERROR:
        return done
    error = SessionError(code=RuntimeCode.INTERNAL, action=session.last_action)
    return msgspec.structs.replace(done, error=error)


def fail(session: Session, error: SessionError, at: datetime) -> Session:
    """The end by an error. Legs still open are closed as :func:`closed_leg` says."""
    legs = tuple(closed_leg(leg, at) for leg in session.legs)
    failed = moved(msgspec.structs.replace(session, legs=legs), Trigger.ERROR)
    return msgspec.structs.replace(failed, error=error, ended_at=at)


def cancel(session: Session, at: datetime) -> Session:
    """The end of a session that was canceled before it was claimed."""
    return msgspec.structs.replace(moved(session, Trigger.CANCELED_EARLY), ended_at=at)


def leave_out(session: Session, at: datetime) -> Session:
    """The end of a voice message to a number on the opt-out list: nothing was dialled."""
    return msgspec.structs.replace(moved(session, Trigger.OPTED_OUT_BEFORE), ended_at=at)


def opt_out(session: Session, at: datetime, *, told: bool) -> Session:
    """The end after the called person opted out; ``told``: the operator's list service took it, if
    there is one. Legs still open are closed as :func:`closed_leg` says."""
    legs = tuple(closed_leg(leg, at) for leg in session.legs)
    trigger = Trigger.OPTED_OUT if told else Trigger.OPTED_OUT_UNTOLD
    ended_session = moved(msgspec.structs.replace(session, legs=legs), trigger)
    return msgspec.structs.replace(ended_session, ended_at=at)


def abandon(session: Session, at: datetime) -> Session:
    """The end of a session after its node died: ``ERROR`` -2001 with what is known of its legs."""
    error = SessionError(
        code=RuntimeCode.INTERNAL, action=session.last_action, detail="its voice node died"
    )
    return fail(session, error, at)


NEVER_DIALLED = 503
"""``sipCode`` of a leg that an error stopped before its INVITE (``spec/webhooks.md``)."""


def never_dialled(leg: Leg, at: datetime) -> Leg:
    """``leg`` after an error stopped it before its INVITE."""
    return msgspec.structs.replace(
        leg, status=CallStatus.ERROR, sip_code=NEVER_DIALLED, trunk=None, disconnected_at=at
    )


def closed_leg(leg: Leg, at: datetime) -> Leg:
    """``leg`` with a final status: COMPLETED if it was answered, else ERROR (ours)."""
    if leg.status is not None:
        return leg
    status = CallStatus.ERROR if leg.connected_at is None else CallStatus.COMPLETED
    return msgspec.structs.replace(leg, status=status, disconnected_at=at)


def outcome(legs: Sequence[Leg]) -> Trigger:
    """How the legs end the session: A's status and that of the leg made last decide.

    Raises :class:`IllegalTransition` while a leg is open or where there is none.
    """
    if not legs or any(leg.status is None for leg in legs):
        raise IllegalTransition("a session ends when all its legs have ended")
    statuses = [leg.status for leg in legs if leg.status is not None]
    if CallStatus.ERROR in statuses:
        return Trigger.LEGS_ERROR
    first, last = statuses[0], statuses[-1]
    if len(legs) == 1 or first is not CallStatus.COMPLETED:
        return _BY_LEGS[first]
    if last in (CallStatus.COMPLETED, CallStatus.CANCELED):
        return Trigger.LEGS_COMPLETED
    return _BY_LEGS[last]


_BY_LEGS: Mapping[CallStatus, Trigger] = {
    CallStatus.COMPLETED: Trigger.LEGS_COMPLETED,
    CallStatus.NO_ANSWER: Trigger.LEGS_NO_ANSWER,
    CallStatus.BUSY: Trigger.LEGS_BUSY,
    CallStatus.CANCELED: Trigger.LEGS_CANCELED,
    CallStatus.FAILED: Trigger.LEGS_FAILED,
}


def diagram() -> str:
    """The table as a Mermaid state diagram, for ``docs/decisions/running-sessions.md``."""
    lines = ["stateDiagram-v2", "    [*] --> QUEUED: accepted", "    [*] --> RUNNING: a call rings"]
    for status, row in TRANSITIONS.items():
        lines += [f"    {status} --> {to}: {trigger.value}" for trigger, to in row.items()]
    return "\n".join(lines)
