"""Budgets of a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from offhook.session.spending import Budget, Spent, budget_of, until_tomorrow


@pytest.mark.parametrize(
    ("seconds", "cost", "reason"),
    [
        (599, "4.999999", None),
        (600, "0", "the budget of the day is spent: 10 minutes"),
        (0, "5", "the budget of the day is spent: 5.00"),
        (9999, "5.01", "the budget of the day is spent: 10 minutes"),
    ],
)
def test_a_budget_is_spent_when_minutes_or_money_are(
    seconds: int, cost: str, reason: str | None
) -> None:
    budget = Budget(daily_minutes=10, daily_cost=Decimal("5.00"))
    assert Spent(seconds, Decimal(cost)).reason(budget) == reason


@pytest.mark.parametrize(
    ("minutes", "cost", "part"),
    [(10, "100", "0.8"), (1000, "5", "0.8"), (None, "4", "1"), (None, "0", "1"), (None, None, "0")],
)
def test_the_limit_that_is_nearest_counts(minutes: int | None, cost: str | None, part: str) -> None:
    budget = budget_of(minutes, cost) or Budget()
    assert Spent(480, Decimal(4)).part_of(budget) == Decimal(part)


def test_the_day_ends_at_midnight_utc_wherever_the_clock_is_read() -> None:
    at = datetime(2026, 11, 28, 23, 59, 30, tzinfo=UTC)
    assert until_tomorrow(at) == 30
    assert until_tomorrow(at.astimezone(timezone(timedelta(hours=8)))) == 30
    assert until_tomorrow(datetime(2026, 11, 28, tzinfo=UTC)) == 86_400
