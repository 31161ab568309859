"""Opt-out lists: the numbers that want no more voice messages of a sub-account (``spec/execution.md``,
"Opting out"). The store keeps the list itself; an operator may have a list service besides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from offhook.session.tenancy import SubAccount


class OptOutWay(StrEnum):
    """How a number came onto the list."""

    KEY = "KEY"
    """The called person pressed the opt-out key."""
    API = "API"
    """The customer or the operator put it there."""


class OptOut(msgspec.Struct, frozen=True, kw_only=True):
    """One number on the list of one sub-account."""

    sub_account_id: str
    number: str
    """E.164 with ``+``."""
    at: datetime
    way: OptOutWay
    session_id: str | None = None
    """The session in which the key was pressed."""


class OptOuts(ABC):
    """The part of the store with the opt-out lists."""

    @abstractmethod
    async def put_opt_out(self, entry: OptOut) -> bool:
        """Put a number on the list, durably. False: it is there already, and its date stays."""

    @abstractmethod
    async def opt_out(self, sub_account_id: str, number: str) -> OptOut | None:
        """The entry of a number; None: it is not on the list."""

    @abstractmethod
    async def opt_outs(
        self, sub_account_id: str, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[Sequence[OptOut], str | None]:
        """The list, newest first; with the cursor of the next page, None at the end.

        Raises ValueError for an invalid cursor.
        """

    @abstractmethod
    async def delete_opt_out(self, sub_account_id: str, number: str) -> bool:
        """Take a number off the list. False: it is not on it."""


class OptOutService(ABC):
    """The operator's own list service, which is told of each number besides the store."""

    @abstractmethod
    async def tell(self, sub_account: SubAccount, entry: OptOut) -> str | None:
        """Tell the service, if the sub-account has one. Returns why it did not take the number.

        Takes at most 10 s; never raises for errors of the service.
        """
