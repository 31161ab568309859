"""The claim loop of a node: when it looks, how much it takes, and how it comes to rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, cast

import msgspec
import pytest

from offhook.codes import SessionStatus
from offhook.execution.call_metrics import CallMetrics
from offhook.execution.dispatcher import AT_ONCE, LATE, Dispatcher
from offhook.execution.runner import SessionRunner
from offhook.flow.actions import Callflow
from offhook.session.claim_planner import ClaimPlanner
from offhook.session.ports.record import (
    NO_RATES,
    ClaimDecision,
    Node,
    OutboxEntry,
    OutboxType,
    StoreUnavailable,
)
from offhook.session.ports.stores import Store
from offhook.session.session import Session
from offhook.testing.loop import VirtualClock, VirtualLoop

START = datetime(2026, 1, 1, tzinfo=UTC)


def session(number: int, status: SessionStatus = SessionStatus.RUNNING) -> Session:
    return Session(
        session_id=f"s{number}",
        sub_account_id="demo",
        call_flow_request_id="r",
        status=status,
        callflow=Callflow(actions=()),
        created_at=START,
    )


class Runner:
    """Stands for a session's runner: runs until it is told to end, or for some seconds."""

    def __init__(self, seconds: float | None, heeds: bool) -> None:
        self.over = asyncio.Event()
        self.told: list[str] = []
        self._seconds = seconds
        self._heeds = heeds
        self.runs = False

    async def run(self) -> None:
        self.runs = True
        try:
            async with asyncio.timeout(self._seconds):
                await self.over.wait()
        except TimeoutError:
            return

    def end(self, why: str) -> None:
        self.told.append(why)
        if self._heeds:
            self.over.set()


class World:
    """A store with sessions that wait, a planner, and the runners that were made."""

    def __init__(self, loop: VirtualLoop, capacity: int = 10) -> None:
        self.left_waiting = False
        self.waiting: list[ClaimDecision] = []
        self.claims: list[tuple[float, int]] = []
        self.runners: list[Runner] = []
        self.woken_outbox = 0
        self.away = False
        self.claim_takes = 0.0
        self.seconds: float | None = None
        self.heeds = True
        self.stored: Session | None = None
        self.questions_fail = 0
        """So many questions for a session find the store away."""
        self._loop = loop
        self.dispatcher = Dispatcher(
            metrics=CallMetrics(),
            store=cast(Store, self),
            node=Node(name="n", epoch=1),
            planner=cast(ClaimPlanner, self),
            sub_accounts=list,
            make_runner=lambda _session, _trunks: self._make(),
            capacity=capacity,
            clock=VirtualClock(loop, START),
            on_outbox=self._wake_outbox,
        )

    def rates(self, _sub_accounts: object) -> object:
        return NO_RATES

    async def claim(
        self, node: Node, plan: object, now: datetime, *, limit: int, rates: object
    ) -> Sequence[ClaimDecision]:
        self.claims.append((round(self._loop.time(), 3), limit))
        if self.claim_takes:
            await asyncio.sleep(self.claim_takes)
        if self.away:
            raise StoreUnavailable("away")
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return taken

    async def session(self, sub_account_id: str, session_id: str) -> Session | None:
        self.questions_fail -= 1
        if self.questions_fail >= 0:
            raise StoreUnavailable("away")
        return self.stored

    def _make(self) -> SessionRunner:
        runner = Runner(self.seconds, self.heeds)
        self.runners.append(runner)
        return cast(SessionRunner, runner)

    def _wake_outbox(self) -> None:
        self.woken_outbox += 1


def run(test: Callable[[World], Awaitable[Any]], capacity: int = 10) -> None:
    async def main(loop: VirtualLoop) -> None:
        world = World(loop, capacity)
        claiming = asyncio.create_task(world.dispatcher.run())
        await asyncio.sleep(0)
        await test(world)
        await world.dispatcher.drain(1.0)
        await claiming
        assert world.dispatcher.live == 0
        assert loop.left_behind() == []

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        runner.run(main(loop))


def test_the_sessions_of_one_claim_begin_a_few_in_each_turn_of_the_loop() -> None:
    async def test(world: World) -> None:
        await asyncio.sleep(0.5)
        world.waiting = [ClaimDecision(session=session(number)) for number in range(30)]
        world.dispatcher.wake()
        begun = [0]
        while begun[-1] < 30:
            await asyncio.sleep(0)
            begun.append(sum(runner.runs for runner in world.runners))
        assert max(after - before for before, after in pairwise(begun)) == AT_ONCE
        assert world.dispatcher.live == 30, (
            "all count at once, so that the next claim takes no more"
        )

    run(test, capacity=40)


@pytest.mark.parametrize(
    ("took", "status", "dialled"),
    [
        (4.0, SessionStatus.ERROR, True),
        (6.0, SessionStatus.RUNNING, True),
        (6.0, SessionStatus.ERROR, False),
    ],
)
def test_a_session_whose_claim_was_answered_late_is_dialled_only_if_it_still_runs(
    took: float, status: SessionStatus, dialled: bool
) -> None:
    async def test(world: World) -> None:
        world.claim_takes = took
        world.waiting = [ClaimDecision(session=session(1))]
        world.stored = msgspec.structs.replace(session(1), status=status)
        world.dispatcher.wake()
        await asyncio.sleep(took + 4)
        assert [runner.runs for runner in world.runners] == [int(dialled)]

    run(test)


def test_it_looks_once_a_second_and_at_once_when_woken() -> None:
    async def test(world: World) -> None:
        await asyncio.sleep(2.5)
        assert [at for at, _ in world.claims] == [0.0, 1.0, 2.0]
        world.dispatcher.wake()
        await asyncio.sleep(0.1)
        assert [at for at, _ in world.claims] == [0.0, 1.0, 2.0, 2.5]

    run(test)


def test_it_looks_more_often_while_sessions_wait_for_limits() -> None:
    async def test(world: World) -> None:
        world.left_waiting = True
        world.dispatcher.wake()
        await asyncio.sleep(0.95)
        assert len(world.claims) == 11

    run(test)


def test_it_takes_no_more_than_it_can_run() -> None:
    async def test(world: World) -> None:
        world.seconds = 4.5  # between two looks
        world.waiting = [ClaimDecision(session=session(number)) for number in range(5)]
        world.dispatcher.wake()
        await asyncio.sleep(0.1)
        assert (world.dispatcher.live, len(world.waiting)) == (3, 2)
        assert [limit for _, limit in world.claims] == [3, 3]
        await asyncio.sleep(4.45)  # what ends makes room at once
        assert (world.dispatcher.live, len(world.waiting)) == (2, 0)

    run(test, capacity=3)


def test_a_batch_that_is_full_is_followed_by_another() -> None:
    async def test(world: World) -> None:
        world.seconds = 1.0
        world.waiting = [ClaimDecision(session=session(number)) for number in range(150)]
        world.dispatcher.wake()
        await asyncio.sleep(0.1)
        assert [limit for at, limit in world.claims if at == 0][1:] == [64, 64, 64]
        assert world.dispatcher.live == 150

    run(test, capacity=1000)


def test_sessions_that_were_decided_without_dialling_only_wake_the_outbox() -> None:
    async def test(world: World) -> None:
        entry = OutboxEntry(
            delivery_id="d",
            sub_account_id="demo",
            type=OutboxType.VSS,
            payload=b"{}",
            created_at=START,
            give_up_at=START,
        )
        world.waiting = [ClaimDecision(session=session(1, SessionStatus.ERROR), outbox=(entry,))]
        world.dispatcher.wake()
        await asyncio.sleep(0.1)
        assert (world.runners, world.woken_outbox) == ([], 1)

    run(test)


def test_a_store_that_is_away_is_asked_again() -> None:
    async def test(world: World) -> None:
        world.away = True
        await asyncio.sleep(2.5)
        world.away = False
        world.waiting = [ClaimDecision(session=session(1))]
        await asyncio.sleep(1)
        assert world.dispatcher.live == 1
        assert world.dispatcher.find("s1") is not None
        assert world.dispatcher.find("s2") is None

    run(test)


def test_draining_lets_calls_end_and_then_hangs_them_up() -> None:
    async def test(world: World) -> None:
        world.waiting = [ClaimDecision(session=session(1))]
        world.seconds = 3.0
        world.dispatcher.wake()
        await asyncio.sleep(0.1)
        world.seconds = None
        world.waiting = [ClaimDecision(session=session(2))]
        world.dispatcher.wake()
        await asyncio.sleep(0.1)
        draining = asyncio.create_task(world.dispatcher.drain(5.0))
        await asyncio.sleep(0)
        assert world.dispatcher.draining
        world.waiting = [ClaimDecision(session=session(3))]
        world.dispatcher.wake()
        await draining
        short, long = world.runners
        assert (short.told, long.told) == ([], ["the server is shutting down"])
        assert len(world.waiting) == 1  # for another node

    run(test)


def test_a_call_that_does_not_end_holds_up_the_drain_for_a_while_only() -> None:
    async def test(world: World) -> None:
        world.heeds = False
        world.waiting = [ClaimDecision(session=session(1))]
        world.dispatcher.wake()
        await asyncio.sleep(0.1)
        began = asyncio.get_running_loop().time()
        await world.dispatcher.drain(5.0)
        assert 15.0 <= asyncio.get_running_loop().time() - began < 15.1
        world.runners[0].over.set()
        await asyncio.sleep(0)

    run(test)


def test_a_claim_under_way_when_the_drain_begins_is_run_and_waited_for() -> None:
    async def test(world: World) -> None:
        world.claim_takes, world.seconds = 0.5, 0.3
        world.waiting = [ClaimDecision(session=session(1))]
        world.dispatcher.wake()
        await asyncio.sleep(0.1)  # the claim is on its way
        assert world.runners == []
        await world.dispatcher.drain(5.0)
        assert len(world.runners) == 1
        assert world.dispatcher.live == 0
        assert world.runners[0].told == []

    run(test)


def test_a_paused_node_begins_nothing_and_begins_at_once_when_it_resumes() -> None:
    async def test(world: World) -> None:
        await asyncio.sleep(0.5)
        world.dispatcher.pause()
        assert world.dispatcher.draining
        world.waiting = [ClaimDecision(session=session(1))]
        world.dispatcher.wake()
        await asyncio.sleep(5)
        assert (world.dispatcher.live, len(world.claims)) == (0, 1)
        world.dispatcher.resume()
        assert not world.dispatcher.draining
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert world.dispatcher.live == 1

    run(test)


def test_a_drain_without_sessions_waits_for_no_look() -> None:
    async def test(world: World) -> None:
        await asyncio.sleep(0.5)
        await world.dispatcher.drain(5.0)
        assert asyncio.get_running_loop().time() == pytest.approx(0.5, abs=0.01)

    run(test)


def test_what_ends_while_a_claim_is_asked_makes_room_at_once() -> None:
    """The claim that is on its way may have been answered without the session that has ended."""

    async def test(world: World) -> None:
        world.waiting = [ClaimDecision(session=session(1))]
        world.seconds = 0.7
        world.dispatcher.wake()
        await asyncio.sleep(0.5)
        world.claim_takes = 0.4
        world.dispatcher.wake()  # asked from 0.5 to 0.9; the session ends at 0.7
        await asyncio.sleep(0.5)
        assert [at for at, _ in world.claims][-2:] == [0.5, 0.9]

    run(test)


def test_what_ends_while_others_wait_for_a_limit_makes_room_at_once() -> None:
    async def test(world: World) -> None:
        world.left_waiting = True
        world.waiting = [ClaimDecision(session=session(1))]
        world.seconds = 0.55
        world.dispatcher.wake()
        await asyncio.sleep(0.58)
        assert 0.55 in [at for at, _ in world.claims]

    run(test)


def test_what_ends_with_room_to_spare_asks_the_store_nothing() -> None:
    async def test(world: World) -> None:
        world.waiting = [ClaimDecision(session=session(1))]
        world.seconds = 0.5
        world.dispatcher.wake()
        await asyncio.sleep(2.9)
        assert [at for at, _ in world.claims] == [0.0, 0.0, 1.0, 2.0]

    run(test)


def test_a_late_session_waits_for_a_store_that_is_away_before_it_is_dialled() -> None:
    async def test(world: World) -> None:
        world.claim_takes = LATE + 1
        world.waiting = [ClaimDecision(session=session(1))]
        world.stored = session(1)
        world.questions_fail = 2
        world.dispatcher.wake()
        await asyncio.sleep(LATE + 2)
        assert [runner.runs for runner in world.runners] == [False]
        await asyncio.sleep(3)
        assert [runner.runs for runner in world.runners] == [True]

    run(test)
