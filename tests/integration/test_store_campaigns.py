"""The contract of the store: campaigns, their lists, and the lease under which they are called."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from tests.support.stores import NOW, ended, seconds, start_all, waiting

from offhook.clock import new_id
from offhook.codes import SessionStatus
from offhook.events import SessionQueued
from offhook.session.campaign import (
    NOT_VALID,
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
from offhook.session.ports.campaign_records import TargetCall, TargetFilter
from offhook.session.ports.record import NodeRole
from offhook.session.ports.stores import Store

NUMBERS = [f"+65900000{n:02d}" for n in range(5)]


async def created(store: Store, *numbers: str, **members: Any) -> Campaign:
    """A new campaign with a list."""
    campaign = Campaign(
        campaign_id=new_id(),
        sub_account_id="acme_corp",
        state=CampaignState.DRAFT,
        template="{}",
        pace=5,
        created_at=NOW,
    )
    campaign = msgspec.structs.replace(campaign, **members)
    await store.create_campaign(campaign)
    if numbers:
        await store.add_targets(campaign, [NewTarget(number=number) for number in numbers])
    return campaign


async def started(store: Store, *numbers: str) -> Campaign:
    """One that runs, leased to ``one``."""
    campaign = await store.order_campaign(await created(store, *numbers), CampaignOrder.START, NOW)
    assert campaign is not None
    assert await store.lease_campaigns("one", NOW, lease=10) == [campaign]
    return campaign


def call(target: Target, attempts: int | None = None) -> TargetCall:
    return TargetCall(
        position=target.position,
        attempts=target.attempts if attempts is None else attempts,
        session=waiting(destination=target.number),
        events=(SessionQueued(at=NOW),),
    )


async def called(store: Store, campaign: Campaign) -> list[Target]:
    """Every number that is due is called."""
    due = await store.due_targets(campaign.campaign_id, NOW, 100)
    await store.call_targets("one", campaign, [call(target) for target in due])
    return list(await store.targets(campaign.campaign_id))


def over(target: Target, outcome: str, again: float | None = None) -> Settled:
    return Settled(
        position=target.position,
        session_id=target.session_id,
        outcome=outcome,
        ended_at=NOW,
        again_at=None if again is None else NOW + seconds(again),
    )


async def test_a_campaign_is_kept_as_it_was_given(store: Store, other: Store) -> None:
    campaign = await created(store, name="July ☀", max_calls=7)
    assert await other.campaign("acme_corp", campaign.campaign_id) == campaign
    assert await other.campaign("other", campaign.campaign_id) is None
    assert await other.campaign("acme_corp", "none") is None


async def test_campaigns_are_listed_newest_first(store: Store) -> None:
    made = [await created(store, created_at=NOW + seconds(n)) for n in range(3)]
    await created(store, sub_account_id="other")
    page, cursor = await store.campaigns("acme_corp", limit=2)
    assert list(page) == [made[2], made[1]]
    assert cursor is not None
    assert await store.campaigns("acme_corp", cursor=cursor) == ([made[0]], None)
    with pytest.raises(ValueError, match="invalid cursor"):
        await store.campaigns("acme_corp", cursor="?")


async def test_a_list_holds_each_number_once(store: Store) -> None:
    campaign = await created(store)
    first = [NewTarget(number=number, parameters={"name": "Ann ☀"}) for number in NUMBERS[:3]]
    assert await store.add_targets(campaign, [*first, first[0]]) == 3
    again = [NewTarget(number=number) for number in NUMBERS]
    assert await store.add_targets(campaign, again) == 2
    listed = await store.targets(campaign.campaign_id)
    assert [target.number for target in listed] == NUMBERS
    assert listed[0].parameters == {"name": "Ann ☀"}
    positions = [target.position for target in listed]
    assert positions == sorted(set(positions))
    assert await store.campaign_counts(campaign.campaign_id) == CampaignCounts(total=5)


@pytest.mark.parametrize("order", CampaignOrder)
@pytest.mark.parametrize("state", CampaignState)
async def test_orders_lead_where_the_table_says(
    store: Store, other: Store, order: CampaignOrder, state: CampaignState
) -> None:
    campaign = await created(store, state=state)
    changed = await store.order_campaign(campaign, order, NOW)
    assert (None if changed is None else changed.state) == STEPS[order].get(state)
    if changed is not None:
        assert await other.campaign("acme_corp", campaign.campaign_id) == changed
        assert await other.order_campaign(campaign, order, NOW) is None
        assert (changed.ended_at is not None) == changed.state.final


async def test_an_ended_campaigns_list_is_closed(store: Store) -> None:
    campaign = await created(store)
    await store.order_campaign(campaign, CampaignOrder.CANCEL, NOW)
    assert await store.add_targets(campaign, [NewTarget(number=NUMBERS[0])]) is None


async def test_numbers_are_due_in_the_order_of_the_list_and_of_their_times(store: Store) -> None:
    campaign = await started(store, *NUMBERS)
    listed = await store.targets(campaign.campaign_id)
    await store.postpone_targets("one", campaign, [listed[1].position], NOW + seconds(60))
    await store.postpone_targets("two", campaign, [listed[0].position], NOW + seconds(60))
    due = await store.due_targets(campaign.campaign_id, NOW, 3)
    assert [target.number for target in due] == [NUMBERS[0], NUMBERS[2], NUMBERS[3]]
    later = await store.due_targets(campaign.campaign_id, NOW + seconds(60), 9)
    assert [target.number for target in later][-1] == NUMBERS[1]


async def test_a_called_number_has_a_session_that_waits(store: Store, other: Store) -> None:
    campaign = await started(store, *NUMBERS[:2])
    target, _ = await store.due_targets(campaign.campaign_id, NOW, 9)
    made = call(target)
    assert await store.call_targets("one", campaign, [made]) == {target.position}
    found = await other.session("acme_corp", made.session.session_id)
    assert found == made.session
    assert [event for _, event in await other.events(made.session.session_id)] == list(made.events)
    (calling,) = await other.calling_targets(campaign.campaign_id)
    assert (calling.waits, calling.ended, calling.target.attempts) == (True, None, 1)
    assert calling.target.session_id == made.session.session_id
    counts = await store.campaign_counts(campaign.campaign_id)
    assert counts == CampaignCounts(total=2, calling=1, attempts=1)
    node = await store.register_node("n1", NodeRole.VOICE, NOW)
    (decision,) = await store.claim(node, start_all, NOW, limit=9)
    (calling,) = await store.calling_targets(campaign.campaign_id)
    assert (calling.waits, calling.ended) == (False, None)
    await store.save(node, ended(decision.session))
    (calling,) = await store.calling_targets(campaign.campaign_id)
    assert calling.ended is not None
    assert calling.ended.status is SessionStatus.COMPLETED


async def test_no_number_is_called_twice_by_two_processes_at_once(
    store: Store, other: Store
) -> None:
    campaign = await started(store, *NUMBERS)
    due = await store.due_targets(campaign.campaign_id, NOW, 9)
    done = await asyncio.gather(
        *(
            each.call_targets("one", campaign, [call(target) for target in due])
            for each in (store, other)
        )
    )
    assert sorted(len(positions) for positions in done) == [0, 5]
    sessions, _ = await store.sessions("acme_corp", limit=50)
    assert sorted(str(s.callflow.actions[0].destination) for s in sessions) == NUMBERS  # type: ignore[union-attr]


async def test_only_the_process_with_the_lease_changes_anything(store: Store, other: Store) -> None:
    campaign = await started(store, *NUMBERS)
    assert await other.lease_campaigns("two", NOW + seconds(9), lease=10) == []
    due = await other.due_targets(campaign.campaign_id, NOW, 1)
    assert await other.call_targets("two", campaign, [call(due[0])]) == frozenset()
    assert await other.lease_campaigns("two", NOW + seconds(11), lease=10) == [campaign]
    assert await store.lease_campaigns("one", NOW + seconds(12), lease=10) == []
    assert await store.call_targets("one", campaign, [call(due[0])]) == frozenset()
    assert await other.call_targets("two", campaign, [call(due[0])]) == {due[0].position}
    (target, *_) = await store.targets(campaign.campaign_id)
    await store.settle_targets("one", campaign, [over(target, "COMPLETED")])
    assert (await store.campaign_counts(campaign.campaign_id)).done == 0
    await other.release_campaigns("two")
    assert await store.lease_campaigns("one", NOW + seconds(12), lease=10) == [campaign]


@pytest.mark.parametrize("order", [CampaignOrder.PAUSE, CampaignOrder.CANCEL])
async def test_nothing_is_called_while_it_does_not_run(store: Store, order: CampaignOrder) -> None:
    campaign = await started(store, *NUMBERS)
    due = await store.due_targets(campaign.campaign_id, NOW, 1)
    await store.order_campaign(campaign, order, NOW)
    assert await store.call_targets("one", campaign, [call(due[0])]) == frozenset()


async def test_a_number_whose_attempts_have_changed_is_not_called(store: Store) -> None:
    campaign = await started(store, *NUMBERS[:1])
    (target,) = await called(store, campaign)
    await store.settle_targets("one", campaign, [over(target, "BUSY", again=0)])
    (target,) = await store.due_targets(campaign.campaign_id, NOW, 9)
    assert await store.call_targets("one", campaign, [call(target, attempts=0)]) == frozenset()
    assert await store.call_targets("one", campaign, [call(target)]) == {target.position}


async def test_ends_are_settled_once_and_counted(store: Store) -> None:
    campaign = await started(store, *NUMBERS[:3])
    one, two, three = await called(store, campaign)
    ends = [over(one, "COMPLETED"), over(two, "BUSY", again=600), over(three, "BUSY")]
    await store.settle_targets("one", campaign, ends)
    await store.settle_targets("one", campaign, ends)
    stale = msgspec.structs.replace(over(two, "COMPLETED"), session_id="another")
    await store.settle_targets("one", campaign, [stale])
    assert await store.campaign_counts(campaign.campaign_id) == CampaignCounts(
        total=3, done=2, attempts=3, outcomes={"BUSY": 1, "COMPLETED": 1}
    )
    listed = await store.targets(campaign.campaign_id)
    assert [target.state for target in listed] == [
        TargetState.DONE,
        TargetState.WAITING,
        TargetState.DONE,
    ]
    assert (listed[1].outcome, listed[1].due_at) == ("BUSY", NOW + seconds(600))
    chosen = TargetFilter(state=TargetState.DONE, outcome="BUSY")
    assert [t.number for t in await store.targets(campaign.campaign_id, chosen)] == [NUMBERS[2]]
    after = await store.targets(campaign.campaign_id, after=listed[0].position, limit=1)
    assert [target.number for target in after] == [NUMBERS[1]]


async def test_a_number_without_a_callflow_is_done_uncalled(store: Store) -> None:
    campaign = await started(store, *NUMBERS[:2])
    one, two = await store.targets(campaign.campaign_id)
    unfit = msgspec.structs.replace(over(one, NOT_VALID), detail="parameter x is required")
    await store.settle_targets("one", campaign, [unfit])
    listed = await store.targets(campaign.campaign_id)
    assert (listed[0].outcome, listed[0].detail) == (NOT_VALID, "parameter x is required")
    assert listed[1] == two


async def test_a_campaign_ends_when_nothing_of_it_is_left(store: Store) -> None:
    campaign = await started(store, *NUMBERS[:1])
    assert not await store.finish_campaign("one", campaign, NOW)
    (target,) = await called(store, campaign)
    assert not await store.finish_campaign("one", campaign, NOW)
    await store.settle_targets("one", campaign, [over(target, "COMPLETED")])
    assert not await store.finish_campaign("two", campaign, NOW)
    assert await store.finish_campaign("one", campaign, NOW)
    found = await store.campaign("acme_corp", campaign.campaign_id)
    assert found is not None
    assert (found.state, found.ended_at) == (CampaignState.COMPLETED, NOW)
    assert await store.lease_campaigns("two", NOW + seconds(60), lease=10) == []


async def test_a_canceled_campaign_is_looked_after_until_its_calls_have_ended(
    store: Store,
) -> None:
    campaign = await started(store, *NUMBERS[:2])
    due = await store.due_targets(campaign.campaign_id, NOW, 1)
    await store.call_targets("one", campaign, [call(due[0])])
    canceled = await store.order_campaign(campaign, CampaignOrder.CANCEL, NOW)
    assert canceled is not None
    assert await store.lease_campaigns("one", NOW, lease=10) == [canceled]
    assert not await store.finish_campaign("one", canceled, NOW)
    (target, _) = await store.targets(campaign.campaign_id)
    await store.settle_targets("one", canceled, [over(target, "COMPLETED")])
    assert await store.finish_campaign("one", canceled, NOW)
    assert await store.lease_campaigns("one", NOW, lease=10) == []


async def test_old_campaigns_are_deleted_with_their_lists(store: Store) -> None:
    kept = await created(store, *NUMBERS)
    gone = await created(store, *NUMBERS)
    await store.order_campaign(gone, CampaignOrder.CANCEL, NOW)
    await store.purge(NOW + seconds(91 * 86_400))
    assert await store.campaign("acme_corp", kept.campaign_id) is not None
    assert await store.campaign("acme_corp", gone.campaign_id) is None
