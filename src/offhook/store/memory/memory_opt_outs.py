"""Opt-out lists in memory."""

from __future__ import annotations

from collections.abc import Sequence

from offhook.session.ports.opt_out_lists import OptOut, OptOuts
from offhook.store.documents import micros
from offhook.store.memory.memory_records import MemoryPart, page


class MemoryOptOuts(MemoryPart, OptOuts):
    """A dictionary by sub-account and number."""

    async def put_opt_out(self, entry: OptOut) -> bool:
        key = entry.sub_account_id, entry.number
        return self._data.opt_outs.setdefault(key, entry) is entry

    async def opt_out(self, sub_account_id: str, number: str) -> OptOut | None:
        return self._data.opt_outs.get((sub_account_id, number))

    async def opt_outs(
        self, sub_account_id: str, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[Sequence[OptOut], str | None]:
        own = [
            each for each in self._data.opt_outs.values() if each.sub_account_id == sub_account_id
        ]
        return page(own, lambda each: (micros(each.at), each.number), cursor, limit)

    async def delete_opt_out(self, sub_account_id: str, number: str) -> bool:
        return self._data.opt_outs.pop((sub_account_id, number), None) is not None
