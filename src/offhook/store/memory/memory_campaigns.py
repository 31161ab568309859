"""Campaigns and their lists in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from offhook.codes import SessionStatus
from offhook.session.campaign import (
    STEPS,
    Campaign,
    CampaignCounts,
    CampaignOrder,
    CampaignState,
    NewTarget,
    Settled,
    Target,
    TargetState,
)
from offhook.session.ports.campaign_records import (
    EVERY_TARGET,
    CallingTarget,
    Campaigns,
    TargetCall,
    TargetFilter,
)
from offhook.store.documents import micros
from offhook.store.memory.memory_records import MemoryPart, StoredCampaign, page
from offhook.store.stored_campaigns import obeyed


class MemoryCampaigns(MemoryPart, Campaigns):
    """Looks at every number of a list, so it suits thousands of them."""

    async def create_campaign(self, campaign: Campaign) -> None:
        self._data.campaigns[campaign.campaign_id] = StoredCampaign(campaign)

    async def campaign(self, sub_account_id: str, campaign_id: str) -> Campaign | None:
        stored = self._data.campaigns.get(campaign_id)
        if stored is None or stored.campaign.sub_account_id != sub_account_id:
            return None
        return stored.campaign

    async def campaigns(
        self, sub_account_id: str, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[Sequence[Campaign], str | None]:
        every = (stored.campaign for stored in self._data.campaigns.values())
        own = [each for each in every if each.sub_account_id == sub_account_id]
        return page(own, lambda each: (micros(each.created_at), each.campaign_id), cursor, limit)

    async def order_campaign(
        self, campaign: Campaign, order: CampaignOrder, now: datetime
    ) -> Campaign | None:
        stored = self._data.campaigns[campaign.campaign_id]
        following = STEPS[order].get(campaign.state)
        if following is None or stored.campaign.state is not campaign.state:
            return None
        stored.campaign = obeyed(campaign, following, now)
        stored.active = stored.active or not following.final
        return stored.campaign

    async def add_targets(self, campaign: Campaign, targets: Sequence[NewTarget]) -> int | None:
        stored = self._data.campaigns[campaign.campaign_id]
        if stored.campaign.state.final:
            return None
        known = {target.number for target in stored.targets.values()}
        before = len(stored.targets)
        last = max(stored.targets, default=0)
        for position, new in enumerate(targets, last + 1):
            if new.number not in known:
                known.add(new.number)
                stored.targets[position] = Target(
                    position=position,
                    number=new.number,
                    parameters=new.parameters,
                    state=TargetState.WAITING,
                    due_at=campaign.created_at,
                )
        return len(stored.targets) - before

    async def campaign_counts(self, campaign_id: str) -> CampaignCounts:
        targets = self._data.campaigns[campaign_id].targets.values()
        done = [each for each in targets if each.state is TargetState.DONE]
        return CampaignCounts(
            total=len(targets),
            calling=sum(each.state is TargetState.CALLING for each in targets),
            done=len(done),
            attempts=sum(each.attempts for each in targets),
            outcomes=dict(sorted(Counter(each.outcome or "" for each in done).items())),
        )

    async def targets(
        self,
        campaign_id: str,
        chosen: TargetFilter = EVERY_TARGET,
        *,
        after: int = 0,
        limit: int = 500,
    ) -> Sequence[Target]:
        found = [
            each
            for position, each in sorted(self._data.campaigns[campaign_id].targets.items())
            if position > after
            and chosen.state in (None, each.state)
            and chosen.outcome in (None, each.outcome)
        ]
        return found[:limit]

    # --- the side of the process that calls

    async def lease_campaigns(
        self, owner: str, now: datetime, *, lease: float
    ) -> Sequence[Campaign]:
        leased = []
        for stored in self._data.campaigns.values():
            free = stored.owner in (None, owner) or stored.lease_until < now
            if stored.active and free:
                stored.owner, stored.lease_until = owner, now + timedelta(seconds=lease)
                leased.append(stored.campaign)
        return leased

    async def release_campaigns(self, owner: str) -> None:
        for stored in self._data.campaigns.values():
            if stored.owner == owner:
                stored.owner = None

    async def due_targets(self, campaign_id: str, now: datetime, limit: int) -> Sequence[Target]:
        waiting = [
            each
            for each in self._data.campaigns[campaign_id].targets.values()
            if each.state is TargetState.WAITING and each.due_at <= now
        ]
        return sorted(waiting, key=lambda each: (each.due_at, each.position))[:limit]

    async def calling_targets(self, campaign_id: str) -> Sequence[CallingTarget]:
        found = []
        for target in self._data.campaigns[campaign_id].targets.values():
            if target.state is TargetState.CALLING and target.session_id in self._data.sessions:
                session = self._data.sessions[target.session_id].session
                found.append(
                    CallingTarget(
                        target=target,
                        waits=session.status is SessionStatus.QUEUED,
                        ended=session if session.status.final else None,
                    )
                )
        return found

    async def call_targets(
        self, owner: str, campaign: Campaign, calls: Sequence[TargetCall]
    ) -> frozenset[int]:
        stored = self._data.campaigns[campaign.campaign_id]
        if stored.owner != owner or stored.campaign.state is not CampaignState.RUNNING:
            return frozenset()
        called = set()
        for call in calls:
            target = stored.targets[call.position]
            if target.state is TargetState.WAITING and target.attempts == call.attempts:
                stored.targets[call.position] = msgspec.structs.replace(
                    target,
                    state=TargetState.CALLING,
                    attempts=target.attempts + 1,
                    session_id=call.session.session_id,
                )
                self._data.insert(call.session, call.events, None)
                called.add(call.position)
        return frozenset(called)

    async def settle_targets(
        self, owner: str, campaign: Campaign, ended: Sequence[Settled]
    ) -> None:
        stored = self._data.campaigns[campaign.campaign_id]
        if stored.owner != owner:
            return
        for each in ended:
            target = stored.targets[each.position]
            if _expected(target, each):
                stored.targets[each.position] = msgspec.structs.replace(
                    target,
                    state=TargetState.DONE if each.again_at is None else TargetState.WAITING,
                    outcome=each.outcome,
                    detail=each.detail,
                    ended_at=each.ended_at,
                    due_at=each.again_at or target.due_at,
                    undialled=each.undialled,
                )

    async def postpone_targets(
        self, owner: str, campaign: Campaign, positions: Sequence[int], until: datetime
    ) -> None:
        stored = self._data.campaigns[campaign.campaign_id]
        for position in positions:
            target = stored.targets[position]
            if stored.owner == owner and target.state is TargetState.WAITING:
                stored.targets[position] = msgspec.structs.replace(target, due_at=until)

    async def finish_campaign(self, owner: str, campaign: Campaign, now: datetime) -> bool:
        stored = self._data.campaigns[campaign.campaign_id]
        canceled = campaign.state is CampaignState.CANCELED
        left = {TargetState.CALLING} if canceled else {TargetState.CALLING, TargetState.WAITING}
        if stored.owner != owner or stored.campaign.state is not campaign.state:
            return False
        if any(each.state in left for each in stored.targets.values()):
            return False
        if not canceled:
            stored.campaign = obeyed(campaign, CampaignState.COMPLETED, now)
        stored.active, stored.owner = False, None
        return True


def _expected(target: Target, ended: Settled) -> bool:
    """Whether the attempt that ended is the one under way."""
    if ended.session_id is None:
        return target.state is TargetState.WAITING
    return target.state is TargetState.CALLING and target.session_id == ended.session_id
