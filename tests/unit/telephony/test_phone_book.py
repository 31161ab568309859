"""Phones that register: what is stored before they are answered, and what every process knows of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import cast

import pytest
from tests.support.held_line import HeldTransport
from tests.unit.sip.wire import PEER, request

from offhook import config
from offhook.aio import end_all
from offhook.clock import Clock, SystemClock
from offhook.fabric.memory import MemoryFabric
from offhook.session.ports.phone_bindings import PhoneBinding, Phones
from offhook.session.ports.record import StoreUnavailable
from offhook.sip import Address, Admitted, Judgement
from offhook.sip.message import Request
from offhook.sip.screen import Screen
from offhook.store.memory import MemoryStore
from offhook.telephony import phone_book, registrar
from offhook.telephony.endpoint import SipEndpoint
from offhook.telephony.phone_book import PhoneBook
from offhook.telephony.registrar import Registrar
from offhook.telephony.sip_users import sip_user_of

USER = sip_user_of(config.SipUserSection(username="alice", password="alice-secret", max_phones=2))
DESK, SOFT = "sip:alice@192.0.2.2:5060", "sip:alice@192.0.2.2:5070"


class LateClock(Clock):
    """The machine's clock, and how far the test has put it on."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return SystemClock().now() + self.ahead

    def monotonic(self) -> float:
        return SystemClock().monotonic()


class HeldStore:
    """A store in memory that can be away, slow, or broken."""

    def __init__(self) -> None:
        self.kept = MemoryStore()
        self.fails: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.reading = asyncio.Event()
        self.reading.set()
        self.begun = 0

    async def put_phones(
        self, user: str, put: Sequence[PhoneBinding], drop: Sequence[str], now: datetime
    ) -> None:
        self.begun += 1
        await self.gate.wait()
        if self.fails is not None:
            raise self.fails
        await self.kept.put_phones(user, put, drop, now)

    async def phones(self, now: datetime) -> Sequence[PhoneBinding]:
        found = await self.kept.phones(now)
        await self.reading.wait()
        if self.fails is not None:
            raise self.fails
        return found


class EveryPhone(Screen):
    """Takes every REGISTER as one of the user that its To names."""

    @property
    def takes_registers(self) -> bool:
        return True

    def ignores(self, request: Request, source: Address) -> bool:
        return False

    def judge(self, invite: Request, source: Address) -> Judgement:
        raise NotImplementedError

    def judge_register(self, request: Request, source: Address) -> Judgement:
        return Admitted("alice" if "alice" in (request.get("to") or "") else "nobody")


class World:
    """A registrar, and the book of another process beside its own."""

    def __init__(self) -> None:
        self.wire = HeldTransport()
        self.endpoint = SipEndpoint([self.wire])
        self.store = HeldStore()
        self.fabric = MemoryFabric()
        self.clock = LateClock()
        self.book, self.elsewhere = self._book(), self._book()
        self.registrar = Registrar(
            self.endpoint, self.book, self.clock, node="n1", users=lambda: {"alice": USER}
        )
        self._branches = 0
        self.waits: list[str | None] = []
        """Retry-After of the last answers."""

    def _book(self) -> PhoneBook:
        return PhoneBook(cast(Phones, self.store), self.fabric, self.clock)

    def registers(
        self, *contacts: str, seconds: int = 600, user: str = "alice", source: Address = PEER
    ) -> None:
        """A REGISTER arrives."""
        self._branches += 1
        lines = "".join(f"Contact: <{each}>;expires={seconds}\r\n" for each in contacts)
        message = request(
            "REGISTER",
            uri="sip:192.0.2.1",
            branch=f"z9hG4bK-{self._branches}",
            cseq=self._branches,
            call_id="phone",
            headers=lines,
        )
        message = message.replace(b"Contact: <sip:alice@192.0.2.2:5070>\r\n", b"", 1)
        message = message.replace(b"To: <sip:offhook@", b"To: <sip:" + user.encode() + b"@", 1)
        self.wire.receive(message, source)

    async def settles(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async def answers(self) -> list[str]:
        """What was answered since the last time."""
        await self.settles()
        words = [sent.word for sent in self.wire.sent if sent.word != "100 REGISTER"]
        self.waits = [sent.response.get("retry-after") for sent in self.wire.sent]
        self.wire.sent.clear()
        return words

    def contacts(self, book: PhoneBook | None = None) -> list[str]:
        return [phone.contact for phone in (book or self.book).of("alice")]


@asynccontextmanager
async def registering() -> AsyncIterator[World]:
    world = World()
    await world.fabric.start()
    world.endpoint.screen(EveryPhone())
    await world.endpoint.start()
    world.registrar.start()
    try:
        yield world
    finally:
        world.store.gate.set()
        world.store.reading.set()
        await world.registrar.close()
        await world.endpoint.close(grace=0.0)


async def test_a_phone_is_stored_before_it_is_answered() -> None:
    async with registering() as world:
        world.store.gate.clear()
        world.registers(DESK)
        assert await world.answers() == []
        world.store.gate.set()
        assert await world.answers() == ["200 REGISTER"]
        assert world.contacts() == [DESK]
        [stored] = await world.store.kept.phones(world.clock.now())
        assert (stored.contact, stored.node) == (DESK, "n1")


async def test_while_the_store_is_away_a_phone_is_asked_to_come_again() -> None:
    async with registering() as world:
        world.store.fails = StoreUnavailable("away")
        world.registers(DESK)
        assert await world.answers() == ["503 REGISTER"]
        assert world.waits == ["5"]
        assert world.contacts() == []


async def test_an_error_of_ours_is_answered_too() -> None:
    async with registering() as world:
        world.store.fails = RuntimeError("injected")
        world.registers(DESK)
        assert await world.answers() == ["500 REGISTER"]


async def test_a_user_who_was_removed_meanwhile_registers_no_phone() -> None:
    async with registering() as world:
        world.registers(DESK, user="bob")
        assert await world.answers() == ["403 REGISTER"]
        assert world.store.begun == 0


async def test_who_only_asks_changes_nothing() -> None:
    async with registering() as world:
        world.registers()
        assert await world.answers() == ["200 REGISTER"]
        assert world.store.begun == 0


async def test_phones_of_a_user_that_register_at_once_are_counted_one_after_the_other() -> None:
    async with registering() as world:
        world.store.gate.clear()
        for port in (1, 2, 3):
            world.registers(f"sip:alice@192.0.2.2:{port}")
        await world.settles()
        assert world.store.begun == 1
        world.store.gate.set()
        assert await world.answers() == ["200 REGISTER"] * 3
        assert len(world.contacts()) == USER.max_phones


async def test_more_registers_than_the_store_can_take_are_asked_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registrar, "MOST_AT_ONCE", 2)
    async with registering() as world:
        world.store.gate.clear()
        for contact in (DESK, SOFT, DESK):
            world.registers(contact)
        assert await world.answers() == ["503 REGISTER"]
        assert world.waits == ["5"]
        world.store.gate.set()
        assert await world.answers() == ["200 REGISTER"] * 2
        world.registers(SOFT)
        assert await world.answers() == ["200 REGISTER"]


async def test_a_closed_registrar_has_answered_what_it_had_begun() -> None:
    async with registering() as world:
        world.registers(DESK)
        await world.registrar.close()
        assert [sent.word for sent in world.wire.sent] == ["200 REGISTER"]


# --- the book


async def test_a_phone_is_called_over_the_connection_it_registered_over() -> None:
    async with registering() as world:
        flow = PEER._replace(flow=7)
        world.registers(DESK, source=flow)
        await world.answers()
        assert [address for _, address in world.book.reachable("alice")] == [flow]
        await world.elsewhere.read()
        assert [address for _, address in world.elsewhere.reachable("alice")] == [PEER]
        await world.book.read()
        assert [address for _, address in world.book.reachable("alice")] == [flow]


async def test_a_phone_that_has_registered_elsewhere_since_is_called_there() -> None:
    async with registering() as world:
        world.registers(DESK, source=PEER._replace(flow=7))
        await world.answers()
        [stored] = await world.store.kept.phones(world.clock.now())
        moved = PhoneBinding(
            **{name: getattr(stored, name) for name in stored.__struct_fields__}
            | {"host": "198.51.100.9"}
        )
        await world.elsewhere.change("alice", [moved], [], PEER)
        await world.book.read()
        [(_, address)] = world.book.reachable("alice")
        assert address == Address("udp", "198.51.100.9", PEER.port)


async def test_a_phone_that_unregisters_is_gone_for_all() -> None:
    async with registering() as world:
        world.registers(DESK, SOFT)
        await world.answers()
        world.registers(DESK, seconds=0)
        await world.answers()
        assert world.contacts() == [SOFT]
        await world.elsewhere.read()
        assert world.contacts(world.elsewhere) == [SOFT]
        assert set(world.book._flows) == {("alice", SOFT)}


async def test_a_phone_is_not_called_when_its_time_is_over() -> None:
    async with registering() as world:
        world.registers(DESK)
        await world.answers()
        world.clock.ahead = timedelta(seconds=601)
        assert world.contacts() == []
        await world.book.read()
        assert world.book._flows == {}


async def test_the_newest_phone_comes_first() -> None:
    async with registering() as world:
        world.registers(DESK)
        await world.answers()
        world.clock.ahead = timedelta(seconds=5)
        world.registers(SOFT)
        await world.answers()
        assert world.contacts() == [SOFT, DESK]


async def test_a_reading_that_a_change_overtook_is_not_used() -> None:
    async with registering() as world:
        world.store.reading.clear()
        reading = asyncio.get_running_loop().create_task(world.book.read())
        await world.settles()
        world.registers(DESK)
        assert await world.answers() == ["200 REGISTER"]
        world.store.reading.set()
        await reading
        assert world.contacts() == [DESK]


async def test_other_processes_read_when_they_are_told_and_keep_what_they_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(phone_book, "READ_EVERY", 3600.0)
    async with registering() as world:
        running = asyncio.get_running_loop().create_task(world.elsewhere.run())
        await world.settles()
        world.registers(DESK)
        await world.answers()
        assert world.contacts(world.elsewhere) == [DESK]
        before = phone_book.faults.total
        for errors, fault in enumerate((StoreUnavailable("away"), RuntimeError("injected"))):
            world.store.fails = fault
            world.fabric.publish(phone_book.TOPIC)
            await world.settles()
            assert world.contacts(world.elsewhere) == [DESK]
            assert not running.done()
            assert phone_book.faults.total == before + errors, "a store that is away is no bug"
        world.store.fails = None
        world.registers(SOFT)
        await world.answers()
        assert set(world.contacts(world.elsewhere)) == {DESK, SOFT}
        await end_all(running)
        assert world.fabric._subscriptions.patterns == ()
