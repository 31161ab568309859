"""Usage in tables and as CSV."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal

from offhook.console.pages.usage_page import (
    by_size,
    csv_of,
    lines_of,
    minutes_chart,
)
from offhook.session.ports.metering import UsageRecord
from offhook.session.session import Direction


def used(day: int, owner: str = "one", **more: object) -> UsageRecord:
    values: dict[str, object] = {
        "day": date(2026, 11, day),
        "sub_account_id": owner,
        "direction": Direction.OUTBOUND,
        "country": "SG",
        "currency": "USD",
        "calls": 2,
        "answered": 1,
        "seconds": 90,
        "billable_seconds": 120,
        "cost": Decimal("0.10"),
    }
    return UsageRecord(**{**values, **more})  # type: ignore[arg-type]


RECORDS = (
    used(1),
    used(1, currency="EUR", cost=Decimal("0.05")),
    used(2, owner="two", seconds=600, currency=None, cost=Decimal(0), country=None),
)


def test_costs_of_different_currencies_stand_beside_each_other() -> None:
    first, second = lines_of(RECORDS, lambda record: (record.day.isoformat(), ""))
    assert (first.name, first.costs, first.minutes) == ("2026-11-01", "0.1 USD, 0.05 EUR", 3.0)
    assert (first.total.calls, first.rate) == (4, "50 %")
    assert second.costs == ""


def test_the_longest_time_comes_first() -> None:
    lines = by_size(lines_of(RECORDS, lambda record: (record.sub_account_id, "")))
    assert [one.name for one in lines] == ["two", "one"]


def test_days_without_calls_have_their_place_in_the_picture() -> None:
    chart = minutes_chart(RECORDS, date(2026, 11, 1), date(2026, 11, 30))
    assert [piece.title for piece in chart.pieces] == ["11-01: 3 minutes", "11-02: 10 minutes"]
    assert chart.summary == "13 minutes"


def test_a_spreadsheet_gets_every_record_and_no_formula() -> None:
    text = csv_of([*RECORDS, used(3, owner="=1+1")]).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["cost"] == "0.1"
    assert rows[0]["currency"] == "USD"
    assert (rows[2]["country"], rows[2]["cost"], rows[2]["seconds"]) == ("", "", "600")
    assert rows[3]["subAccountId"] == "'=1+1"
