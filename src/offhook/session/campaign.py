"""Campaigns: one callflow template for a list of numbers, called at a pace, with retries by outcome.

Records, and the pure rules that say what follows the end of a call. A number of the list is a target:
it waits, is called, waits again for a retry or is done. :data:`STEPS` says which state of a campaign a
customer's order leads to.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from offhook.codes import RuntimeCode, SessionStatus
from offhook.session.calling_hours import CallingHours
from offhook.session.session import Session

CAPACITY_PAUSE = 60.0
"""Seconds until a number is tried again that was not dialled because every channel was taken."""
MOST_UNDIALLED = 10
"""How often a number is tried again that was not dialled for that reason."""


class CampaignState(StrEnum):
    """Where a campaign stands."""

    DRAFT = "DRAFT"
    """Its list may still grow; nothing is called."""
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    """Nothing new is called; calls that were begun go on."""
    COMPLETED = "COMPLETED"
    """Every number is done."""
    CANCELED = "CANCELED"
    """Ended before every number was done."""

    @property
    def final(self) -> bool:
        """Whether nothing will be called any more."""
        return self in (CampaignState.COMPLETED, CampaignState.CANCELED)


class CampaignOrder(StrEnum):
    """What a customer may order."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


STEPS: Mapping[CampaignOrder, Mapping[CampaignState, CampaignState]] = {
    CampaignOrder.START: {CampaignState.DRAFT: CampaignState.RUNNING},
    CampaignOrder.PAUSE: {CampaignState.RUNNING: CampaignState.PAUSED},
    CampaignOrder.RESUME: {CampaignState.PAUSED: CampaignState.RUNNING},
    CampaignOrder.CANCEL: {
        CampaignState.DRAFT: CampaignState.CANCELED,
        CampaignState.RUNNING: CampaignState.CANCELED,
        CampaignState.PAUSED: CampaignState.CANCELED,
    },
}
"""Order and state to the next state; other combinations are refused."""


class RetryRules(msgspec.Struct, frozen=True, kw_only=True):
    """Which outcomes are tried again, and when."""

    busy_after: float | None = 600.0
    """Seconds after a call that was busy; None: it is not tried again."""
    no_answer_after: float | None = 3600.0
    """Seconds after a call without an answer; None: it is not tried again."""
    most: int = 3
    """Retries of one number at the most, both kinds together."""


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """One campaign, without its list."""

    campaign_id: str
    """Also the ``clientBatchId`` of its sessions."""
    sub_account_id: str
    name: str | None = None
    state: CampaignState
    template: str
    """JSON: a callflow with ``{{parameter}}`` in its strings."""
    pace: float
    """Calls started a second."""
    max_calls: int | None = None
    """Calls at once; None: as many as the sub-account and its trunks allow."""
    calling_hours: CallingHours | None = None
    """Of the campaign itself, besides those of its sub-account."""
    retries: RetryRules = RetryRules()
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None


class TargetState(StrEnum):
    """Where one number of a list stands."""

    WAITING = "WAITING"
    """For its first call, or for a retry."""
    CALLING = "CALLING"
    """Its session waits or runs."""
    DONE = "DONE"


NOT_VALID = "NOT_VALID"
"""The outcome of a number whose callflow was not valid; others are final statuses of a session."""


class NewTarget(msgspec.Struct, frozen=True, kw_only=True):
    """One number to be added to a list."""

    number: str
    """E.164 with ``+``."""
    parameters: Mapping[str, str] = {}


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One number of a list."""

    position: int
    """Its place in the list, from 1; grows, with gaps."""
    number: str
    parameters: Mapping[str, str]
    state: TargetState
    attempts: int = 0
    """Sessions that were made for it."""
    undialled: int = 0
    """Those of them that were not dialled because every channel was taken."""
    due_at: datetime
    session_id: str | None = None
    """Of the last attempt."""
    outcome: str | None = None
    """Of the last attempt that has ended."""
    detail: str | None = None
    """Why, for ERROR and :data:`NOT_VALID`."""
    ended_at: datetime | None = None
    """When the last attempt ended."""


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """What follows the end of one attempt."""

    position: int
    session_id: str | None
    """The attempt; None: none was made."""
    outcome: str
    detail: str | None = None
    ended_at: datetime
    again_at: datetime | None = None
    """When the number is called again; None: it is done."""
    undialled: int = 0


class CampaignCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of a campaign."""

    total: int = 0
    calling: int = 0
    done: int = 0
    attempts: int = 0
    outcomes: Mapping[str, int] = {}
    """How many numbers are done, by the outcome of their last attempt."""

    @property
    def waiting(self) -> int:
        """Numbers that wait for their first call or for a retry."""
        return max(0, self.total - self.calling - self.done)


def settled(target: Target, session: Session, rules: RetryRules) -> Settled:
    """What follows the end of ``session``, the last attempt for ``target``.

    A session that a dead node left behind is not tried again: the phone may have rung.
    """
    ended_at = session.ended_at or session.created_at
    error = session.error
    undialled = target.undialled
    again: float | None = None
    if _found_no_channel(session):
        undialled += 1
        again = CAPACITY_PAUSE if undialled <= MOST_UNDIALLED else None
    elif target.attempts - undialled <= rules.most:
        if session.status is SessionStatus.BUSY:
            again = rules.busy_after
        elif session.status is SessionStatus.NO_ANSWER:
            again = rules.no_answer_after
    return Settled(
        position=target.position,
        session_id=session.session_id,
        outcome=session.status.value,
        detail=f"{int(error.code)} {error.detail or error.code.message}" if error else None,
        ended_at=ended_at,
        again_at=None if again is None else ended_at + timedelta(seconds=again),
        undialled=undialled,
    )


def _found_no_channel(session: Session) -> bool:
    """Whether it ended -2010 before anything was dialled."""
    if session.error is None or session.error.code is not RuntimeCode.CAPACITY_EXCEEDED:
        return False
    return session.started_at is None
