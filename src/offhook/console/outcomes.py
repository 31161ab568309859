"""The four kinds of states, and what became of a session in one sentence."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from offhook.codes import CallStatus, SessionStatus
from offhook.console.action_names import written
from offhook.session.session import Direction, Leg, LegFailure, Session, TrunkTry


class Tone(StrEnum):
    """What the colour of a state says."""

    GOING = "going"
    GOOD = "good"
    REFUSED = "refused"
    """The person or the customer did not want it: no failure of the machine."""
    FAILED = "failed"


_KINDS = {
    "QUEUED": Tone.GOING,
    "RUNNING": Tone.GOING,
    "BUSY": Tone.REFUSED,
    "NO_ANSWER": Tone.REFUSED,
    "CANCELED": Tone.REFUSED,
    "UNSUBSCRIBED_CONTACT": Tone.REFUSED,
    "FAILED": Tone.FAILED,
    "ERROR": Tone.FAILED,
    "COMPLETED_UNSUB_ERROR": Tone.FAILED,
    # deliveries, campaigns, recordings, trunks
    "pending": Tone.GOING,
    "dead": Tone.FAILED,
    "dropped": Tone.FAILED,
    "paused": Tone.REFUSED,
    "draft": Tone.REFUSED,
    "canceled": Tone.REFUSED,
    "disabled": Tone.REFUSED,
    "revoked": Tone.REFUSED,
    "expired": Tone.REFUSED,
    "inactive": Tone.REFUSED,
    "down": Tone.FAILED,
    "rejected": Tone.FAILED,
    "live": Tone.GOING,
    "waiting": Tone.GOING,
    "running": Tone.GOING,
    "finishing": Tone.GOING,
}


def tone_of(status: str) -> Tone:
    """The kind of a status of a session, a leg, a delivery or a trunk."""
    return _KINDS.get(status) or _KINDS.get(status.lower(), Tone.GOOD)


_WORDS = {
    CallStatus.BUSY: "Busy",
    CallStatus.NO_ANSWER: "No answer",
    CallStatus.CANCELED: "Canceled",
    CallStatus.FAILED: "The call failed",
    CallStatus.ERROR: "The call failed",
}


def sentence(session: Session) -> str:
    """What happened in a session, for people who have not seen a SIP code before."""
    if session.status is SessionStatus.QUEUED:
        return "It waits for its turn to be dialled."
    if session.status is SessionStatus.RUNNING:
        return _running(session)
    if session.error is not None:
        return _error(session)
    if session.status is SessionStatus.UNSUBSCRIBED_CONTACT:
        return "Never dialled: the number is on the opt-out list."
    leg = next((one for one in reversed(session.legs) if one.connected_at is None), None)
    if session.status is SessionStatus.COMPLETED and session.legs:
        return _completed(session, session.legs[0], leg)
    if leg is not None and leg.status is not None:
        return f"{_WORDS.get(leg.status, 'Ended')}: {_why(leg)}."
    if session.status is SessionStatus.CANCELED:
        return "Canceled before it was dialled."
    return f"{session.status.replace('_', ' ').capitalize()}."


def _running(session: Session) -> str:
    leg = session.legs[-1] if session.legs else None
    if leg is None:
        return "It is being started."
    if leg.connected_at is None:
        return f"Calling {leg.destination}."
    other = leg.destination if leg.direction is Direction.OUTBOUND else leg.source
    return (
        f"Talking with {other}; the action is {written(session.last_action or 'about to begin')}."
    )


def _completed(session: Session, first: Leg, unanswered: Leg | None) -> str:
    other = first.destination if first.direction is Direction.OUTBOUND else first.source
    took = _length(first.connected_at, first.disconnected_at)
    text = f"Completed: {other} was on the phone for {took or 'no time'}."
    if unanswered is not None and unanswered is not first:
        text += f" The call to {unanswered.destination} was not answered: {_why(unanswered)}."
    elif first.failure is not None and first.failure.detail:
        text += f" {first.failure.detail[:1].upper()}{first.failure.detail[1:]}."
    return text


def _error(session: Session) -> str:
    error = session.error
    assert error is not None
    where = f" in the action {written(error.action)}" if error.action else ""
    why = error.detail or error.reason
    return f"Error {int(error.code)}{where}: {error.code.message}{f' ({why})' if why else ''}."


def _why(leg: Leg) -> str:
    """``the carrier answered 486 Busy Here after 3.2 s on trunk main``."""
    failure = leg.failure or LegFailure()
    after = _length(leg.initiated_at, leg.disconnected_at)
    suffix = (f" after {after}" if after else "") + (f" on trunk {leg.trunk}" if leg.trunk else "")
    if leg.sip_code is not None and leg.sip_code >= 300:
        reason = f" {failure.sip_reason}" if failure.sip_reason else ""
        text = f"the far end answered {leg.sip_code}{reason}{suffix}"
    elif failure.detail:
        text = failure.detail
    elif leg.status is CallStatus.NO_ANSWER:
        text = f"nobody answered{suffix}"
    else:
        text = f"it ended{suffix}"
    if failure.q850_cause is not None:
        text += f", Q.850 cause {failure.q850_cause}"
    if len(failure.tries) > 1:
        text += "; tried " + ", ".join(_tried(one) for one in failure.tries)
    return text


def _tried(one: TrunkTry) -> str:
    return f"{one.trunk} ({one.sip_code or one.detail or 'no answer'})"


def _length(begin: datetime | None, end: datetime | None) -> str | None:
    if begin is None or end is None:
        return None
    return f"{max(0.0, (end - begin).total_seconds()):.1f} s"
