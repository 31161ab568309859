"""The usage that a session adds when it ends, as rows to be added up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date
from decimal import Decimal
from typing import NamedTuple

from offhook.codes import CallStatus
from offhook.flow.numbers import country_of
from offhook.session.ports.metering import UsageRecord
from offhook.session.session import Direction, Leg, Session
from offhook.session.spending import Spent
from offhook.store.rows import Row

_MICROS = 1_000_000
"""Costs are stored as whole millionths: prices have at most six decimals."""


class CountedUsage(NamedTuple):
    """What is added to a row of ``usage_days``."""

    sub_account_id: str
    day: str
    """``2026-11-28``, UTC."""
    node: str
    """Who adds: nodes do not wait for each other's rows."""
    direction: str
    country: str
    """``''``: unknown."""
    currency: str
    """``''``: none."""
    calls: int
    answered: int
    seconds: int
    billable_seconds: int
    cost: int
    """Millionths."""

    @property
    def key(self) -> tuple[str, ...]:
        """What tells the rows of the table apart."""
        return self[:6]


def usage_rows(session: Session, node: str) -> list[CountedUsage]:
    """The rows of a session's legs; none while it runs."""
    if not session.status.final:
        return []
    return [_row(session, leg, node) for leg in session.legs if _was_dialled(leg)]


def _was_dialled(leg: Leg) -> bool:
    """Whether the leg was a call; an error may have stopped it before."""
    return leg.status is not CallStatus.ERROR or leg.trunk is not None


def _row(session: Session, leg: Leg, node: str) -> CountedUsage:
    at = leg.initiated_at or session.created_at
    other_side = leg.destination if leg.direction is Direction.OUTBOUND else leg.source
    charge = leg.charge
    cost = charge.total if charge is not None and charge.total is not None else Decimal(0)
    return CountedUsage(
        sub_account_id=session.sub_account_id,
        day=at.astimezone(UTC).date().isoformat(),
        node=node,
        direction=leg.direction.value,
        country=country_of(other_side) or "",
        currency=(charge.currency if charge is not None else None) or "",
        calls=1,
        answered=int(leg.connected_at is not None),
        seconds=leg.connected_seconds,
        billable_seconds=charge.billable_seconds if charge is not None else 0,
        cost=int(cost * _MICROS),
    )


def added_up(rows: Iterable[CountedUsage]) -> list[CountedUsage]:
    """One row for each key, ordered, so that writers lock rows in the same order."""
    sums: dict[tuple[str, ...], CountedUsage] = {}
    for row in rows:
        known = sums.get(row.key)
        if known is None:
            sums[row.key] = row
        else:
            counts = (a + b for a, b in zip(known[6:], row[6:], strict=True))
            sums[row.key] = CountedUsage(*known[:6], *counts)
    return [sums[key] for key in sorted(sums)]


def usage_record(row: Row) -> UsageRecord:
    """A record from a row that was read, the nodes added up."""
    return UsageRecord(
        day=date.fromisoformat(row["day"]),
        sub_account_id=row["sub_account_id"],
        direction=Direction(row["direction"]),
        country=row["country"] or None,
        currency=row["currency"] or None,
        calls=int(row["calls"]),
        answered=int(row["answered"]),
        seconds=int(row["seconds"]),
        billable_seconds=int(row["billable_seconds"]),
        cost=money(row["cost"]),
    )


def spent_by_currency(rows: Iterable[Row], currency: str) -> dict[str, Spent]:
    """What each sub-account has spent, from sums by ``sub_account_id`` and ``currency``."""
    found: dict[str, Spent] = {}
    for row in rows:
        known = found.get(row["sub_account_id"], Spent())
        cost = money(row["cost"]) if row["currency"] == currency else Decimal(0)
        seconds = known.billable_seconds + int(row["billable_seconds"])
        found[row["sub_account_id"]] = Spent(seconds, known.cost + cost)
    return found


def money(millionths: int) -> Decimal:
    """The inverse of how a cost is stored."""
    return Decimal(int(millionths)) / _MICROS
