"""What a process knows of today's spending."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from offhook.clock import Clock
from offhook.reporting.spending_watch import SpendingWatch
from offhook.session.ports.metering import Metering, UsageRecord
from offhook.session.ports.record import StoreUnavailable
from offhook.session.spending import Budget, Spent
from offhook.session.tenancy import SubAccount

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
OWNER = SubAccount(sub_account_id="acme", account_id="a", budget=Budget(daily_minutes=10))
FREE = SubAccount(sub_account_id="free", account_id="a")


class World(Metering, Clock):
    """A store that tells what a test says was spent, and a watch over it."""

    def __init__(self) -> None:
        self.at = NOON
        self.minutes = 0
        self.failure: Exception | None = None
        self.alerts: list[tuple[str, Decimal]] = []
        self.watch = SpendingWatch(
            self,
            lambda: [OWNER, FREE],
            self,
            currency=lambda: "USD",
            on_alert=lambda owner, part: self.alerts.append((owner.sub_account_id, part)),
        )

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return 0.0

    async def usage(
        self, since: date, until: date, *, sub_account_id: str | None = None
    ) -> Sequence[UsageRecord]:
        return []

    async def spent(
        self, day: date, sub_account_ids: Collection[str], currency: str
    ) -> Mapping[str, Spent]:
        if self.failure is not None:
            raise self.failure
        assert (list(sub_account_ids), currency) == (["acme"], "USD")
        return {"acme": Spent(60 * self.minutes, Decimal(0))}

    def reason(self, owner: SubAccount = OWNER) -> str | None:
        return self.watch.spent_out(owner, self.at)


async def test_a_sub_account_may_dial_until_its_budget_is_spent() -> None:
    world = World()
    assert world.reason() is None
    world.minutes = 9
    await world.watch.read()
    assert world.reason() is None
    world.minutes = 10
    await world.watch.read()
    assert world.reason() == "the budget of the day is spent: 10 minutes"
    assert world.reason(FREE) is None


async def test_the_operator_is_told_once_a_day_at_80_percent() -> None:
    world = World()
    for minutes in (7, 8, 9, 10):
        world.minutes = minutes
        await world.watch.read()
    assert world.alerts == [("acme", Decimal("0.8"))]
    world.at += timedelta(days=1)
    await world.watch.read()
    assert world.alerts == [("acme", Decimal("0.8")), ("acme", Decimal(1))]


async def test_midnight_opens_the_budget_again_before_the_store_is_read() -> None:
    world = World()
    world.minutes = 10
    await world.watch.read()
    world.at = datetime(2026, 11, 29, tzinfo=UTC)
    assert world.reason() is None


async def test_what_is_known_stays_in_force_while_the_store_is_away() -> None:
    world = World()
    world.minutes = 10
    await world.watch.read()
    world.failure = StoreUnavailable("away")
    await world.watch.read()
    assert world.reason() is not None
