"""Reading the record in memory."""

from __future__ import annotations

from collections.abc import Sequence

from offhook.events import AnyEvent
from offhook.session.ports.record import (
    EVERY_SESSION,
    DeliveryRecord,
    RequestRecord,
    SessionFilter,
)
from offhook.session.ports.session_history import History
from offhook.session.ports.telephony import SipMessage
from offhook.session.session import Session
from offhook.store.documents import micros
from offhook.store.memory.memory_records import (
    MemoryPart,
    page,
)
from offhook.store.search_terms import all_terms, wanted_terms


class MemoryHistory(MemoryPart, History):
    """Reads every record from the first to the last."""

    async def request(self, sub_account_id: str, call_flow_request_id: str) -> RequestRecord | None:
        found = self._data.requests.get(call_flow_request_id)
        return found if found is not None and found.sub_account_id == sub_account_id else None

    async def session(self, sub_account_id: str, session_id: str) -> Session | None:
        stored = self._data.sessions.get(session_id)
        if stored is None or stored.session.sub_account_id != sub_account_id:
            return None
        return stored.session

    async def sessions(
        self,
        sub_account_id: str,
        chosen: SessionFilter = EVERY_SESSION,
        *,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[Sequence[Session], str | None]:
        found = [
            each.session
            for each in self._data.sessions.values()
            if each.session.sub_account_id == sub_account_id and _matches(each.session, chosen)
        ]
        return page(found, lambda each: (micros(each.created_at), each.session_id), cursor, limit)

    async def events(self, session_id: str, after: int = 0) -> Sequence[tuple[int, AnyEvent]]:
        stored = self._data.sessions.get(session_id)
        return [] if stored is None else list(enumerate(stored.events, 1))[after:]

    async def sip_trace(self, session_id: str) -> Sequence[SipMessage]:
        return self._data.sip_traces.get(session_id, ())

    async def deliveries(self, session_id: str) -> Sequence[DeliveryRecord]:
        found = [
            each.record()
            for each in self._data.outbox.values()
            if each.entry.session_id == session_id
        ]
        return sorted(found, key=lambda each: each.created_at)


def _matches(session: Session, chosen: SessionFilter) -> bool:
    return (
        chosen.status in (None, session.status)
        and (chosen.since is None or session.created_at >= chosen.since)
        and (chosen.until is None or session.created_at < chosen.until)
        and {row.term for row in all_terms(session)}.issuperset(wanted_terms(chosen))
    )
