"""Adds up usage, and reads periods. Pure."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import NamedTuple, TypeVar

from offhook.session.ports.metering import UsageRecord

K = TypeVar("K")

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


class UsageTotal(NamedTuple):
    """The sum of some usage."""

    calls: int = 0
    answered: int = 0
    seconds: int = 0
    billable_seconds: int = 0
    cost: Decimal = Decimal(0)

    def plus(self, record: UsageRecord) -> UsageTotal:
        """With one record more."""
        return UsageTotal(
            self.calls + record.calls,
            self.answered + record.answered,
            self.seconds + record.seconds,
            self.billable_seconds + record.billable_seconds,
            self.cost + record.cost,
        )

    @property
    def answer_rate(self) -> float:
        """0..1, four decimals; 0 without calls."""
        return round(self.answered / self.calls, 4) if self.calls else 0.0

    @property
    def minutes(self) -> Decimal:
        """Billed minutes, two decimals."""
        return (Decimal(self.billable_seconds) / 60).quantize(Decimal("0.01"))


def totals(records: Iterable[UsageRecord], key: Callable[[UsageRecord], K]) -> dict[K, UsageTotal]:
    """The sum of each group, in the order in which the groups come."""
    found: dict[K, UsageTotal] = {}
    for record in records:
        group = key(record)
        found[group] = found.get(group, UsageTotal()).plus(record)
    return found


def month_of(text: str) -> tuple[date, date]:
    """The first and the last day of ``2026-11``. Raises ValueError."""
    match = _MONTH.fullmatch(text)
    if match is None or match[1] == "0000":
        raise ValueError(f"expected a month such as 2026-11, found {text!r}")
    year, month = int(match[1]), int(match[2])
    return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])


def amount(cost: Decimal) -> str:
    """An amount as text, without the zeros at its end: ``12.5``, ``0``."""
    text = f"{cost:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
