"""The live list: one look at the store serves everybody who looks."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime

import pytest
from tests.support.console_sessions import Told, put, recent

from offhook.clock import Clock
from offhook.codes import SessionStatus
from offhook.console.board import EVERY, MOST_ROWS, Board, Watch
from offhook.session.ports.console_records import LiveSession
from offhook.store.memory import MemoryStore


class HeldClock(Clock):
    """A time that stands until a test moves it."""

    seconds = 1000.0

    def now(self) -> datetime:
        return recent(0)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """For whom the live sessions were read, each time."""
    found: list[set[str]] = []
    real = MemoryStore.live_sessions

    async def counting(
        store: MemoryStore, owners: Collection[str], *, each: int, limit: int, events: int
    ) -> Sequence[LiveSession]:
        found.append(set(owners))
        return await real(store, owners, each=each, limit=limit, events=events)

    monkeypatch.setattr(MemoryStore, "live_sessions", counting)
    return found


async def call(store: MemoryStore, name: str, owner: str, trunk: str = "main") -> None:
    told = Told(name, recent())
    leg = told.leg("A", trunk=trunk)
    session = told.session(SessionStatus.RUNNING, leg, sub_account_id=owner)
    await put(store, told, session, told.started())


async def test_one_look_a_second_serves_all_visitors_and_each_sees_their_own(
    looks: list[set[str]],
) -> None:
    store, clock = MemoryStore(), HeldClock()
    await call(store, "a", "one")
    await call(store, "b", "two")
    board = Board(store, clock, asyncio.Event())
    everything = await board.look(Watch(("one", "two")))
    assert {row.account for row in everything.calls} == {"one", "two"}
    seen = await asyncio.gather(
        *(board.look(Watch((owner,))) for owner in ("one", "two") for _ in range(50))
    )
    assert {row.account for one in seen[:50] for row in one.calls} == {"one"}
    assert {row.account for one in seen[50:] for row in one.calls} == {"two"}
    assert looks == [{"one", "two"}]
    clock.seconds += EVERY
    await asyncio.gather(*(board.look(Watch((owner,))) for owner in ("one", "two")))
    assert len(looks) == 2


async def test_a_sub_account_that_nobody_looks_at_any_more_is_not_read(
    looks: list[set[str]],
) -> None:
    store, clock = MemoryStore(), HeldClock()
    board = Board(store, clock, asyncio.Event())
    await board.look(Watch(("one",)))
    clock.seconds += 60
    await board.look(Watch(("two",)))
    assert looks[-1] == {"two"}


async def test_the_list_is_filtered_by_trunk_and_says_which_there_are() -> None:
    store = MemoryStore()
    await call(store, "a", "one", "main")
    await call(store, "b", "one", "spare")
    await call(store, "c", "two", "secret")
    board = Board(store, HeldClock(), asyncio.Event())
    await board.look(Watch(("one", "two")))
    seen = await board.look(Watch(("one",), trunk="spare"))
    assert [row.trunk for row in seen.calls] == ["spare"]
    assert seen.trunks == ["main", "spare"]


async def test_a_long_list_is_bounded_and_says_so() -> None:
    store = MemoryStore()
    for place in range(MOST_ROWS + 1):
        await call(store, f"a{place}", "one")
    seen = await Board(store, HeldClock(), asyncio.Event()).look(Watch(("one",)))
    assert (len(seen.calls), seen.more) == (MOST_ROWS, True)
