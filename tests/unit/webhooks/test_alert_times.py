"""The operator's alerts with time given by hand: how often each is told, and what is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from multidict import CIMultiDict

from offhook.clock import Clock
from offhook.config import AlertsSection
from offhook.net.http_client import HttpRequester, HttpResponse
from offhook.session.ports.phone_bindings import FirstCall
from offhook.store.memory import MemoryStore
from offhook.webhooks.alerts import OperatorAlerts

START = datetime(2026, 1, 1, tzinfo=UTC)
A_DAY = 86_400.0
TEN_MINUTES = 600.0
MOST, TRIES = 200, 20
"""Alerts that wait, and tries of each."""
SECTION = AlertsSection(url="http://ops.example/alerts")


class Steps(Clock):
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


class Operator(HttpRequester):
    """Stands for the receiver of alerts."""

    def __init__(self) -> None:
        self.status = 200
        self.tries: list[str] = []
        """What each request told, taken or not."""
        self.told: list[tuple[str, dict[str, Any]]] = []

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, **rest: Any
    ) -> HttpResponse:
        """See :meth:`offhook.net.http_client.HttpRequester.request`."""
        alert = json.loads(body)
        self.tries.append(alert["type"])
        if self.status == 200:
            self.told.append((alert["type"], alert["data"]))
        answer = CIMultiDict[str]()
        return HttpResponse(status=self.status, headers=answer, body=b"", url=url)


class World:
    """A store, the operator, and the alerts of one process."""

    def __init__(self) -> None:
        self.clock = Steps()
        self.store = MemoryStore()
        self.operator = Operator()
        self.alerts = self.restarted()

    def restarted(self) -> OperatorAlerts:
        """The alerts of a process that has just begun."""
        return OperatorAlerts(self.operator, self.clock, SECTION)

    async def turn(self) -> list[tuple[str, dict[str, Any]]]:
        """One look and what is sent after it; returns what was told."""
        self.operator.told.clear()
        await self.alerts.look(self.store)
        await self.alerts.send()
        return list(self.operator.told)


async def test_a_trouble_that_goes_on_is_told_again_after_a_day_and_not_before() -> None:
    world = World()
    world.alerts.failing("acme", "VSS", "h", "HTTP 503")
    assert len(await world.turn()) == 1
    world.clock.seconds = A_DAY - 1
    world.alerts.failing("acme", "VSS", "h", "HTTP 503")
    assert await world.turn() == []
    world.clock.seconds = A_DAY
    world.alerts.failing("acme", "VSS", "h", "HTTP 503")
    assert len(await world.turn()) == 1
    world.clock.seconds = A_DAY + 1
    world.alerts.failing("acme", "VSS", "h", "HTTP 503")
    assert await world.turn() == [], "the day begins anew"


async def test_a_trouble_that_ended_is_told_when_it_begins_once_more() -> None:
    world = World()
    kinds = []
    for _ in range(2):
        world.alerts.failing("acme", "VSS", "h", "HTTP 503")
        world.alerts.recovered("acme", "VSS")
        kinds += [kind for kind, _ in await world.turn()]
    assert kinds == ["endpoint.failing", "endpoint.recovered"] * 2


async def test_webhooks_given_up_are_counted_from_nought_after_each_word() -> None:
    world = World()
    world.alerts.gave_up("acme", "VSS")
    world.alerts.gave_up("acme", "VSS")
    assert [data["count"] for _, data in await world.turn()] == [2]
    world.alerts.gave_up("acme", "VSS")
    world.clock.seconds = TEN_MINUTES - 0.1
    assert await world.turn() == []
    world.clock.seconds = TEN_MINUTES
    assert [data["count"] for _, data in await world.turn()] == [1]
    world.clock.seconds = 2 * TEN_MINUTES
    assert await world.turn() == [], "there is nothing more to tell"
    world.clock.seconds += 1
    world.alerts.gave_up("acme", "VSS")
    assert [data["count"] for _, data in await world.turn()] == [1]
    world.alerts.gave_up("acme", "VSS")
    world.clock.seconds += TEN_MINUTES - 0.1
    assert await world.turn() == [], "ten minutes from the last word, not from the first"


async def test_only_so_many_endpoints_are_counted_and_those_go_on_counting() -> None:
    world = World()
    for number in range(MOST + 1):
        world.alerts.gave_up(f"a{number}", "VSS")
    world.alerts.gave_up("a0", "VSS")
    told = await world.turn()
    assert len(told) == MOST
    assert told[0][1]["count"] == 2


async def test_of_too_many_alerts_the_oldest_are_dropped() -> None:
    world = World()
    for number in range(MOST + 1):
        world.alerts.failing(f"a{number}", "VSS", "h", "HTTP 503")
    told = [data["subAccountId"] for _, data in await world.turn()]
    assert (len(told), told[0], told[-1]) == (MOST, "a1", f"a{MOST}")


async def test_an_alert_is_tried_twenty_times_and_the_next_one_has_tries_of_its_own() -> None:
    world = World()
    world.operator.status = 500
    world.alerts.failing("acme", "VSS", "h", "HTTP 503")
    world.alerts.recovered("acme", "VSS")
    for _ in range(TRIES + 1):
        await world.turn()
    assert world.operator.tries == ["endpoint.failing"] * TRIES + ["endpoint.recovered"]
    world.operator.status = 200
    assert [kind for kind, _ in await world.turn()] == ["endpoint.recovered"]


async def test_a_first_call_is_told_once_even_a_day_later() -> None:
    world = World()
    world.clock.seconds = 5
    await world.store.put_first_call(
        FirstCall(sub_account_id="acme", country="CU", at=world.clock.now(), session_id="s")
    )
    assert [kind for kind, _ in await world.turn()] == ["country.first_call"]
    world.clock.seconds += A_DAY + 1
    assert await world.turn() == []


async def test_a_process_that_begins_tells_no_old_first_calls() -> None:
    world = World()
    await world.store.put_first_call(
        FirstCall(sub_account_id="acme", country="CU", at=world.clock.now(), session_id="s")
    )
    world.clock.seconds = 3600
    world.alerts = world.restarted()
    assert await world.turn() == []
