"""Reads the usage that was counted with the sessions that ended."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from sqlalchemy import func, select

from offhook.session.ports.metering import Metering, UsageRecord
from offhook.session.spending import Spent
from offhook.store import schema
from offhook.store.statements import Statements
from offhook.store.usage_rows import spent_by_currency, usage_record


class SqlUsage(Statements, Metering):
    """Adds up the rows of all nodes."""

    async def usage(
        self, since: date, until: date, *, sub_account_id: str | None = None
    ) -> Sequence[UsageRecord]:
        t = schema.usage_days
        key = (t.c.sub_account_id, t.c.day, t.c.country, t.c.direction, t.c.currency)
        counts = (t.c.calls, t.c.answered, t.c.seconds, t.c.billable_seconds, t.c.cost)
        query = (
            select(*key, *(func.sum(each).label(each.name) for each in counts))
            .where(t.c.day >= since.isoformat(), t.c.day <= until.isoformat())
            .group_by(*key)
            .order_by(*key)
        )
        if sub_account_id is not None:
            query = query.where(t.c.sub_account_id == sub_account_id)
        return [usage_record(row) for row in await self._read(query)]

    async def spent(
        self, day: date, sub_account_ids: Collection[str], currency: str
    ) -> Mapping[str, Spent]:
        t = schema.usage_days
        key = (t.c.sub_account_id, t.c.currency)
        rows = await self._read(
            select(
                *key,
                func.sum(t.c.billable_seconds).label("billable_seconds"),
                func.sum(t.c.cost).label("cost"),
            )
            .where(t.c.day == day.isoformat(), t.c.sub_account_id.in_(sorted(sub_account_ids)))
            .group_by(*key)
        )
        return spent_by_currency(rows, currency)
