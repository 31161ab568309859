"""The part of the store for the API, which accepts callflows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from offhook.events import AnyEvent
from offhook.session.ports.record import OutboxEntry, RequestRecord
from offhook.session.session import Session


class Accepting(ABC):
    """The part of the store for the API, which accepts callflows."""

    @abstractmethod
    async def accept(
        self, session: Session, events: Sequence[AnyEvent], request: RequestRecord
    ) -> RequestRecord:
        """Store a QUEUED session, its first events and the request, durably.

        With an ``idempotency_key`` seen within 24 h for the sub-account, nothing is stored and the
        first request is returned (same body) or :class:`.IdempotencyConflict` raised. Otherwise
        returns ``request``.
        """

    @abstractmethod
    async def record_request(self, request: RequestRecord) -> RequestRecord:
        """Store a rejected request (same idempotency rule). Group-committed too."""

    @abstractmethod
    async def cancel_queued(
        self, session: Session, events: Sequence[AnyEvent], outbox: Sequence[OutboxEntry]
    ) -> bool:
        """Store ``session`` (CANCELED) if it is still QUEUED and unclaimed; False: too late."""
