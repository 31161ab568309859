"""What was used: counted by the store with every session that ends, read by reports and budgets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import final

import msgspec

from offhook.session.session import Direction
from offhook.session.spending import Spent
from offhook.session.tenancy import SubAccount


class UsageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The calls (legs) of a sub-account on a day with a country, in a direction."""

    day: date
    """UTC; the day on which the call was initiated."""
    sub_account_id: str
    direction: Direction
    country: str | None
    """Of the other side, ISO 3166-1 alpha-2; None: unknown."""
    currency: str | None
    """None: the calls had no rate, or were not answered."""
    calls: int
    answered: int
    seconds: int
    """Connected."""
    billable_seconds: int
    cost: Decimal


class Metering(ABC):
    """The part of the store that counts usage."""

    @abstractmethod
    async def usage(
        self, since: date, until: date, *, sub_account_id: str | None = None
    ) -> Sequence[UsageRecord]:
        """The usage of the days ``since`` to ``until``, both included; of every sub-account with None.

        Ordered by sub-account, day, country and direction.
        """

    @abstractmethod
    async def spent(
        self, day: date, sub_account_ids: Collection[str], currency: str
    ) -> Mapping[str, Spent]:
        """What sub-accounts have spent on a day; cost in ``currency`` only. Absent: nothing."""


class Spending(ABC):
    """Whether sub-accounts may still spend something today."""

    @abstractmethod
    def spent_out(self, sub_account: SubAccount, now: datetime) -> str | None:
        """Why the sub-account may dial nothing more today; None: it may."""


@final
class NoBudgets(Spending):
    """For processes without budgets: the simulator, and tests."""

    def spent_out(self, sub_account: SubAccount, now: datetime) -> str | None:
        return None
