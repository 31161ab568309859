"""What the store deletes: what is too old to keep, and what belongs to one phone number."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from offhook.session.session import Session


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How many days records are kept."""

    sessions: int = 90
    """With everything that belongs to them."""
    events: int | None = None
    """The timelines of sessions; None: as long as their sessions."""
    deliveries: int | None = None
    """Webhooks that were delivered or given up; None: as long as sessions."""
    requests: int = 30
    events_gone_before: datetime | None = None
    """The timelines of sessions made before it were deleted by an earlier purge; None: it looks at all."""


KEEP_USUAL = Retention()


class ErasedRequests(NamedTuple):
    """What one look through the requests has erased."""

    erased: int
    looked_at: int
    """Requests of all sub-accounts."""
    cursor: str | None
    """Where the next one goes on; None: there are no more."""


class Upkeep(ABC):
    """Deletes records, in small transactions: no other write waits long for one."""

    @abstractmethod
    async def purge(self, now: datetime, keep: Retention = KEEP_USUAL) -> int:
        """Delete what is older than ``keep`` says; returns the number of rows deleted.

        Nothing of a session that is not final, and no delivery that is still tried.
        """

    @abstractmethod
    async def erase_sessions(self, sessions: Sequence[Session]) -> None:
        """Delete the final ones of ``sessions`` with their requests and everything that belongs to them."""

    @abstractmethod
    async def erase_requests(
        self, sub_account_id: str, number: str, cursor: str | None = None
    ) -> ErasedRequests:
        """Delete requests with ``number`` in their bodies and no session.

        Looks through some thousand requests, behind those of ``cursor``. Raises :class:`ValueError` for
        one that is none.
        """

    @abstractmethod
    async def erase_targets(self, sub_account_id: str, number: str) -> int:
        """Take ``number`` out of the lists of campaigns, where it will not be called any more; returns
        from how many. The outcome stays, without number and parameters."""
