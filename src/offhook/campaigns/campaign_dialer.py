"""The calls of one campaign: settles what has ended, and begins what is due, at its pace.

Nothing here is remembered between two processes. The list in the store says what waits and what is being
called, and a number becomes CALLING in the transaction that queues its session, so another process goes
on where this one died and calls nobody twice.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from offhook.campaigns.pace import Pace
from offhook.clock import Clock, new_id
from offhook.events import SessionQueued
from offhook.flow.context import Profiles
from offhook.flow.numbers import time_zones_of
from offhook.flow.scenarios import ScenarioFailed
from offhook.session import states
from offhook.session.calling_hours import CallingHours, zones_of
from offhook.session.campaign import (
    NOT_VALID,
    Campaign,
    CampaignState,
    Settled,
    Target,
    settled,
)
from offhook.session.campaign_templates import callflow_of
from offhook.session.ports.campaign_records import Campaigns, TargetCall
from offhook.session.ports.metering import Spending
from offhook.session.tenancy import SubAccount

log = logging.getLogger(__name__)

LOOK_EVERY = 0.5
"""Seconds between two looks at what has ended."""
IDLE_EVERY = 5.0
"""Seconds between two looks while no call is under way and none falls due."""
SHORTEST_PAUSE = 0.05
"""Seconds between two steps at the least."""
QUEUED_SECONDS = 2.0
"""Seconds of the pace that may wait in the queue: where the trunks are slower than the pace, the numbers
wait in the list, not in the queue."""
LOOK_AHEAD = 200
"""Numbers that are looked at to find those within calling hours."""


class CampaignTools(NamedTuple):
    """What calling for a campaign needs."""

    store: Campaigns
    sub_account: Callable[[str], SubAccount | None]
    profiles: Profiles
    clock: Clock
    spending: Spending
    queued: Callable[[], None]
    """Is called after sessions were queued."""


class CampaignDialer:
    """One campaign under the lease of ``owner``."""

    def __init__(self, campaign: Campaign, tools: CampaignTools, *, owner: str) -> None:
        self.campaign = campaign
        self._owner = owner
        self._tools = tools
        self._store, self._clock = tools.store, tools.clock
        self._pace = Pace(campaign.pace, tools.clock.monotonic())
        self.woken = asyncio.Event()
        """Set when an order or new numbers came: the next step is due now."""
        self._looked_at = -math.inf
        self._live = 0
        """Numbers that are being called, at the most."""
        self._waiting = 0
        """Those of them whose sessions wait in the queue, at the most."""

    async def step(self) -> float:
        """Do what is to be done now; returns the seconds until the next step."""
        now = self._clock.monotonic()
        looked = now - self._looked_at >= LOOK_EVERY
        if looked:
            self._looked_at = now
            await self._settle()
        begun = 0
        if self.campaign.state is CampaignState.RUNNING:
            begun = await self._begin_calls()
        if looked and not self._live and self.campaign.state is not CampaignState.PAUSED:
            await self._store.finish_campaign(self._owner, self.campaign, self._clock.now())
        if not begun and not self._live and not await self._due_soon():
            return IDLE_EVERY
        pause = self._pace.next_in() if begun else LOOK_EVERY
        return min(LOOK_EVERY, max(SHORTEST_PAUSE, pause))

    async def _due_soon(self) -> bool:
        """Whether a number falls due before an idle campaign is looked at again."""
        if self.campaign.state is not CampaignState.RUNNING:
            return False
        until = self._clock.now() + timedelta(seconds=IDLE_EVERY)
        return bool(await self._store.due_targets(self.campaign.campaign_id, until, 1))

    async def _settle(self) -> None:
        """Store what follows the calls that have ended, and count the others."""
        calling = await self._store.calling_targets(self.campaign.campaign_id)
        ended = [
            settled(each.target, each.ended, self.campaign.retries)
            for each in calling
            if each.ended is not None
        ]
        await self._store.settle_targets(self._owner, self.campaign, ended)
        self._live = len(calling) - len(ended)
        self._waiting = sum(each.waits for each in calling)

    async def _begin_calls(self) -> int:
        """Queue the sessions of the numbers that are due; how many were due."""
        room = self._room()
        sub_account = self._tools.sub_account(self.campaign.sub_account_id)
        if room <= 0 or sub_account is None:
            return 0
        now = self._clock.now()
        if self._tools.spending.spent_out(sub_account, now) is not None:
            return 0  # the list waits for the next day, or for a larger budget
        hours = [h for h in (self.campaign.calling_hours, sub_account.calling_hours) if h]
        look = max(room, LOOK_AHEAD) if hours else room
        due = await self._store.due_targets(self.campaign.campaign_id, now, look)
        open_now = await self._within_hours(due, hours, now) if hours else due
        calls = await self._calls(open_now[:room], sub_account, now)
        if calls:
            called = await self._store.call_targets(self._owner, self.campaign, calls)
            self._pace.begun(len(called))
            self._live += len(called)
            self._waiting += len(called)
            if called:
                self._tools.queued()
        return len(due)

    def _room(self) -> int:
        """How many calls may be begun now, by the pace and by what is under way."""
        room = self._pace.room(self._clock.monotonic())
        most_waiting = max(2, math.ceil(self.campaign.pace * QUEUED_SECONDS))
        room = min(room, most_waiting - self._waiting)
        if self.campaign.max_calls is not None:
            room = min(room, self.campaign.max_calls - self._live)
        return room

    async def _calls(
        self, targets: Sequence[Target], sub_account: SubAccount, now: datetime
    ) -> list[TargetCall]:
        """A session for each number; a number without a valid callflow is done."""
        calls: list[TargetCall] = []
        unfit: list[Settled] = []
        for target in targets:
            try:
                calls.append(self._call(target, sub_account, now))
            except ScenarioFailed as failure:
                unfit.append(_not_valid(target, failure.detail, now))
        await self._store.settle_targets(self._owner, self.campaign, unfit)
        return calls

    def _call(self, target: Target, sub_account: SubAccount, now: datetime) -> TargetCall:
        campaign = self.campaign
        callflow = callflow_of(
            campaign.template,
            target.number,
            target.parameters,
            sub_account,
            self._tools.profiles,
            now,
        )
        session = states.accept(
            msgspec.structs.replace(callflow, client_batch_id=campaign.campaign_id),
            campaign.sub_account_id,
            call_flow_request_id=new_id(),
            at=now,
        )
        return TargetCall(
            position=target.position,
            attempts=target.attempts,
            session=session,
            events=(SessionQueued(at=now),),
        )

    async def _within_hours(
        self, due: Sequence[Target], hours: Sequence[CallingHours], now: datetime
    ) -> list[Target]:
        """The numbers that may be called now; the others are postponed to their next opening."""
        open_now: list[Target] = []
        later: dict[datetime, list[int]] = {}
        never: list[Settled] = []
        for target in due:
            opening = _opening(target.number, hours, now)
            if opening is None:
                never.append(_not_valid(target, "never within the calling hours", now))
            elif opening <= now:
                open_now.append(target)
            else:
                later.setdefault(opening, []).append(target.position)
        for until, positions in later.items():
            await self._store.postpone_targets(self._owner, self.campaign, positions, until)
        await self._store.settle_targets(self._owner, self.campaign, never)
        return open_now


def _opening(number: str, hours: Sequence[CallingHours], now: datetime) -> datetime | None:
    """When every one of these hours allows a call; now or later. A later time is to be asked again."""
    zones = zones_of(time_zones_of(number))
    openings = [each.next_opening(zones, now) for each in hours]
    known = [opening for opening in openings if opening is not None]
    return max(known) if len(known) == len(openings) else None


def _not_valid(target: Target, detail: str, now: datetime) -> Settled:
    return Settled(
        position=target.position,
        session_id=None,
        outcome=NOT_VALID,
        detail=detail,
        ended_at=now,
        undialled=target.undialled,
    )
