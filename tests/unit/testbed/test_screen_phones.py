"""Who holds a built-in phone on a screen, and who does not."""

from __future__ import annotations

import asyncio
from functools import partial

import msgspec
import pytest

from offhook.fabric.memory import MemoryFabric
from offhook.session.ports.screen_orders import ORDERS, ScreenOrder, screen_topic
from offhook.testbed.screen_phones import HELD_FOR, ScreenPhones

NUMBER = "+12025550100"
ONE, TWO = "1" * 32, "2" * 32


class Time:
    """Stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def _hear(heard: list[bytes], _topic: str, message: bytes) -> None:
    heard.append(message)


async def said(fabric: MemoryFabric, *orders: bytes) -> dict[str, list[bytes]]:
    """What two screens are told after orders."""
    told: dict[str, list[bytes]] = {ONE: [], TWO: []}
    for screen in told:
        fabric.subscribe(screen_topic(screen), partial(_hear, told[screen]))
    for order in orders:
        fabric.publish(ORDERS, order)
    for _ in range(5):
        await asyncio.sleep(0)
    return told


def hold(screen: str) -> bytes:
    return msgspec.json.encode(ScreenOrder(screen=screen, number=NUMBER, order="hold"))


def take(screen: str) -> bytes:
    return msgspec.json.encode(ScreenOrder(screen=screen, number=NUMBER, order="take"))


async def test_the_first_screen_holds_a_phone_until_it_stops_asking() -> None:
    fabric, time = MemoryFabric(), Time()
    await fabric.start()
    phones = ScreenPhones(fabric, time)
    assert phones.holder(NUMBER) is None
    told = await said(fabric, hold(ONE), hold(TWO))
    assert told == {ONE: [b"theld"], TWO: [b"ttaken"]}
    holder = phones.holder(NUMBER)
    assert holder is not None
    assert holder.name == ONE
    time.now = HELD_FOR + 0.1
    assert phones.holder(NUMBER) is None
    assert (await said(fabric, hold(TWO)))[TWO] == [b"theld"]
    phones.close()
    time.now = 100
    await said(fabric, hold(ONE))
    assert phones.holder(NUMBER) is None
    await fabric.close()


async def test_a_phone_is_taken_over_while_no_call_is_on_it() -> None:
    fabric, time = MemoryFabric(), Time()
    await fabric.start()
    phones = ScreenPhones(fabric, time)
    told = await said(fabric, hold(ONE), take(TWO), hold(ONE))
    assert told == {ONE: [b"theld", b"ttaken", b"ttaken"], TWO: [b"theld"]}
    holder = phones.holder(NUMBER)
    assert holder is not None
    assert holder.name == TWO
    with phones.ringing(holder):
        told = await said(fabric, take(ONE))
        assert told == {ONE: [b"ttaken"], TWO: [b"tringing"]}
        assert phones.holder(NUMBER) is holder
    assert (await said(fabric, take(ONE)))[ONE] == [b"theld"]
    await fabric.close()


@pytest.mark.parametrize(
    "order",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"screen": "1", "number": "1", "order": "hold"}',
        b'{"screen": "%s", "number": "1", "order": "key:11"}' % ONE.encode(),
        b'{"screen": "%s", "number": "1", "order": "hold\\n"}' % ONE.encode(),
    ],
)
async def test_strange_orders_do_nothing(order: bytes) -> None:
    fabric = MemoryFabric()
    await fabric.start()
    phones = ScreenPhones(fabric, Time())
    assert await said(fabric, order) == {ONE: [], TWO: []}
    assert phones.holder("1") is None
    await fabric.close()
