"""The sessions that run or wait, as rows that say what each does at this moment."""

from __future__ import annotations

from collections.abc import Sequence
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


_BY_ACTION = {CAPTURES: Doing.KEYS}


def live_call(session: Session, events: Sequence[AnyEvent]) -> LiveCall:
    """The row of a session with its events so far."""
    doing, since, node, action = Doing.QUEUED, session.created_at, "", session.last_action or ""
    before = Doing.TALKING
    for event in events:
        changed: Doing | None = None
        match event:
            case SessionStarted():
                node, changed = event.node, Doing.STARTING
            case CallInitiated():
                changed = Doing.CALLING
            case CallReceived():
                changed = Doing.RINGING
            case CallUpdated():
                changed = Doing.BRIDGED if event.bridged_with else Doing.RINGING
            case CallConnected() | ActionEnded():
                changed = Doing.TALKING
            case ActionStarted():
                action = event.action
                changed = _BY_ACTION.get(event.action)
            case DecisionAsked():
                before, changed = doing, Doing.WEBHOOK
            case DecisionMade():
                changed = before
            case CallDisconnected():
                changed = Doing.ENDING
            case _:
                pass
        if changed is not None and changed is not doing:
            doing, since = changed, event.at
    return _row(session, doing, since, node, action)


def _row(session: Session, doing: Doing, since: datetime, node: str, action: str) -> LiveCall:
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
        node=node,
        trunk=(session.legs[-1].trunk or "") if session.legs else "",
    )
