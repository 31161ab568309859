"""Which registrations run, and what is told of them."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest

from offhook import config
from offhook.config import TrunkPlace
from offhook.sip import Address, AnyEvent, Credentials, RegistrationChanged
from offhook.telephony import trunk_registrations
from offhook.telephony.endpoint import SipEndpoint
from offhook.telephony.transports.locator import CannotLocate
from offhook.telephony.trunk_health import TrunkHealth
from offhook.telephony.trunk_registrations import TrunkRegistrations
from offhook.telephony.trunks import Trunk, trunk_of

FIRST, SECOND = Address("udp", "192.0.2.9", 5060), Address("udp", "192.0.2.10", 5060)


class World:
    """Registrations over an endpoint that notes what it is told, and a name service in the test's hands."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Address, ...]]] = []
        self.health: list[tuple[str, str | None]] = []
        self.orders: list[dict[str, Any]] = []
        self.found: list[Address] = [FIRST]
        self.looked_up = 0
        self.slow: asyncio.Event | None = None
        """Where the name service answers only when this is set."""
        self.listeners: dict[str, Any] = {}
        agent = SimpleNamespace(
            register=self._register,
            unregister=lambda handle, _now: self.asked.append((f"end {handle}", ())),
            move_registration=lambda handle, to: self.asked.append((f"move {handle}", tuple(to))),
        )

        class Command:
            def __enter__(self) -> tuple[Any, float]:
                return agent, 1.0

            def __exit__(self, *_error: object) -> None:
                return

        endpoint = SimpleNamespace(
            command=Command,
            locator=SimpleNamespace(find=self._find),
            listen=self.listeners.__setitem__,
        )
        health = SimpleNamespace(
            registered=lambda trunk, problem: self.health.append((trunk, problem))
        )
        self.kept = TrunkRegistrations(cast(SipEndpoint, endpoint), cast(TrunkHealth, health))

    def _register(self, _now: float, **order: Any) -> str:
        self.orders.append(order)
        self.asked.append((order["registrar_uri"], tuple(order["registrars"])))
        return f"r{len(self.asked)}"

    async def _find(self, place: TrunkPlace) -> list[Address]:
        self.looked_up += 1
        if self.slow is not None:
            await self.slow.wait()
        if not self.found:
            raise CannotLocate(f"cannot look up {place.host}")
        return self.found

    async def uses(self, **trunks: Trunk) -> None:
        self.kept.use(trunks)
        await self.settle()

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    def happens(self, handle: str, **facts: Any) -> None:
        event: AnyEvent = RegistrationChanged(handle=handle, **facts)
        self.listeners[handle](event)


def trunk(name: str = "carrier", **keys: Any) -> Trunk:
    usual: dict[str, Any] = {
        "address": "sip:carrier.example",
        "username": "line1",
        "password": "secret",
        "register": True,
    }
    return trunk_of(config.TrunkSection(name=name, **(usual | keys)))


async def test_a_trunk_without_register_is_left_alone() -> None:
    world = World()
    await world.uses(carrier=trunk(register=False))
    assert world.asked == []


async def test_the_servers_of_the_domain_are_asked() -> None:
    world = World()
    world.found = [FIRST, SECOND]
    await world.uses(carrier=trunk())
    assert world.asked == [("sip:carrier.example", (FIRST, SECOND))]


async def test_a_reload_changes_only_what_has_changed() -> None:
    world = World()
    await world.uses(carrier=trunk(), other=trunk("other", domain="other.example"))
    await world.uses(carrier=trunk(channels=5), other=trunk("other", password="new"))
    assert [what for what, _ in world.asked[2:]] == ["end r2", "sip:carrier.example"]
    await world.uses()
    assert {what for what, _ in world.asked[4:]} == {"end r1", "end r4"}


async def test_stopping_takes_all_back() -> None:
    world = World()
    await world.uses(carrier=trunk())
    world.kept.stop()
    assert world.asked[-1] == ("end r1", ())


async def test_a_failure_is_told_once_and_the_names_are_looked_up_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    world = World()
    await world.uses(carrier=trunk())
    world.found = [SECOND]
    for _ in range(2):
        world.happens("r1", granted=None, problem="403 Forbidden")
        await world.settle()
    assert world.asked[1:] == [("move r1", (SECOND,))] * 2
    world.happens("r1", granted=600)
    world.happens("r1", granted=600)
    assert [record.message for record in caplog.records] == [
        "trunk carrier: not registered: REGISTER: 403 Forbidden",
        "trunk carrier: registered for 600 s",
    ]
    assert world.health == [("carrier", "REGISTER: 403 Forbidden")] * 2 + [("carrier", None)] * 2


async def test_a_name_that_is_not_found_is_told_and_looked_up_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trunk_registrations, "RETRY", 0.0)
    world = World()
    world.found = []
    await world.uses(carrier=trunk())
    assert world.health[0] == ("carrier", "REGISTER: cannot look up carrier.example")
    world.found = [FIRST]
    await world.settle()
    assert world.asked == [("sip:carrier.example", (FIRST,))]


async def test_what_is_registered_is_the_account_in_its_domain() -> None:
    world = World()
    await world.uses(carrier=trunk(domain="voice.example", register_expires=300))
    [order] = world.orders
    assert order["registrar_uri"] == "sip:voice.example"
    assert order["aor"] == "sip:line1@voice.example"
    assert order["contact_user"] == trunk().contact_user
    assert order["credentials"] == Credentials("line1", "secret")
    assert order["expires"] == 300


async def test_a_trunk_that_goes_while_its_names_are_looked_up_is_not_registered() -> None:
    world = World()
    world.slow = asyncio.Event()
    await world.uses(carrier=trunk())
    await world.uses()
    world.slow.set()
    await world.settle()
    assert world.asked == []


async def test_names_are_looked_up_once_at_a_time() -> None:
    world = World()
    await world.uses(carrier=trunk())
    world.slow = asyncio.Event()
    for _ in range(3):
        world.happens("r1", granted=None, problem="408 Request Timeout")
        await world.settle()
    assert world.looked_up == 2
    world.slow.set()
    await world.settle()
    assert world.asked[1:] == [("move r1", (FIRST,))]


async def test_the_end_of_a_registration_says_nothing_of_the_next_one() -> None:
    world = World()
    await world.uses(carrier=trunk())
    await world.uses(carrier=trunk(password="new"))
    world.happens("r1", granted=None, ended=True)
    await world.settle()
    assert (world.health, world.looked_up) == ([], 2)


async def test_a_late_answer_to_a_trunk_that_is_gone_counts_no_more() -> None:
    world = World()
    await world.uses(carrier=trunk())
    await world.uses()
    world.happens("r1", granted=600)
    assert world.health == []


async def test_a_trunk_that_comes_back_tells_its_problem_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    for handle in ("r1", "r3"):
        await world.uses(carrier=trunk())
        world.happens(handle, granted=None, problem="403 Forbidden")
        await world.uses()
        world.asked = world.asked[:2]
    assert len(caplog.records) == 2
