"""The sessions that run or wait, as rows that say what each does at this moment."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from offhook.codes import SessionStatus
from offhook.console.action_names import CAPTURES, written
from offhook.events import (
    ActionEnded,
    ActionStarted,
    AnyEvent,
    CallConnected,
    CallDisconnected,
    CallInitiated,
    CallReceived,
    CallUpdated,
    DecisionAsked,
    DecisionMade,
    SessionStarted,
)
from offhook.session.ports.console_records import LiveSession
from offhook.session.session import Direction, Session


class Doing(StrEnum):
    """What a call does."""

    QUEUED = "waiting for its turn"
    STARTING = "starting"
    CALLING = "calling"
    RINGING = "ringing"
    TALKING = "talking"
    KEYS = "waiting for keys"
    WEBHOOK = "waiting for the webhook"
    BRIDGED = "bridged"
    ENDING = "ending"


class LiveCall(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One row."""

    id: str
    account: str
    source: str
    destination: str
    direction: str
    doing: Doing
    action: str
    since: datetime
    """Of what it does."""
    created: datetime
    node: str
    trunk: str


def live_call(live: LiveSession) -> LiveCall:
    """The row of a session."""
    action = live.session.last_action or ""
    doing, since = _before(live.session)
    before = Doing.TALKING
    for event in live.events:
        if isinstance(event, ActionStarted):
            action = event.action
        elif isinstance(event, DecisionAsked):
            before = doing
        changed = before if isinstance(event, DecisionMade) else _begun_by(event)
        if changed is not None and changed is not doing:
            doing, since = changed, event.at
    return _row(live, doing, since, action)


def _begun_by(event: AnyEvent) -> Doing | None:
    """What the call does from this event on; None: the same as before."""
    match event:
        case SessionStarted():
            return Doing.STARTING
        case CallInitiated():
            return Doing.CALLING
        case CallReceived():
            return Doing.RINGING
        case CallUpdated():
            return Doing.BRIDGED if event.bridged_with else Doing.RINGING
        case CallConnected() | ActionEnded():
            return Doing.TALKING
        case ActionStarted(action=action):
            return Doing.KEYS if action == CAPTURES else None
        case DecisionAsked():
            return Doing.WEBHOOK
        case CallDisconnected():
            return Doing.ENDING
        case _:
            return None


def _before(session: Session) -> tuple[Doing, datetime]:
    """What it did before its last events, as far as the session itself tells."""
    connected = session.legs[0].connected_at if session.legs else None
    if connected is not None:
        return Doing.TALKING, connected
    if session.started_at is not None:
        return Doing.STARTING, session.started_at
    return Doing.QUEUED, session.created_at


def _row(live: LiveSession, doing: Doing, since: datetime, action: str) -> LiveCall:
    session = live.session
    leg = session.legs[0] if session.legs else None
    first = session.callflow.actions[0] if session.callflow.actions else None
    return LiveCall(
        id=session.session_id,
        account=session.sub_account_id,
        source=leg.source if leg else str(getattr(first, "source", "") or ""),
        destination=leg.destination if leg else str(getattr(first, "destination", "") or ""),
        direction=(leg.direction if leg else Direction.OUTBOUND).value,
        doing=Doing.QUEUED if session.status is SessionStatus.QUEUED else doing,
        action=written(action),
        since=since,
        created=session.created_at,
        node=live.node,
        trunk=(session.legs[-1].trunk or "") if session.legs else "",
    )
