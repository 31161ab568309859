"""What was used: calls, minutes and cost by day, sub-account and country, and the same as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from litestar import Response, get
from litestar.di import NamedDependency

from offhook.console.choice import Choice, choice_of
from offhook.console.console_parts import ConsoleParts
from offhook.console.drawing.charts import Chart, Series, bars
from offhook.console.rendering import HEADERS, page
from offhook.console.web import Unsuitable, WebRequest, asked, to
from offhook.session.ports.metering import UsageRecord
from offhook.session.usage_totals import UsageTotal, amount, totals

PERIODS = {
    "7d": ("the last week", 7),
    "30d": ("the last 30 days", 30),
    "90d": ("the last 90 days", 90),
    "366d": ("the last year", 366),
}
NO_COUNTRY = "unknown"
COLUMNS = (
    *("day", "subAccountId", "country", "direction", "calls", "answered"),
    *("seconds", "billableSeconds", "cost", "currency"),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is a formula to a spreadsheet."""


class UsageLine(NamedTuple):
    """One line of a table."""

    name: str
    link: str
    """To the calls that it counts; '': there is no such list."""
    total: UsageTotal
    costs: str
    """One for each currency; '': the calls had no rates."""

    @property
    def minutes(self) -> float:
        """Connected."""
        return self.total.seconds / 60

    @property
    def rate(self) -> str:
        """Answered of the calls."""
        return f"{100 * self.total.answer_rate:.0f} %" if self.total.calls else ""


@get("/usage")
async def usage(request: WebRequest, parts: NamedDependency[ConsoleParts]) -> Response[bytes]:
    """The page of a period."""
    choice, name = choice_of(request), period_of(request)
    since, until = days_of(name, parts.clock.now())
    records = await records_of(parts, choice, since, until)
    account = choice.account

    def day(record: UsageRecord) -> tuple[str, str]:
        first = record.day.isoformat()
        after = (record.day + timedelta(days=1)).isoformat()
        return first, to("sessions", account=account, since=first, until=after)

    def owner(record: UsageRecord) -> tuple[str, str]:
        return record.sub_account_id, to("sessions", account=record.sub_account_id)

    def country(record: UsageRecord) -> tuple[str, str]:
        return record.country or NO_COUNTRY, ""

    tables = [
        ("Day (UTC)", sorted(lines_of(records, day), reverse=True)),
        ("Sub-account", by_size(lines_of(records, owner))),
        ("Country", by_size(lines_of(records, country))),
    ]
    return page(
        request,
        "usage.html",
        period=name,
        periods=PERIODS,
        tables=tables if records else [],
        whole=lines_of(records, lambda _record: ("", "")),
        chart=minutes_chart(records, since, until),
    )


@get("/usage.csv")
async def usage_csv(request: WebRequest, parts: NamedDependency[ConsoleParts]) -> Response[bytes]:
    """Every record of the period, for a spreadsheet."""
    choice, name = choice_of(request), period_of(request)
    since, until = days_of(name, parts.clock.now())
    records = await records_of(parts, choice, since, until)
    file = f"offhook-usage-{since}-{until}.csv"
    return Response(
        csv_of(records),
        media_type="text/csv; charset=utf-8",
        headers={**HEADERS, "content-disposition": f'attachment; filename="{file}"'},
    )


def period_of(request: WebRequest) -> str:
    """The period of the address. Raises Unsuitable."""
    name = asked(request, "period") or "30d"
    if name not in PERIODS:
        raise Unsuitable(f"The period is one of {', '.join(PERIODS)}")
    return name


def days_of(name: str, now: datetime) -> tuple[date, date]:
    """The first and the last day of a period that ends today."""
    last = now.astimezone(UTC).date()
    return last - timedelta(days=PERIODS[name][1] - 1), last


async def records_of(
    parts: ConsoleParts, choice: Choice, since: date, until: date
) -> list[UsageRecord]:
    """The usage of what is chosen."""
    only = choice.owners[0] if len(choice.owners) == 1 else None
    found = await parts.store.usage(since, until, sub_account_id=only)
    owners = frozenset(choice.owners)
    return [one for one in found if one.sub_account_id in owners]


def lines_of(
    records: Sequence[UsageRecord], key: Callable[[UsageRecord], tuple[str, str]]
) -> list[UsageLine]:
    """A line for each group; costs of different currencies are not added up."""
    sums = totals(records, key)
    by_currency = totals(records, lambda record: (key(record), record.currency))
    return [
        UsageLine(
            *group,
            total,
            ", ".join(
                f"{amount(part.cost)} {currency}"
                for (of, currency), part in by_currency.items()
                if of == group and currency
            ),
        )
        for group, total in sums.items()
    ]


def by_size(lines: list[UsageLine]) -> list[UsageLine]:
    """The longest time first."""
    return sorted(lines, key=lambda one: (-one.total.seconds, -one.total.calls, one.name))


def minutes_chart(records: Sequence[UsageRecord], since: date, until: date) -> Chart:
    """Connected minutes of each day."""
    days = [since + timedelta(days=place) for place in range((until - since).days + 1)]
    seconds = totals(records, lambda record: record.day)
    minutes = [round(seconds.get(day, UsageTotal()).seconds / 60) for day in days]
    times = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days]
    return bars(times, [Series("minutes", "s-dot", minutes)], form="%m-%d")


def csv_of(records: Sequence[UsageRecord]) -> bytes:
    """The records as a spreadsheet reads them (RFC 4180); no cell is a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for one in records:
        cells: list[object] = [
            *(one.day.isoformat(), one.sub_account_id, one.country or "", one.direction.value),
            *(one.calls, one.answered, one.seconds, one.billable_seconds),
            *(amount(one.cost) if one.currency else "", one.currency or ""),
        ]
        writer.writerow([_cell(cell) for cell in cells])
    return out.getvalue().encode()


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


handlers = [usage, usage_csv]
