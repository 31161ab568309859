"""Usage in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from offhook.session.ports.metering import Metering, UsageRecord
from offhook.session.spending import Spent
from offhook.store.memory.memory_records import MemoryPart
from offhook.store.usage_rows import added_up, spent_by_currency, usage_record


class MemoryUsage(MemoryPart, Metering):
    """Adds up what was counted."""

    async def usage(
        self, since: date, until: date, *, sub_account_id: str | None = None
    ) -> Sequence[UsageRecord]:
        chosen = [
            row._replace(node="")
            for row in self._data.usage_counted
            if since.isoformat() <= row.day <= until.isoformat()
            and sub_account_id in (None, row.sub_account_id)
        ]
        found = sorted(
            added_up(chosen),
            key=lambda row: (row.sub_account_id, row.day, row.country, row.direction, row.currency),
        )
        return [usage_record(row._asdict()) for row in found]

    async def spent(
        self, day: date, sub_account_ids: Collection[str], currency: str
    ) -> Mapping[str, Spent]:
        rows = [
            row._asdict()
            for row in self._data.usage_counted
            if row.day == day.isoformat() and row.sub_account_id in sub_account_ids
        ]
        return spent_by_currency(rows, currency)
