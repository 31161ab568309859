"""Places are shared out among owners, not first come, first served."""

from __future__ import annotations

import asyncio

import pytest

from offhook.speech.shares import FairPlaces, TooBusy


class Work:
    """Holds places until it is let go, and remembers who got one."""

    def __init__(self, places: FairPlaces) -> None:
        self._places = places
        self.order: list[str] = []
        self._gates: list[asyncio.Event] = []
        self.tasks: list[asyncio.Task[None]] = []

    def ask(self, owner: str) -> asyncio.Task[None]:
        self.tasks.append(asyncio.create_task(self._hold(owner)))
        return self.tasks[-1]

    async def finish_one(self) -> None:
        self._gates.pop(0).set()
        await settle()

    async def finish_all(self) -> None:
        while self._gates:
            await self.finish_one()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _hold(self, owner: str) -> None:
        async with self._places.place(owner):
            self.order.append(owner)
            gate = asyncio.Event()
            self._gates.append(gate)
            await gate.wait()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_an_owner_with_one_request_comes_right_after_the_one_that_runs() -> None:
    work = Work(FairPlaces(1, waiting=100, patience=60))
    for _ in range(10):
        work.ask("greedy")
    await settle()
    work.ask("modest")
    await settle()
    await work.finish_one()
    await work.finish_one()
    assert work.order[:3] == ["greedy", "greedy", "modest"]
    await work.finish_all()
    assert len(work.order) == 11


async def test_owners_take_turns() -> None:
    work = Work(FairPlaces(1, waiting=100, patience=60))
    for owner in "aaabbbccc":
        work.ask(owner)
    await settle()
    await work.finish_all()
    assert "".join(work.order) == "aabcabcbc"


async def test_an_owner_leaves_places_to_others() -> None:
    work = Work(FairPlaces(4, per_owner=2, waiting=100, patience=60))
    for _ in range(5):
        work.ask("greedy")
    await settle()
    assert work.order == ["greedy"] * 2
    work.ask("modest")
    await settle()
    assert work.order[-1] == "modest"
    await work.finish_all()


async def test_an_owners_line_has_an_end_and_is_its_own() -> None:
    places = FairPlaces(1, waiting=2, patience=60)
    work = Work(places)
    for _ in range(3):
        work.ask("greedy")
    await settle()
    with pytest.raises(TooBusy, match="too many"):
        async with places.place("greedy"):
            pass
    work.ask("modest")
    await settle()
    await work.finish_all()
    assert work.order.count("modest") == 1


async def test_a_wait_has_an_end_and_costs_no_place() -> None:
    places = FairPlaces(1, waiting=2, patience=0.01)
    work = Work(places)
    work.ask("a")
    await settle()
    with pytest.raises(TooBusy, match="in time"):
        async with places.place("b"):
            pass
    await work.finish_all()
    async with places.place("b"):
        pass


@pytest.mark.parametrize("steps", range(6))
async def test_giving_up_at_any_moment_loses_no_place(steps: int) -> None:
    places = FairPlaces(1, waiting=10, patience=60)
    work = Work(places)
    work.ask("a")
    waiting = work.ask("b")
    await settle()
    work._gates[0].set()
    for _ in range(steps):
        await asyncio.sleep(0)
    waiting.cancel()
    await settle()
    await work.finish_all()
    async with asyncio.timeout(10), places.place("c"):
        pass
