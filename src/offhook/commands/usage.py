"""``offhook usage``: minutes, calls, answer rate and cost, from the database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from offhook.commands.common import OK, USAGE, CommandError, Config, Json, emit, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from offhook.session.ports.metering import UsageRecord

Grouping = Literal["subaccount", "day", "country"]


def usage(
    *,
    month: Annotated[
        str | None, Parameter(help="Such as 2026-11; absent: this month.", show_default=False)
    ] = None,
    by: Annotated[Grouping, Parameter(help="A line for each.")] = "subaccount",
    subaccount: Annotated[
        str | None, Parameter(help="Only this one; absent: all.", show_default=False)
    ] = None,
    config: Config = None,
    json: Json = False,
) -> int:
    """Show what was used: calls, answer rate, minutes and cost. Days are UTC."""
    from offhook.commands import usage_admin
    from offhook.session.usage_totals import month_of

    try:
        first, last = month_of(month or datetime.now(UTC).strftime("%Y-%m"))
    except ValueError as error:
        raise CommandError(f"--month: {error}", USAGE) from None
    found = _sums(usage_admin.read(config, first, last, subaccount), by)
    document = {"since": first.isoformat(), "until": last.isoformat(), "usage": found}
    emit(json, document, _table(found, by) if found else f"No calls from {first} to {last}.")
    return OK


def _sums(records: Iterable[UsageRecord], by: Grouping) -> list[dict[str, object]]:
    """What was used, an entry for each group and currency, as ``--json`` shows it."""
    from offhook.session.usage_totals import amount, totals

    sums = totals(records, lambda record: (_group(record, by), record.currency or ""))
    return [
        {
            by: group,
            "calls": total.calls,
            "answered": total.answered,
            "answerRate": total.answer_rate,
            "minutes": str(total.minutes),
            "cost": amount(total.cost),
            "currency": currency or None,
        }
        for (group, currency), total in sorted(sums.items())
    ]


def _table(found: list[dict[str, object]], by: Grouping) -> str:
    """The sums for people."""
    heads = (by.upper(), "CALLS", "ANSWERED", "RATE", "MINUTES", "COST", "CURRENCY")
    rows = [
        (
            str(each[by]),
            str(each["calls"]),
            str(each["answered"]),
            f"{each['answerRate']:.1%}",
            str(each["minutes"]),
            str(each["cost"]),
            str(each["currency"] or ""),
        )
        for each in found
    ]
    return table(heads, rows)


def _group(record: UsageRecord, by: Grouping) -> str:
    if by == "day":
        return record.day.isoformat()
    return (record.country or "?") if by == "country" else record.sub_account_id
