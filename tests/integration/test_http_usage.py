"""Usage and budgets over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import aiohttp
import msgspec
import pytest
from tests.support.http_world import (
    ACME,
    KEY,
    MESSAGE,
    OPERATOR_KEY,
    READER_KEY,
    RecordWorld,
    World,
    running_record_world,
    running_world,
)
from tests.support.node_world import SwitchedSpending
from tests.support.stores import accepted, leg, start_all, waiting

from offhook.codes import CallStatus, SessionStatus
from offhook.session.ports.record import NodeRole
from offhook.session.ports.stores import Store
from offhook.session.session import Charge
from offhook.session.spending import Budget

NOW = datetime.now(UTC)
TODAY = NOW.date().isoformat()
CHARGE = Charge(
    increment="60+60",
    billable_seconds=120,
    currency="USD",
    unit_price=Decimal("0.05"),
    total=Decimal("0.1"),
)


async def fill(store: Store) -> None:
    """A session of acme_corp with a call that was answered and one that was busy."""
    node = await store.register_node("n", NodeRole.VOICE, NOW)
    await accepted(store, waiting())
    (decision,) = await store.claim(node, start_all, NOW, limit=1)
    answered = msgspec.structs.replace(
        leg(),
        destination="+6591234567",
        initiated_at=NOW,
        connected_at=NOW,
        disconnected_at=NOW + timedelta(seconds=61),
        status=CallStatus.COMPLETED,
        charge=CHARGE,
    )
    busy = msgspec.structs.replace(answered, connected_at=None, charge=None, status=CallStatus.BUSY)
    ended = msgspec.structs.replace(
        decision.session, status=SessionStatus.COMPLETED, legs=(answered, busy)
    )
    await store.save(node, ended)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[RecordWorld]:
    async with running_record_world(tmp_path) as running:
        await fill(running.store)
        yield running


async def get(world: RecordWorld | World, path: str, key: str = KEY) -> tuple[int, Any]:
    async with world.client(key) as client, client.get(world.url(path)) as response:
        return response.status, await response.json()


async def test_usage_is_told_by_day_and_country_with_exact_costs(world: RecordWorld) -> None:
    status, found = await get(world, "usage")
    assert status == 200
    common = {"subAccountId": "acme_corp", "day": TODAY, "direction": "OUTBOUND"}
    none = {"seconds": 0, "billableSeconds": 0, "cost": "0"}
    billed = {"seconds": 61, "billableSeconds": 120, "cost": "0.1", "currency": "USD"}
    busy = {"calls": 1, "answered": 0, "answerRate": 0.0, **none}
    answered = {"calls": 1, "answered": 1, "answerRate": 1.0, **billed}
    assert found == {
        "since": NOW.date().replace(day=1).isoformat(),
        "until": TODAY,
        "totals": [busy, answered],
        "usage": [
            {**common, "countryCode": "SG", **busy},
            {**common, "countryCode": "SG", **answered},
        ],
        "statusCode": 0,
        "statusMessage": "ok",
    }
    assert (await get(world, "usage?month=2001-01"))[1]["usage"] == []
    assert (await get(world, f"usage?month={TODAY[:7]}"))[1]["usage"] == found["usage"]
    assert (await get(world, f"usage?since={TODAY}&until={TODAY}"))[1]["usage"] == found["usage"]


async def test_the_operator_sees_the_usage_of_all(world: RecordWorld) -> None:
    status, found = await get(world, "/admin/v1/usage", OPERATOR_KEY)
    assert (status, len(found["usage"])) == (200, 2)
    assert (await get(world, "/admin/v1/usage", KEY))[0] == 401


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("month=2026-13", "month"),
        ("month=0000-01", "month"),
        ("month=26-1", "month"),
        ("month=2026-11-28", "month"),
        ("month=", "month"),
        ("month=2026-11&since=2026-11-01", "month"),
        ("month=2026-11&month=2026-11", "month"),
        ("since=yesterday", "since"),
        ("since=2026-02-30", "since"),
        ("since=20260228", "since"),
        ("until=2026-1-1", "until"),
        ("since=2026-11-02&until=2026-11-01", "since"),
        ("since=2020-11-02&until=2026-11-01", "since"),
        ("days=3", "days"),
    ],
)
async def test_a_bad_period_is_named(world: RecordWorld, query: str, named: str) -> None:
    for path, key in (("usage", KEY), ("/admin/v1/usage", OPERATOR_KEY)):
        status, found = await get(world, f"{path}?{query}", key)
        assert (status, found["message"].partition(":")[0]) == (422, named)


async def test_usage_needs_a_key_that_may_read_sessions() -> None:
    async with running_world() as world:
        assert (await get(world, "usage", READER_KEY))[0] == 200
        assert (await get(world, "usage", "none"))[0] == 401


class TestBudget:
    """Of a sub-account over its real record."""

    BUDGET: ClassVar = {"accountId": "acme", "dailyMinutes": 10, "dailyCost": "12.50"}

    async def put(self, client: aiohttp.ClientSession, world: RecordWorld, **body: object) -> Any:
        url = world.url("/admin/v1/subaccounts/new_corp")
        data = json.dumps({**self.BUDGET, **body})
        async with client.put(url, data=data) as response:
            return response.status, await response.json()

    async def test_the_operator_sets_it(self, world: RecordWorld) -> None:
        async with world.client(OPERATOR_KEY) as client:
            status, shown = await self.put(client, world)
        assert (status, shown["dailyMinutes"], shown["dailyCost"]) == (200, 10, "12.5")
        stored = world.directory.sub_account("new_corp")
        assert stored is not None
        assert stored.budget == Budget(daily_minutes=10, daily_cost=Decimal("12.50"))

    async def test_the_customer_sees_what_is_left_of_it(self) -> None:
        async with running_world() as world:
            await fill(world.store)
            budget = Budget(daily_minutes=4, daily_cost=Decimal("10"))
            world.directory.configured["acme_corp"] = msgspec.structs.replace(ACME, budget=budget)
            await world.directory.refresh()
            _, found = await get(world, "usage")
        assert found["budget"] == {
            "dailyMinutes": 4,
            "dailyCost": "10",
            "spentMinutes": "2",
            "spentCost": "0.1",
            "usedPart": 0.5,
        }

    @pytest.mark.parametrize(
        "bad",
        [
            {"dailyMinutes": 0},
            {"dailyMinutes": 1.5},
            {"dailyMinutes": "10"},
            {"dailyCost": 12.5},
            {"dailyCost": "-1"},
            {"dailyCost": "1e3"},
            {"dailyCost": "0.1234567"},
            {"dailyCost": ""},
        ],
    )
    async def test_a_bad_one_is_named(self, world: RecordWorld, bad: dict[str, object]) -> None:
        async with world.client(OPERATOR_KEY) as client:
            status, answer = await self.put(client, world, **bad)
        assert status == 422
        assert answer["message"].startswith(next(iter(bad)))

    @pytest.mark.parametrize("path", ["callflows", "calls"])
    async def test_once_it_is_spent_callflows_are_refused_until_midnight(self, path: str) -> None:
        spending = SwitchedSpending()
        async with running_world(spending=spending) as world, world.client() as client:
            body = json.dumps(MESSAGE)
            async with client.post(world.url(path), data=body) as response:
                assert response.status == 200
            spending.reason = "the budget of the day is spent: 10 minutes"
            async with client.post(world.url(path), data=body) as response:
                answer = await response.json()
                wait = int(response.headers["retry-after"])
            async with client.post(world.url("callflows/validate"), data=body) as response:
                assert response.status == 200
            assert len(world.store.records.sessions) == 1
        assert response.status == 200
        assert (answer["sessionStatus"], answer["statusCode"]) == ("NOT_CREATED", 429)
        assert answer["statusMessage"] == answer["message"] == "Too many requests"
        (error,) = answer["errors"]
        assert error["message"] == "the budget of the day is spent: 10 minutes"
        assert (error["statusCode"], error["path"]) == (429, "$")
        midnight = (datetime.now(UTC) + timedelta(days=1)).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        assert abs((midnight - datetime.now(UTC)).total_seconds() - wait) < 60
