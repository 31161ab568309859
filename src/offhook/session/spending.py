"""Budgets: how much a sub-account may spend on a day (UTC), in minutes and in money. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec

ALERT_AT = Decimal("0.8")
"""The part of a budget after which the operator is told."""


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What a sub-account may spend a day."""

    daily_minutes: int | None = None
    """Billed minutes; None: no limit."""
    daily_cost: Decimal | None = None
    """In the currency of ``[rates]``; None: no limit."""


def budget_of(daily_minutes: int | None, daily_cost: str | None) -> Budget | None:
    """The budget that an operator has written; None: there is none."""
    if daily_minutes is None and daily_cost is None:
        return None
    cost = Decimal(daily_cost) if daily_cost is not None else None
    return Budget(daily_minutes=daily_minutes, daily_cost=cost)


class Spent(NamedTuple):
    """What a sub-account has spent on a day."""

    billable_seconds: int = 0
    cost: Decimal = Decimal(0)

    def part_of(self, budget: Budget) -> Decimal:
        """The used part of the budget that is nearest to its end; 1 and more: it is spent."""
        parts = [Decimal(0)]
        if budget.daily_minutes is not None:
            parts.append(Decimal(self.billable_seconds) / (60 * budget.daily_minutes))
        if budget.daily_cost is not None:
            parts.append(self.cost / budget.daily_cost if budget.daily_cost else Decimal(1))
        return max(parts)

    def reason(self, budget: Budget) -> str | None:
        """Why nothing more may be dialled today; None: something is left."""
        minutes, cost = budget.daily_minutes, budget.daily_cost
        if minutes is not None and self.billable_seconds >= 60 * minutes:
            return f"the budget of the day is spent: {minutes} minutes"
        if cost is not None and self.cost >= cost:
            return f"the budget of the day is spent: {cost}"
        return None


def until_tomorrow(now: datetime) -> float:
    """Seconds until the day (UTC) ends."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today + timedelta(days=1) - now).total_seconds()
