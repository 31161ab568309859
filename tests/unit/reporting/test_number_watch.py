"""What customers are told of their numbers (VNU), over a store in memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from offhook import config
from offhook.clock import Clock
from offhook.reporting.number_watch import LEASE, NumberWatch
from offhook.session.number_states import NumberTerms
from offhook.session.ports.operating import TrunkState
from offhook.session.ports.record import OutboxType
from offhook.session.ports.tenants import SubAccounts
from offhook.session.tenancy import SubAccount, VirtualNumber, Webhook, WebhookType
from offhook.store.memory import MemoryRecords, MemoryStore
from offhook.webhooks.reports import MOST_NUMBERS, WebhookReports

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
VNU = {WebhookType.VNU: Webhook(type=WebhookType.VNU, url="https://acme.example/vnu")}
FIRST, SECOND = "+6568332048", "+6568332049"


class World(SubAccounts, Clock):
    """A sub-account with numbers, a store, and as many watching processes as a test wants."""

    def __init__(self) -> None:
        self.at = NOON
        self.owners: Sequence[SubAccount] = ()
        self.records = MemoryRecords()
        self.store = MemoryStore(self.records)
        self.wakes = 0
        self.routes = config.Config(
            routes=(config.RouteSection(prefix="+65", trunks=("carrier",)),)
        )
        self.has(FIRST)

    def has(
        self, *numbers: str, webhooks: dict[WebhookType, Webhook] = VNU, **changes: object
    ) -> None:
        """Acme has these numbers and webhooks from now on."""
        made = [VirtualNumber(msisdn=number) for number in numbers]
        made = [msgspec.structs.replace(number, **changes) for number in made]
        acme = SubAccount(
            sub_account_id="acme", account_id="a", numbers=tuple(made), webhooks=webhooks
        )
        self.owners = (acme,)

    def process(self) -> NumberWatch:
        """Another process."""
        return NumberWatch(
            store=self.store,
            sub_accounts=self.sub_accounts,
            terms=NumberTerms(self.routes, self.sub_account),
            reports=WebhookReports(self),
            clock=self,
            on_outbox=self.woken,
        )

    async def trunk(self, *, up: bool) -> None:
        """The trunk answers, or does not."""
        state = TrunkState(trunk="carrier", up=up, since=self.at)
        await self.store.put_trunk_state("n1", state)

    async def told(self) -> list[dict[str, Any]]:
        """The payloads since the last call, oldest first."""
        found, _ = await self.store.deliveries_of_type("acme", OutboxType.VNU, limit=200)
        self.records.outbox.clear()
        return [json.loads(each.payload)["payload"] for each in reversed(found)]

    def woken(self) -> None:
        self.wakes += 1

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return 0.0

    def sub_accounts(self) -> Sequence[SubAccount]:
        return self.owners

    def sub_account(self, sub_account_id: str) -> SubAccount | None:
        return next((o for o in self.owners if o.sub_account_id == sub_account_id), None)


def brief(payload: dict[str, Any]) -> tuple[str, int, list[tuple[str, str, str]]]:
    """Kind, total, and each number's status and whether it was updated."""
    numbers = [
        (each["msisdn"], each["operationalStatus"], each["updateStatus"])
        for each in payload["virtualNumbers"]
    ]
    return payload["updateEventType"], payload["totalNumbers"], numbers


async def test_a_new_webhook_is_told_of_all_numbers_once() -> None:
    world = World()
    world.has(FIRST, SECOND, rental_price=Decimal("1.50"))
    watch = world.process()
    await watch.look()
    await watch.look()
    (payload,) = await world.told()
    assert brief(payload) == (
        "SNAPSHOT",
        2,
        [(FIRST, "Active", "UPDATED"), (SECOND, "Active", "UPDATED")],
    )
    assert payload["virtualNumbers"][0] == {
        "msisdn": FIRST,
        "updatedTimestamp": "2026-11-28T12:00:00Z",
        "countryCode": "SG",
        "operationalStatus": "Active",
        "rentalPrice": 1.5,
        "incomingRate": 0,
        "billingUnit": 1,
        "billingCurrency": "USD",
        "numberHealthCheckEnabled": True,
        "updateStatus": "UPDATED",
    }
    assert world.wakes == 1


async def test_another_url_is_told_of_all_numbers_again() -> None:
    world = World()
    watch = world.process()
    await watch.look()
    elsewhere = Webhook(type=WebhookType.VNU, url="https://acme.example/other")
    world.has(FIRST, webhooks={WebhookType.VNU: elsewhere})
    await world.told()
    await watch.look()
    (payload,) = await world.told()
    assert brief(payload) == ("SNAPSHOT", 1, [(FIRST, "Active", "NO_CHANGE")])


async def test_what_changed_is_told_and_nothing_else() -> None:
    world = World()
    world.has(FIRST, SECOND)
    watch = world.process()
    await watch.look()
    await world.told()
    world.has(FIRST, SECOND)
    await watch.look()
    assert await world.told() == []
    numbers = world.owners[0].numbers
    changed = msgspec.structs.replace(numbers[1], rental_price=Decimal(3))
    world.owners = (msgspec.structs.replace(world.owners[0], numbers=(numbers[0], changed)),)
    world.at += timedelta(seconds=60)
    await watch.look()
    (payload,) = await world.told()
    assert brief(payload) == ("UPDATES", 2, [(SECOND, "Active", "UPDATED")])
    assert payload["virtualNumbers"][0]["updatedTimestamp"] == "2026-11-28T12:01:00Z"


async def test_a_trunk_that_goes_down_and_comes_back_is_told_twice() -> None:
    world = World()
    watch = world.process()
    await watch.look()
    await world.told()
    await world.trunk(up=False)
    await watch.look()
    world.at += timedelta(seconds=5)
    await world.trunk(up=True)
    await watch.look()
    assert [brief(each)[2] for each in await world.told()] == [
        [(FIRST, "Unhealthy", "UPDATED")],
        [(FIRST, "Active", "UPDATED")],
    ]


async def test_a_number_that_is_withdrawn_is_told_as_inactive_once() -> None:
    world = World()
    world.has(FIRST, SECOND)
    watch = world.process()
    await watch.look()
    await world.told()
    world.has(FIRST)
    await watch.look()
    (payload,) = await world.told()
    assert brief(payload) == ("UPDATES", 1, [(SECOND, "Inactive", "UPDATED")])
    world.has(FIRST)
    await watch.look()
    assert await world.told() == []


async def test_without_a_webhook_nothing_is_told_but_dates_are_kept() -> None:
    world = World()
    world.has(FIRST, webhooks={})
    watch = world.process()
    await watch.look()
    assert await world.told() == []
    (state,) = await world.store.number_states("acme")
    assert (state.created_at, state.updated_at) == (NOON, NOON)
    world.at += timedelta(days=1)
    world.has(FIRST)
    await watch.look()
    (payload,) = await world.told()
    assert brief(payload) == ("SNAPSHOT", 1, [(FIRST, "Active", "NO_CHANGE")])


async def test_a_disabled_webhook_is_told_nothing() -> None:
    world = World()
    off = Webhook(type=WebhookType.VNU, url="https://acme.example/vnu", enabled=False)
    world.has(FIRST, webhooks={WebhookType.VNU: off})
    await world.process().look()
    assert await world.told() == []


async def test_a_number_that_begins_to_expire_overnight_is_told() -> None:
    world = World()
    world.has(FIRST, expires=(NOON + timedelta(days=31)).date())
    watch = world.process()
    await watch.look()
    await world.told()
    world.at += timedelta(days=1)
    await watch.look()
    (payload,) = await world.told()
    assert brief(payload)[2] == [(FIRST, "Expiring", "UPDATED")]


async def test_one_process_tells_and_another_goes_on_when_it_dies() -> None:
    world = World()
    first, second = world.process(), world.process()
    await first.look()
    await second.look()
    assert len(await world.told()) == 1
    world.has(FIRST, SECOND)
    await second.look()
    assert await world.told() == []
    world.at += timedelta(seconds=LEASE + 1)
    await second.look()
    (payload,) = await world.told()
    assert brief(payload) == ("UPDATES", 2, [(SECOND, "Active", "UPDATED")])
    await first.look()
    assert await world.told() == []


async def test_what_another_node_was_told_of_stays() -> None:
    world = World()
    await world.process().look()
    world.owners = ()
    world.at += timedelta(seconds=LEASE + 1)
    await world.process().look()
    assert len(await world.store.number_states("acme")) == 1


async def test_a_long_list_is_told_in_several_deliveries() -> None:
    world = World()
    world.has(*(f"+656833{number:04}" for number in range(MOST_NUMBERS + 1)))
    await world.process().look()
    payloads = await world.told()
    assert [each["totalNumbers"] for each in payloads] == [MOST_NUMBERS + 1] * 2
    numbers = {n["msisdn"] for each in payloads for n in each["virtualNumbers"]}
    assert len(numbers) == MOST_NUMBERS + 1
