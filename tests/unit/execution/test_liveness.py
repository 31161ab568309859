"""Heartbeats, and who is judged dead after the store was away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from offhook.aio import end_all
from offhook.clock import Clock, new_id
from offhook.codes import SessionStatus
from offhook.events import AnyEvent
from offhook.execution.liveness import HEARTBEAT, LOOK, Liveness
from offhook.flow.actions import Callflow, Hangup
from offhook.session.ports.record import Node, NodeRole, OutboxEntry, StoreUnavailable
from offhook.session.ports.webhooks import Reports
from offhook.session.session import Session
from offhook.store.memory import MemoryRecords, MemoryStore
from offhook.testing.loop import VirtualLoop

START = datetime(2026, 7, 3, 12, 0, tzinfo=UTC)


class HandClock(Clock):
    """Both clocks, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.ahead = 0.0
        """Seconds by which the wall clock is wrong."""

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds + self.ahead)

    def monotonic(self) -> float:
        return self.seconds


class NoReports(Reports):
    """Nobody is told."""

    def happened(
        self, session: Session, events: Sequence[AnyEvent], client_action_id: str | None
    ) -> Sequence[OutboxEntry]:
        return ()

    def captured(
        self, session: Session, url: str, digits: str | None, at: datetime
    ) -> Sequence[OutboxEntry]:
        return ()

    def session_ended(self, session: Session) -> Sequence[OutboxEntry]:
        return ()


class Site:
    """Two voice nodes on one record, stepped by hand."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.records = MemoryRecords()
        self.stores = [MemoryStore(self.records), MemoryStore(self.records)]
        self.nodes = [self.records.register(name, NodeRole.VOICE, START) for name in ("n1", "n2")]
        self.local: set[str] = set()
        self.unknown: set[str] = set()
        self.woken = 0
        """How often the delivery workers were told to look."""
        self.lives = [self.liveness(0), self.liveness(1)]

    def liveness(self, index: int) -> Liveness:
        return Liveness(
            store=self.stores[index],
            node=self.nodes[index],
            clock=self.clock,
            reports=NoReports(),
            wake_outbox=self._wake_outbox,
            runs_here=self.local.__contains__,
            knows=lambda owner: owner not in self.unknown,
        )

    def _wake_outbox(self) -> None:
        self.woken += 1

    def run(self, node: Node) -> Session:
        """A session that runs on a node."""
        session = Session(
            session_id=new_id(),
            sub_account_id="a",
            call_flow_request_id=new_id(),
            status=SessionStatus.RUNNING,
            callflow=Callflow(actions=(Hangup(),)),
            created_at=START,
        )
        self.records.insert(session, (), node)
        return session

    def away(self, away: bool) -> None:
        for store in self.stores:
            store.failure = StoreUnavailable("away") if away else None

    async def until(self, seconds: float, *beating: int) -> int:
        """Let time pass; these nodes beat and judge in turn. How many sessions they ended."""
        ended = 0
        while self.clock.seconds < seconds:
            self.clock.seconds += HEARTBEAT
            for index in beating:
                await self.lives[index].beat_once()
                try:
                    ended += await self.lives[index].end_orphans_once()
                except StoreUnavailable:
                    continue
        return ended


async def test_a_dead_nodes_sessions_end_within_15_seconds_by_another_node() -> None:
    site = Site()
    session = site.run(site.nodes[1])
    assert await site.until(20, 0, 1) == 0
    assert await site.until(28, 0) == 0
    assert await site.until(35, 0) == 1
    ended = await site.stores[0].session("a", session.session_id)
    assert ended is not None
    assert ended.status is SessionStatus.ERROR


@pytest.mark.parametrize("step", [-3600, 3600])
async def test_a_clock_that_is_stepped_by_an_hour_kills_nobody_and_hides_no_death(
    step: int,
) -> None:
    site = Site()
    site.run(site.nodes[0])
    site.run(site.nodes[1])
    await site.until(20, 0, 1)
    site.clock.ahead = step
    assert await site.lives[0].end_orphans_once() == 0
    assert await site.until(40, 0, 1) == 0
    assert await site.until(50, 0) == 0
    assert await site.until(56, 0) == 1


@pytest.mark.parametrize("outage", [10, 20, 600])
async def test_after_an_outage_of_the_store_nobody_who_lives_is_judged_dead(outage: int) -> None:
    site = Site()
    site.run(site.nodes[0])
    site.run(site.nodes[1])
    await site.until(20, 0, 1)
    site.away(True)
    await site.until(20 + outage, 0, 1)
    site.away(False)
    assert await site.until(100 + outage, 0, 1) == 0


async def test_who_died_during_an_outage_is_judged_after_a_full_period_of_availability() -> None:
    site = Site()
    site.run(site.nodes[1])
    await site.until(20, 0, 1)
    site.away(True)
    await site.until(40, 0)
    site.away(False)
    assert await site.until(50, 0) == 0
    assert await site.until(54, 0) == 1


async def test_an_outage_of_a_single_heartbeat_counts_as_well() -> None:
    """Another node may have been unable to write its own."""
    site = Site()
    site.run(site.nodes[1])
    await site.until(20, 0, 1)
    assert await site.until(28, 0) == 0
    site.away(True)
    await site.lives[0].beat_once()
    site.away(False)
    assert await site.until(40, 0) == 0
    assert await site.until(44, 0) == 1


async def test_a_heartbeat_that_is_four_seconds_late_is_no_outage() -> None:
    site = Site()
    site.run(site.nodes[1])
    await site.until(20, 1, 0)
    site.clock.seconds += 4
    assert await site.until(32, 0) == 1, "a dead node is judged as if nothing had been late"


async def test_a_process_that_was_suspended_waits_as_after_an_outage() -> None:
    site = Site()
    site.run(site.nodes[1])
    await site.until(20, 0, 1)
    site.clock.seconds += 60
    assert await site.lives[0].end_orphans_once() == 0
    assert await site.until(86, 0) == 0


async def test_what_runs_here_is_never_ended_here() -> None:
    site = Site()
    session = site.run(site.nodes[1])
    site.local.add(session.session_id)
    assert await site.until(60, 0) == 0
    site.local.clear()
    assert await site.until(64, 0) == 1


@pytest.mark.parametrize("how", ["registered again", "retired"])
async def test_certain_death_is_judged_at_once(how: str) -> None:
    site = Site()
    site.run(site.nodes[1])
    if how == "retired":
        await site.stores[1].retire_node(site.nodes[1])
    else:
        await site.stores[1].register_node("n2", NodeRole.VOICE, START)
    assert await site.until(2, 0) == 1


async def test_a_session_of_an_unknown_sub_account_is_left_to_others_for_a_minute() -> None:
    site = Site()
    site.run(site.nodes[1])
    await site.stores[1].retire_node(site.nodes[1])
    site.unknown.add("a")
    assert await site.until(60, 0) == 0
    assert await site.until(64, 0) == 1


def test_the_summary_of_an_ended_session_is_sent_at_once_and_without_one_nobody_is_woken() -> None:
    """The delivery worker would find it by itself, but up to a second later."""

    async def test() -> None:
        site = Site()
        session = site.run(site.nodes[1])
        looking = asyncio.create_task(site.lives[0].end_orphans())
        await asyncio.sleep(0.5)
        assert site.woken == 0, "its node lives"
        await site.stores[1].retire_node(site.nodes[1])
        await asyncio.sleep(LOOK)
        ended = await site.stores[0].session("a", session.session_id)
        assert (ended is not None and ended.status, site.woken) == (SessionStatus.ERROR, 1)
        await asyncio.sleep(3 * LOOK)
        assert site.woken == 1
        await end_all(looking)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(test())


async def test_a_session_that_was_known_meanwhile_has_its_minute_from_the_start_again() -> None:
    site = Site()
    site.run(site.nodes[1])
    await site.stores[1].retire_node(site.nodes[1])
    site.local.update(session.session_id for session in await site.stores[0].orphans([]))
    site.unknown.add("a")
    assert await site.until(40, 0) == 0
    site.unknown.clear()
    assert await site.until(42, 0) == 0, "it runs here"
    site.unknown.add("a")
    site.local.clear()
    assert await site.until(100, 0) == 0
    assert await site.until(106, 0) == 1
