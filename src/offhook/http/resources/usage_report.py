"""``/usage``: what a sub-account has used, and what is left of its budget."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date
from decimal import Decimal
from typing import Annotated, Any

from litestar import Router, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from offhook.http.deps import Deps
from offhook.http.edge.access import Caller
from offhook.http.refusals import INVALID, Refused
from offhook.http.resources.params import needs
from offhook.http.resources.session_views import OK_CODE, OK_MESSAGE, View
from offhook.session.ports.metering import UsageRecord
from offhook.session.scopes import Scope
from offhook.session.tenancy import SubAccount
from offhook.session.usage_totals import UsageTotal, amount, month_of, totals

LONGEST_DAYS = 366

Month = Annotated[
    str | None,
    QueryParameter(
        description="A month such as `2026-11`; absent: this month, unless `since` is there",
        max_length=7,
    ),
]
Day = Annotated[
    str | None,
    QueryParameter(description="A day such as `2026-11-28` (UTC), included", max_length=10),
]


class UsageSum(View, frozen=True, kw_only=True):
    """What some calls come to."""

    currency: str | None = None
    """Of `cost`; absent: the calls had no rate, or were not answered."""
    calls: int
    """Calls dialled and taken."""
    answered: int
    """Those that were answered."""
    answer_rate: float
    """Answered of all, 0 to 1."""
    seconds: int
    """Seconds connected."""
    billable_seconds: int
    """Seconds billed, by the increments of the rates."""
    cost: str
    """An exact decimal, as text."""


class UsageRow(UsageSum, frozen=True, kw_only=True):
    """The calls of one day with one country, in one direction."""

    sub_account_id: str
    """Whose calls."""
    day: str
    """On which the calls were initiated (UTC)."""
    direction: str
    """`INBOUND` or `OUTBOUND`."""
    country_code: str | None = None
    """Of the other side, ISO 3166-1; absent: unknown."""


class BudgetView(View, frozen=True, kw_only=True):
    """What the sub-account may spend a day, and has spent today (UTC)."""

    daily_minutes: int | None = None
    """Billed minutes; absent: no limit."""
    daily_cost: str | None = None
    """In the currency of the rates; absent: no limit."""
    spent_minutes: str
    """Billed minutes of today."""
    spent_cost: str
    """Of today, in the currency of the rates."""
    used_part: float
    """Of the limit that is nearest: 1 is all of it."""


class UsageAnswer(View, frozen=True, kw_only=True):
    """Usage of a period."""

    since: str
    """First day."""
    until: str
    """Last day, included."""
    totals: list[UsageSum]
    """One for each currency."""
    usage: list[UsageRow]
    """By sub-account, day, country and direction."""
    budget: BudgetView | None = None
    """Only of a sub-account that has one."""
    status_code: int
    status_message: str


@get(
    "/",
    operation_id="getUsage",
    summary="Minutes, calls, answer rate and cost by day and country",
    guards=[needs(Scope.SESSIONS_READ)],
)
async def get_usage(
    deps: NamedDependency[Deps],
    caller: NamedDependency[Caller],
    month: Month = None,
    since: Day = None,
    until: Day = None,
) -> UsageAnswer:
    """Calls count on the day they were initiated, once their session has ended."""
    owner = caller.sub_account
    first, last = period(deps, month, since, until)
    records = await deps.store.usage(first, last, sub_account_id=owner.sub_account_id)
    return answer(first, last, records, await _budget(deps, owner))


def period(
    deps: Deps, month: str | None, since: str | None, until: str | None
) -> tuple[date, date]:
    """The first and the last day that were asked for. Raises a 422 :class:`.Refused`."""
    today = deps.clock.now().astimezone(UTC).date()
    if month is not None:
        if since is not None or until is not None:
            raise Refused(INVALID, "month: must not stand beside since or until")
        try:
            return month_of(month)
        except ValueError:
            raise Refused(INVALID, "month: must be a month such as 2026-11") from None
    last = _day("until", until) or today
    first = _day("since", since) or last.replace(day=1)
    if first > last:
        raise Refused(INVALID, "since: must not be after until")
    if (last - first).days >= LONGEST_DAYS:
        raise Refused(INVALID, f"since: may be at most {LONGEST_DAYS} days before until")
    return first, last


def _day(name: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        if len(text) != len("2026-11-28"):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise Refused(INVALID, f"{name}: must be a day such as 2026-11-28") from None


def answer(
    first: date, last: date, records: Sequence[UsageRecord], budget: BudgetView | None = None
) -> UsageAnswer:
    """The answer with these records."""
    sums = totals(records, lambda record: record.currency or "")
    return UsageAnswer(
        since=first.isoformat(),
        until=last.isoformat(),
        totals=[UsageSum(**_sum(total, name)) for name, total in sorted(sums.items())],
        usage=[
            UsageRow(
                sub_account_id=record.sub_account_id,
                day=record.day.isoformat(),
                direction=record.direction,
                country_code=record.country,
                **_sum(UsageTotal().plus(record), record.currency or ""),
            )
            for record in records
        ],
        budget=budget,
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


def _sum(total: UsageTotal, currency: str) -> dict[str, Any]:
    return {
        "currency": currency or None,
        "calls": total.calls,
        "answered": total.answered,
        "answer_rate": total.answer_rate,
        "seconds": total.seconds,
        "billable_seconds": total.billable_seconds,
        "cost": amount(total.cost),
    }


async def _budget(deps: Deps, owner: SubAccount) -> BudgetView | None:
    budget = owner.budget
    if budget is None:
        return None
    today = deps.clock.now().astimezone(UTC).date()
    ids = [owner.sub_account_id]
    found = await deps.store.spent(today, ids, deps.config.rates.currency)
    spent = found.get(owner.sub_account_id)
    seconds, cost = (spent.billable_seconds, spent.cost) if spent else (0, Decimal(0))
    return BudgetView(
        daily_minutes=budget.daily_minutes,
        daily_cost=amount(budget.daily_cost) if budget.daily_cost is not None else None,
        spent_minutes=amount((Decimal(seconds) / 60).quantize(Decimal("0.01"))),
        spent_cost=amount(cost),
        used_part=float(round(spent.part_of(budget), 4)) if spent else 0.0,
    )


@get("/usage", operation_id="getUsageOfAll", summary="Usage of every sub-account")
async def get_usage_of_all(
    deps: NamedDependency[Deps],
    month: Month = None,
    since: Day = None,
    until: Day = None,
) -> UsageAnswer:
    """As of one sub-account; for the operator."""
    first, last = period(deps, month, since, until)
    return answer(first, last, await deps.store.usage(first, last))


router = Router("/usage", route_handlers=[get_usage], tags=["Usage"])
admin_router = Router("/admin/v1", route_handlers=[get_usage_of_all], tags=["Administration"])
