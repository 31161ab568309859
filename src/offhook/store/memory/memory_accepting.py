"""Accepting callflows in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from offhook.codes import SessionStatus
from offhook.events import AnyEvent
from offhook.session.ports.accepting import Accepting
from offhook.session.ports.record import (
    IdempotencyConflict,
    OutboxEntry,
    RequestRecord,
)
from offhook.session.session import Session
from offhook.store.memory.memory_records import (
    MemoryPart,
)

_IDEMPOTENCY_WINDOW = timedelta(hours=24)


class MemoryAccepting(MemoryPart, Accepting):
    """Stores what the API accepts."""

    async def accept(
        self, session: Session, events: Sequence[AnyEvent], request: RequestRecord
    ) -> RequestRecord:
        first = await self.record_request(request)
        if first is request:
            self._data.insert(session, events, None)
        return first

    async def record_request(self, request: RequestRecord) -> RequestRecord:
        data = self._data
        if request.idempotency_key is not None:
            key = (request.sub_account_id, request.idempotency_key)
            first = data.keys_seen.get(key)
            if first is not None and request.at - first.at < _IDEMPOTENCY_WINDOW:
                if first.body != request.body:
                    text = "this Idempotency-Key came with another body before"
                    raise IdempotencyConflict(text)
                return first
            data.keys_seen[key] = request
        data.requests.setdefault(request.call_flow_request_id, request)
        return request

    async def cancel_queued(
        self, session: Session, events: Sequence[AnyEvent], outbox: Sequence[OutboxEntry]
    ) -> bool:
        stored = self._data.live.get(session.session_id)
        if stored is None or stored.session.status is not SessionStatus.QUEUED:
            return False
        self._data.write(stored, session, events, outbox)
        return True
