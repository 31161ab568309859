"""What the record in memory keeps for the console."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from offhook.codes import SessionStatus
from offhook.session.ports.console_records import (
    ConsoleRecords,
    LiveSession,
    OutcomeCount,
    SignIn,
)
from offhook.session.ports.record import RequestRecord
from offhook.session.session import Session
from offhook.store.documents import from_micros, micros
from offhook.store.memory.memory_records import MemoryPart, StoredSession, page


class MemoryConsole(MemoryPart, ConsoleRecords):
    """A dictionary by token."""

    async def put_sign_in(self, sign_in: SignIn) -> None:
        kept = self._data.sign_ins
        for digest in [d for d, one in kept.items() if one.expires_at <= sign_in.created_at]:
            del kept[digest]
        kept[sign_in.token_digest] = sign_in

    async def sign_in(self, token_digest: bytes) -> SignIn | None:
        return self._data.sign_ins.get(token_digest)

    async def touch_sign_in(self, token_digest: bytes, at: datetime) -> None:
        known = self._data.sign_ins.get(token_digest)
        if known is not None:
            self._data.sign_ins[token_digest] = msgspec.structs.replace(known, used_at=at)

    async def delete_sign_in(self, token_digest: bytes) -> None:
        self._data.sign_ins.pop(token_digest, None)

    async def any_request(self, call_flow_request_id: str) -> RequestRecord | None:
        return self._data.requests.get(call_flow_request_id)

    async def rejected_requests(
        self,
        sub_account_ids: Collection[str],
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[Sequence[RequestRecord], str | None]:
        rejected = [
            request
            for request in self._data.requests.values()
            if request.session_id is None
            and request.sub_account_id in sub_account_ids
            and (since is None or request.at >= since)
            and (until is None or request.at < until)
        ]
        return page(
            rejected, lambda each: (micros(each.at), each.call_flow_request_id), cursor, limit
        )

    async def newest_sessions(
        self, sub_account_ids: Collection[str], since: datetime, *, limit: int
    ) -> Sequence[Session]:
        stored = [one.session for one in self._data.sessions.values()]
        found = [
            one
            for one in stored
            if one.sub_account_id in sub_account_ids and one.created_at >= since
        ]
        return sorted(found, key=lambda one: one.created_at, reverse=True)[:limit]

    async def live_sessions(
        self, sub_account_ids: Collection[str], *, each: int, limit: int, events: int
    ) -> Sequence[LiveSession]:
        found: list[tuple[int, StoredSession]] = []
        for status in (SessionStatus.RUNNING, SessionStatus.QUEUED):
            places: Counter[str] = Counter()
            of_status = []
            for stored in sorted(self._data.sessions.values(), key=_age, reverse=True):
                owner = stored.session.sub_account_id
                if stored.session.status is status and owner in sub_account_ids:
                    places[owner] += 1
                    of_status.append((places[owner], stored))
            found += sorted((one for one in of_status if one[0] <= each), key=lambda one: one[0])
        return [
            LiveSession(one.session, one.node.name if one.node else "", one.events[-events:])
            for _, one in found[:limit]
        ]

    async def outcome_counts(
        self, sub_account_ids: Collection[str], since: datetime, until: datetime, step: timedelta
    ) -> Sequence[OutcomeCount]:
        size = round(step.total_seconds() * 1_000_000)
        counts = Counter(
            (micros(session.created_at) // size * size, session.status.value)
            for session in self._within(sub_account_ids, since, until)
        )
        return [
            OutcomeCount(from_micros(begin), SessionStatus(status), sessions)
            for (begin, status), sessions in sorted(counts.items())
        ]

    async def sip_code_counts(
        self, sub_account_ids: Collection[str], since: datetime, until: datetime
    ) -> Mapping[int, int]:
        return Counter(
            code
            for session in self._within(sub_account_ids, since, until)
            for code in {leg.sip_code for leg in session.legs}
            if code is not None
        )

    def _within(
        self, sub_account_ids: Collection[str], since: datetime, until: datetime
    ) -> Iterator[Session]:
        for stored in self._data.sessions.values():
            session = stored.session
            if session.sub_account_id in sub_account_ids and since <= session.created_at < until:
                yield session


def _age(stored: StoredSession) -> tuple[datetime, str]:
    return stored.session.created_at, stored.session.session_id
