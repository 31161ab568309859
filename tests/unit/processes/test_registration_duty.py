"""Which machine registers with a trunk: each, or one of them; none that is drained or stops."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Literal, cast

import pytest

from offhook import config
from offhook.clock import Clock
from offhook.processes.registration_duty import LEASE, RegistrationDuty
from offhook.session.ports.number_records import Numbers
from offhook.session.ports.record import StoreUnavailable
from offhook.store.memory.memory_numbers import MemoryNumbers
from offhook.telephony.trunk_registrations import TrunkRegistrations
from offhook.telephony.trunks import Trunk, trunk_of

NOW = datetime.fromisoformat("2026-11-28T10:00:00+00:00")


def registering(name: str, register_on: Literal["each", "one"]) -> Trunk:
    section = config.TrunkSection(
        name=name,
        address="udp:192.0.2.9:5060",
        username="line1",
        password="secret",
        register=True,
        register_on=register_on,
    )
    return trunk_of(section)


TRUNKS = {
    "each": registering("each", "each"),
    "one": registering("one", "one"),
    "plain": trunk_of(config.TrunkSection(name="plain", address="udp:192.0.2.10:5060")),
}


class Site:
    """Machines with one database and one clock."""

    def __init__(self) -> None:
        self.now = NOW
        self.away = False
        self.trunks: Mapping[str, Trunk] = TRUNKS
        self.registered: dict[str, set[str]] = {}
        self._numbers = MemoryNumbers()

    def machine(self, name: str) -> RegistrationDuty:
        def use(trunks: Mapping[str, Trunk]) -> None:
            self.registered[name] = {each.name for each in trunks.values() if each.registrars}

        registrations = SimpleNamespace(use=use, stop=lambda: use({}))
        return RegistrationDuty(
            cast(TrunkRegistrations, registrations),
            lambda: self.trunks,
            cast(Numbers, SimpleNamespace(take_duty=self._take_duty)),
            cast(Clock, SimpleNamespace(now=lambda: self.now)),
            name,
        )

    async def _take_duty(self, name: str, owner: str, now: datetime, *, lease: float) -> bool:
        if self.away:
            raise StoreUnavailable("away")
        return await self._numbers.take_duty(name, owner, now, lease=lease)

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def site() -> Site:
    return Site()


async def test_one_machine_registers_and_another_when_it_dies(site: Site) -> None:
    a, b = site.machine("a"), site.machine("b")
    for _ in range(3):
        await a.once()
        await b.once()
        assert site.registered == {"a": {"each", "one"}, "b": {"each"}}
        site.passes(LEASE - 1)
    await b.once()  # a is dead, but for a second its lease runs
    assert site.registered["b"] == {"each"}
    site.passes(2)
    await b.once()
    assert site.registered["b"] == {"each", "one"}
    await a.once()  # it was only cut off
    assert site.registered["a"] == {"each"}


async def test_a_drained_machine_is_registered_nowhere_and_another_takes_its_place(
    site: Site,
) -> None:
    a, b = site.machine("a"), site.machine("b")
    await a.once()
    await b.once()
    a.pause()
    await a.once()
    assert site.registered["a"] == set()
    site.passes(0.1)
    await b.once()
    assert site.registered["b"] == {"each", "one"}
    a.resume()
    await a.once()
    assert site.registered["a"] == {"each"}


async def test_a_machine_that_stops_leaves_its_duty_at_once(site: Site) -> None:
    a, b = site.machine("a"), site.machine("b")
    stopping = asyncio.Event()
    running = asyncio.create_task(a.run(stopping))
    while "a" not in site.registered:
        await asyncio.sleep(0)
    await b.once()
    stopping.set()
    await running
    assert site.registered == {"a": set(), "b": {"each"}}
    site.passes(0.1)
    await b.once()
    assert site.registered["b"] == {"each", "one"}


async def test_a_machine_that_ends_before_it_stops_is_registered_no_more(site: Site) -> None:
    a, b = site.machine("a"), site.machine("b")
    running = asyncio.create_task(a.run(asyncio.Event()))
    while "a" not in site.registered:
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert site.registered["a"] == set()
    site.passes(0.1)
    await b.once()
    assert site.registered["b"] == {"each", "one"}


async def test_while_the_database_is_away_everything_stays_as_it_is(site: Site) -> None:
    a, b = site.machine("a"), site.machine("b")
    await a.once()
    await b.once()
    site.away = True
    site.passes(2 * LEASE)
    await a.once()
    await b.once()
    assert site.registered == {"a": {"each", "one"}, "b": {"each"}}


async def test_a_trunk_that_is_taken_out_is_left_to_others(site: Site) -> None:
    a, b = site.machine("a"), site.machine("b")
    await a.once()
    site.trunks = {}
    a.look()
    await a.once()
    assert site.registered["a"] == set()
    site.trunks = TRUNKS
    site.passes(0.1)
    await b.once()
    assert site.registered["b"] == {"each", "one"}
