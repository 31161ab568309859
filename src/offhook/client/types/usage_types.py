"""Usage: what requests and answers hold. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

import msgspec

__all__ = ["BudgetView", "UsageAnswer", "UsageRow", "UsageSum"]


class UsageSum(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What some calls come to."""

    currency: str | None = None
    """Of ``cost``; absent: the calls had no rate, or were not answered."""
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


class UsageRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The calls of one day with one country, in one direction."""

    currency: str | None = None
    """Of ``cost``; absent: the calls had no rate, or were not answered."""
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
    sub_account_id: str
    """Whose calls."""
    day: str
    """On which the calls were initiated (UTC)."""
    direction: str
    """``INBOUND`` or ``OUTBOUND``."""
    country_code: str | None = None
    """Of the other side, ISO 3166-1; absent: unknown."""


class BudgetView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
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


class UsageAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
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
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""
