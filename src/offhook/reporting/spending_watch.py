"""Knows what each sub-account with a budget has spent today; reads it from the store every second.

A call counts when its session has ended, so a sub-account can go over its budget by the calls that run when
it is spent. Those go on; nothing more is dialled.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import final

from offhook.clock import Clock
from offhook.session.ports.metering import Metering, Spending
from offhook.session.ports.record import StoreUnavailable
from offhook.session.spending import ALERT_AT, Spent
from offhook.session.tenancy import SubAccount

log = logging.getLogger(__name__)

READ_EVERY = 1.0
"""Seconds between two reads of the store, while a sub-account has a budget."""


@final
class SpendingWatch(Spending):
    """The spending of today, as one process knows it."""

    def __init__(
        self,
        store: Metering,
        sub_accounts: Callable[[], Sequence[SubAccount]],
        clock: Clock,
        *,
        currency: Callable[[], str],
        on_alert: Callable[[SubAccount, Decimal], None] = lambda _owner, _part: None,
    ) -> None:
        """``on_alert`` is told once a day of a sub-account that has used 80 % of its budget, and how
        much: 1 is all of it."""
        self._store = store
        self._sub_accounts = sub_accounts
        self._clock = clock
        self._currency = currency
        self._on_alert = on_alert
        self._day: date | None = None
        self._spent: Mapping[str, Spent] = {}
        self._alerted: set[str] = set()

    async def run(self) -> None:
        """Read the store again and again, until cancelled."""
        while True:
            await self.read()
            await asyncio.sleep(READ_EVERY)

    async def read(self) -> None:
        """Read the store once; while it is away, what is known stays in force."""
        owners = [each for each in self._sub_accounts() if each.budget is not None]
        if not owners:
            return
        day = self._clock.now().astimezone(UTC).date()
        try:
            ids = [each.sub_account_id for each in owners]
            self._spent = await self._store.spent(day, ids, self._currency())
        except StoreUnavailable as error:
            log.warning("budgets cannot be read, the known spending stays: %s", error)
            return
        if day != self._day:
            self._day = day
            self._alerted.clear()
        for owner in owners:
            self._alert(owner)

    def spent_out(self, sub_account: SubAccount, now: datetime) -> str | None:
        if sub_account.budget is None:
            return None
        return self.spent(sub_account.sub_account_id, now).reason(sub_account.budget)

    def spent(self, sub_account_id: str, now: datetime) -> Spent:
        """What a sub-account with a budget has spent today."""
        if now.astimezone(UTC).date() != self._day:
            return Spent()
        return self._spent.get(sub_account_id, Spent())

    def _alert(self, owner: SubAccount) -> None:
        if owner.budget is None or owner.sub_account_id in self._alerted:
            return
        part = self._spent.get(owner.sub_account_id, Spent()).part_of(owner.budget)
        if part >= ALERT_AT:
            self._alerted.add(owner.sub_account_id)
            self._on_alert(owner, part)
