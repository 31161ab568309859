"""The calls of a campaign over a store in memory, in virtual time."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from tests.support.virtual import in_virtual_time

from offhook.campaigns.campaign_dialer import CampaignTools
from offhook.campaigns.campaign_worker import LEASE, CampaignWorker
from offhook.clock import new_id
from offhook.codes import RuntimeCode, SessionStatus
from offhook.flow.actions import MakeCall, Say
from offhook.session import states
from offhook.session.calling_hours import CallingHours, CallingWindow
from offhook.session.campaign import (
    MOST_UNDIALLED,
    NOT_VALID,
    Campaign,
    CampaignOrder,
    CampaignState,
    NewTarget,
    RetryRules,
    TargetState,
)
from offhook.session.ports.metering import Spending
from offhook.session.ports.record import StoreUnavailable
from offhook.session.session import Session, SessionError
from offhook.session.tenancy import SubAccount
from offhook.store.memory import MemoryRecords, MemoryStore
from offhook.testing.loop import VirtualClock, VirtualLoop
from offhook.testing.run import profiles

NOW = datetime(2026, 7, 3, 5, 0, tzinfo=UTC)
SOURCE = "+6512341234"
TEMPLATE = """{"callflow": [
    {"action": "makeCall", "params": {"source": "+6512341234", "destination": "{{number}}"}},
    {"action": "say", "params": {"text": "Hello {{name}}.", "language": "en-US"}}
]}"""

Fate = Callable[[str, int], SessionStatus]
"""How the n-th call (from 1) of a number ends."""


def completed(number: str, attempt: int) -> SessionStatus:
    return SessionStatus.COMPLETED


class Budget(Spending):
    """A budget that a test spends."""

    def __init__(self) -> None:
        self.reason: str | None = None

    def spent_out(self, sub_account: SubAccount, now: datetime) -> str | None:
        return self.reason


class World:
    """A store, a worker, and voice nodes that end each session after a moment."""

    def __init__(self, fate: Fate = completed, *, lasts: float = 2.0) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.clock = VirtualClock(loop, NOW)
        self.records = MemoryRecords()
        self.store = MemoryStore(self.records)
        self.owner = SubAccount(
            sub_account_id="acme_corp", account_id="acme", caller_ids=frozenset({SOURCE})
        )
        self.budget = Budget()
        self.fate = fate
        self.lasts = lasts
        self.dialled: list[tuple[float, str]] = []
        """Time and number of each session."""
        self._seen: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    def worker(self) -> CampaignWorker:
        return CampaignWorker(
            CampaignTools(
                store=self.store,
                sub_account=lambda _id: self.owner,
                profiles=profiles(),
                clock=self.clock,
                spending=self.budget,
                queued=self._dial,
            )
        )

    def _dial(self) -> None:
        """A voice node takes what was queued."""
        for stored in list(self.records.live.values()):
            session = stored.session
            if session.session_id not in self._seen:
                self._seen.add(session.session_id)
                call = session.callflow.actions[0]
                assert isinstance(call, MakeCall)
                self.dialled.append((self.clock.monotonic(), call.destination))
                attempt = sum(number == call.destination for _, number in self.dialled)
                status = self.fate(call.destination, attempt)
                leg = states.dial_leg(call, self.owner, self.clock.now())
                stored.session = states.begin(session, leg, self.clock.now())
                end = self._end(stored.session, status)
                task = asyncio.get_running_loop().create_task(end)
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _end(self, session: Session, status: SessionStatus) -> None:
        await asyncio.sleep(self.lasts)
        over = msgspec.structs.replace(session, status=status, ended_at=self.clock.now())
        self.records.write(self.records.sessions[session.session_id], over, (), ())

    async def started(self, *numbers: str, **members: Any) -> Campaign:
        campaign = Campaign(
            campaign_id=new_id(),
            sub_account_id="acme_corp",
            state=CampaignState.DRAFT,
            template=TEMPLATE,
            pace=10,
            created_at=self.clock.now(),
        )
        campaign = msgspec.structs.replace(campaign, **members)
        await self.store.create_campaign(campaign)
        targets = [NewTarget(number=number, parameters={"name": "Ann"}) for number in numbers]
        await self.store.add_targets(campaign, targets)
        running = await self.store.order_campaign(campaign, CampaignOrder.START, self.clock.now())
        assert running is not None
        return running

    async def state(self, campaign: Campaign) -> CampaignState:
        found = await self.store.campaign("acme_corp", campaign.campaign_id)
        assert found is not None
        return found.state

    async def run(self, seconds: float, worker: CampaignWorker | None = None) -> None:
        task = asyncio.create_task((worker or self.worker()).run())
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.wait({task})
        await asyncio.sleep(self.lasts)

    def calls(self) -> Counter[str]:
        """How often each number was dialled."""
        return Counter(number for _, number in self.dialled)


def numbers(count: int) -> list[str]:
    return [f"+65900{n:05d}" for n in range(count)]


@in_virtual_time
async def test_a_list_is_called_at_its_pace_in_its_order() -> None:
    world = World()
    campaign = await world.started(*numbers(100))
    await world.run(30)
    assert [number for _, number in world.dialled] == numbers(100)
    times = [at for at, _ in world.dialled]
    assert 9.5 <= times[-1] - times[0] <= 10.5
    assert await world.state(campaign) is CampaignState.COMPLETED
    session = next(iter(world.records.sessions.values())).session
    assert session.client_batch_id == campaign.campaign_id
    said = session.callflow.actions[1]
    assert isinstance(said, Say)
    assert said.text == "Hello Ann."


@in_virtual_time
async def test_busy_and_no_answer_are_tried_again_when_the_rules_say() -> None:
    busy, silent, late, fine = numbers(4)

    def fate(number: str, attempt: int) -> SessionStatus:
        if number == busy:
            return SessionStatus.BUSY
        if number == silent:
            return SessionStatus.NO_ANSWER
        if number == late and attempt == 1:
            return SessionStatus.BUSY
        return SessionStatus.COMPLETED

    world = World(fate)
    rules = RetryRules(busy_after=600, no_answer_after=3600, most=3)
    campaign = await world.started(busy, silent, late, fine, retries=rules)
    await world.run(4 * 3600)
    assert world.calls() == {busy: 4, silent: 4, late: 2, fine: 1}
    for number, pause in ((busy, 600), (silent, 3600)):
        times = [at for at, called in world.dialled if called == number]
        gaps = [b - a for a, b in itertools.pairwise(times)]
        assert all(pause + world.lasts <= gap <= pause + world.lasts + 1 for gap in gaps)
    counts = await world.store.campaign_counts(campaign.campaign_id)
    assert counts.outcomes == {"BUSY": 1, "COMPLETED": 2, "NO_ANSWER": 1}
    assert await world.state(campaign) is CampaignState.COMPLETED


@pytest.mark.parametrize(
    "status",
    [
        SessionStatus.COMPLETED,
        SessionStatus.FAILED,
        SessionStatus.CANCELED,
        SessionStatus.ERROR,
        SessionStatus.COMPLETED_UNSUBSCRIBED,
        SessionStatus.UNSUBSCRIBED_CONTACT,
    ],
)
def test_other_outcomes_are_final(status: SessionStatus) -> None:
    @in_virtual_time
    async def check() -> None:
        world = World(lambda _number, _attempt: status)
        campaign = await world.started(*numbers(2))
        await world.run(2 * 3600)
        assert set(world.calls().values()) == {1}
        counts = await world.store.campaign_counts(campaign.campaign_id)
        assert counts.outcomes == {status.value: 2}

    check()


@in_virtual_time
async def test_rules_without_a_pause_try_nothing_again() -> None:
    world = World(lambda _number, _attempt: SessionStatus.BUSY)
    await world.started(*numbers(2), retries=RetryRules(busy_after=None))
    await world.run(3600)
    assert set(world.calls().values()) == {1}


@in_virtual_time
async def test_what_found_no_channel_is_tried_again_and_counts_as_no_retry() -> None:
    world = World()
    campaign = await world.started(*numbers(1), retries=RetryRules(most=0))
    refusals = 0

    def refuse() -> None:
        nonlocal refusals
        for stored in list(world.records.live.values()):
            refusals += 1
            error = SessionError(code=RuntimeCode.CAPACITY_EXCEEDED)
            over = msgspec.structs.replace(
                stored.session,
                status=SessionStatus.ERROR,
                error=error,
                ended_at=world.clock.now(),
            )
            world.records.write(stored, over, (), ())

    world._dial = refuse  # type: ignore[method-assign]
    await world.run(3600)
    assert refusals == MOST_UNDIALLED + 1
    assert await world.state(campaign) is CampaignState.COMPLETED


@in_virtual_time
async def test_a_pause_stops_new_calls_and_a_resume_goes_on() -> None:
    world = World()
    campaign = await world.started(*numbers(100))
    worker = world.worker()
    running = asyncio.create_task(worker.run())
    await asyncio.sleep(3)
    paused = await world.store.order_campaign(campaign, CampaignOrder.PAUSE, world.clock.now())
    before = len(world.dialled)
    await asyncio.sleep(60)
    assert (len(world.dialled), before < 40) == (before, True)
    assert paused is not None
    counts = await world.store.campaign_counts(campaign.campaign_id)
    assert (counts.calling, counts.done) == (0, before)
    await world.store.order_campaign(paused, CampaignOrder.RESUME, world.clock.now())
    worker.wake()
    await asyncio.sleep(20)
    assert world.calls() == dict.fromkeys(numbers(100), 1)
    running.cancel()
    await asyncio.wait({running})


@in_virtual_time
async def test_a_campaign_that_waits_for_a_retry_asks_the_store_seldom() -> None:
    world = World(lambda _number, _attempt: SessionStatus.BUSY)
    await world.started(*numbers(1), retries=RetryRules(busy_after=600, most=1))
    asked = 0
    due_targets = world.store.due_targets

    async def counted(*what: Any) -> Any:
        nonlocal asked
        asked += 1
        return await due_targets(*what)

    world.store.due_targets = counted  # type: ignore[method-assign,assignment]
    await world.run(700)
    assert world.calls() == {numbers(1)[0]: 2}
    assert asked < 320, "twice for each 5 s"


@in_virtual_time
async def test_new_numbers_of_an_idle_campaign_are_called_at_once() -> None:
    world = World(lambda _number, _attempt: SessionStatus.BUSY)
    campaign = await world.started(*numbers(1), retries=RetryRules(busy_after=600))
    worker = world.worker()
    running = asyncio.create_task(worker.run())
    await asyncio.sleep(20)
    assert len(world.dialled) == 1
    new = numbers(2)[1]
    await world.store.add_targets(campaign, [NewTarget(number=new, parameters={"name": "Bob"})])
    at = world.clock.monotonic()
    worker.wake()
    await asyncio.sleep(10)
    assert [(when - at < 1, number) for when, number in world.dialled[1:]] == [(True, new)]
    running.cancel()
    await asyncio.wait({running})


@in_virtual_time
async def test_a_canceled_campaign_calls_nothing_more() -> None:
    world = World()
    campaign = await world.started(*numbers(100))
    running = asyncio.create_task(world.worker().run())
    await asyncio.sleep(3)
    await world.store.order_campaign(campaign, CampaignOrder.CANCEL, world.clock.now())
    before = len(world.dialled)
    await asyncio.sleep(60)
    assert len(world.dialled) == before < 40
    assert await world.state(campaign) is CampaignState.CANCELED
    assert not world.records.campaigns[campaign.campaign_id].active
    running.cancel()
    await asyncio.wait({running})


@in_virtual_time
async def test_another_process_goes_on_where_one_died_and_calls_nobody_twice() -> None:
    world = World()
    await world.started(*numbers(100))
    first, second = world.worker(), world.worker()
    dying = asyncio.create_task(first.run())
    other = asyncio.create_task(second.run())
    await asyncio.sleep(3)
    first._store = MemoryStore()  # the process is gone: it neither renews nor releases its lease
    for calls, task in first._calling.values():
        del calls
        task.cancel()
    before = len(world.dialled)
    await asyncio.sleep(LEASE - 4)
    assert len(world.dialled) == before
    await asyncio.sleep(30)
    assert world.calls() == dict.fromkeys(numbers(100), 1)
    for task in (dying, other):
        task.cancel()
    await asyncio.wait({dying, other})


@in_virtual_time
async def test_a_process_that_stops_gives_its_campaigns_back_at_once() -> None:
    world = World()
    await world.started(*numbers(100))
    await world.run(3)
    await world.run(12)
    assert world.calls() == dict.fromkeys(numbers(100), 1)


@in_virtual_time
async def test_no_more_calls_at_once_than_allowed() -> None:
    world = World(lasts=5.0)
    await world.started(*numbers(20), max_calls=3)
    await world.run(60)
    assert world.calls() == dict.fromkeys(numbers(20), 1)
    times = [at for at, _ in world.dialled]
    assert all(sum(at - 5 < other <= at for other in times) <= 3 for at in times)


@in_virtual_time
async def test_what_waits_in_the_queue_is_bounded_and_the_rest_waits_in_the_list() -> None:
    world = World()
    campaign = await world.started(*numbers(500))
    world._dial = lambda: None  # type: ignore[method-assign]  # no voice node takes anything
    await world.run(60)
    assert len(world.records.live) == 2 * campaign.pace


@in_virtual_time
async def test_a_number_without_a_valid_callflow_is_told_and_not_called() -> None:
    world = World()
    campaign = await world.started("+6590000001")
    await world.store.add_targets(campaign, [NewTarget(number="+6590000002")])
    await world.run(10)
    assert world.calls() == {"+6590000001": 1}
    _, unfit = await world.store.targets(campaign.campaign_id)
    assert (unfit.outcome, unfit.detail, unfit.attempts) == (
        NOT_VALID,
        "parameter name is required",
        0,
    )
    assert await world.state(campaign) is CampaignState.COMPLETED


@in_virtual_time
async def test_numbers_outside_their_calling_hours_wait_and_the_others_are_called() -> None:
    """NOW is 13:00 in Singapore and 07:00 in Berlin."""
    hours = CallingHours(windows=(CallingWindow(opens=9 * 60, closes=20 * 60),))
    berlin = [f"+4930123{n:04d}" for n in range(30)]
    world = World()
    campaign = await world.started(*berlin, *numbers(20), calling_hours=hours)
    await world.run(60)
    assert world.calls() == dict.fromkeys(numbers(20), 1)
    early = await world.store.targets(campaign.campaign_id)
    assert {target.due_at for target in early[:30]} == {NOW + timedelta(hours=2)}
    await world.run(2 * 3600 + 60)
    assert world.calls() == dict.fromkeys([*berlin, *numbers(20)], 1)


@in_virtual_time
async def test_the_hours_of_the_sub_account_count_too() -> None:
    hours = CallingHours(windows=(CallingWindow(opens=20 * 60, closes=21 * 60),))
    world = World()
    world.owner = msgspec.structs.replace(world.owner, calling_hours=hours)
    await world.started(*numbers(3))
    await world.run(3600)
    assert world.dialled == []
    await world.run(7 * 3600)
    assert len(world.dialled) == 3


@in_virtual_time
async def test_a_database_that_is_away_costs_time_and_nothing_else() -> None:
    world = World()
    campaign = await world.started(*numbers(100))
    running = asyncio.create_task(world.worker().run())
    await asyncio.sleep(3)
    world.store.failure = StoreUnavailable("gone")
    await asyncio.sleep(30)
    world.store.failure = None
    await asyncio.sleep(30)
    assert world.calls() == dict.fromkeys(numbers(100), 1)
    assert await world.state(campaign) is CampaignState.COMPLETED
    running.cancel()
    await asyncio.wait({running})


@in_virtual_time
async def test_an_internal_error_in_one_campaign_leaves_the_others_alone() -> None:
    world = World()
    broken = await world.started(*numbers(5), template="{}")
    fine = await world.started(*(number + "9" for number in numbers(5)))
    await world.run(20)
    assert await world.state(fine) is CampaignState.COMPLETED
    targets = await world.store.targets(broken.campaign_id)
    assert all(target.state is not TargetState.CALLING for target in targets)


@in_virtual_time
async def test_a_spent_budget_holds_the_list_until_there_is_one_again() -> None:
    world = World()
    campaign = await world.started(*numbers(20))
    world.budget.reason = "the minutes of the day are spent"
    running = asyncio.create_task(world.worker().run())
    await asyncio.sleep(3600)
    assert world.dialled == []
    world.budget.reason = None
    await asyncio.sleep(30)
    assert world.calls() == dict.fromkeys(numbers(20), 1)
    assert await world.state(campaign) is CampaignState.COMPLETED
    running.cancel()
    await asyncio.wait({running})
