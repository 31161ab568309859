"""What the store keeps of registered phones, and of the countries that were called."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime

import msgspec


class PhoneBinding(msgspec.Struct, frozen=True, kw_only=True):
    """One registered phone of a user: a contact of RFC 3261 §10."""

    user: str
    contact: str
    """The URI that it wants to be called by."""
    call_id: str
    """Of the REGISTER that made or refreshed it; with :attr:`cseq` it orders updates (§10.3)."""
    cseq: int
    transport: str
    host: str
    """Where the REGISTER came from. Calls go there, so that they reach phones behind a NAT."""
    port: int
    path: tuple[str, ...] = ()
    """The proxies to go through, nearest first (RFC 3327)."""
    user_agent: str = ""
    registered_at: datetime
    """When it registered first."""
    expires_at: datetime
    node: str
    """Which node took the REGISTER."""


class FirstCall(msgspec.Struct, frozen=True, kw_only=True):
    """The first call of a sub-account to a country."""

    sub_account_id: str
    country: str
    """ISO 3166-1 alpha-2; ``unknown`` where the number does not tell."""
    at: datetime
    session_id: str


class Phones(ABC):
    """The part of the store with the registered phones, and the countries that were called."""

    @abstractmethod
    async def put_phones(
        self, user: str, put: Sequence[PhoneBinding], drop: Sequence[str], now: datetime
    ) -> None:
        """Add or refresh phones of a user, and forget those with the contacts ``drop``, in one transaction.

        Phones of any user that have expired before ``now`` are forgotten too.
        """

    @abstractmethod
    async def phones(self, now: datetime) -> Sequence[PhoneBinding]:
        """All that have not expired; by user, the newest first."""

    @abstractmethod
    async def put_first_call(self, call: FirstCall) -> bool:
        """Note that a sub-account calls a country. False: it has called it before."""

    @abstractmethod
    async def first_calls(self, since: datetime) -> Sequence[FirstCall]:
        """The first calls after ``since``, in the order of time; at most 1000."""
