"""Deleting old records in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from offhook.session.campaign import TargetState
from offhook.session.ports.keeping import KEEP_USUAL, ErasedRequests, Retention, Upkeep
from offhook.session.session import Session
from offhook.store.memory.memory_records import UNDER_WAY, MemoryPart


class MemoryUpkeep(MemoryPart, Upkeep):
    """Deletes records as a database does."""

    async def purge(self, now: datetime, keep: Retention = KEEP_USUAL) -> int:
        data = self._data

        def before(days: int) -> datetime:
            return now - timedelta(days=days)

        gone = self._delete_requests(
            [key for key, each in data.requests.items() if each.at < before(keep.requests)]
        )
        gone += self._delete_sessions(self._final_before(before(keep.sessions)))
        if keep.deliveries is not None:
            old = [
                key
                for key, each in data.outbox.items()
                if each.state not in UNDER_WAY and each.entry.created_at < before(keep.deliveries)
            ]
            for key in old:
                del data.outbox[key]
            gone += len(old)
        for key in self._final_before(before(keep.events)) if keep.events is not None else ():
            gone += len(data.sessions[key].events)
            data.sessions[key].events.clear()
        campaigns = [
            key
            for key, each in data.campaigns.items()
            if each.campaign.state.final
            and not each.active
            and each.campaign.created_at < before(keep.sessions)
        ]
        for key in campaigns:
            del data.campaigns[key]
        return gone + len(campaigns)

    async def erase_sessions(self, sessions: Sequence[Session]) -> None:
        final = [session for session in sessions if session.status.final]
        self._delete_requests([session.call_flow_request_id for session in final])
        self._delete_sessions([session.session_id for session in final])

    async def erase_requests(
        self, sub_account_id: str, number: str, cursor: str | None = None
    ) -> ErasedRequests:
        """All in one look."""
        digits = number.removeprefix("+").encode()
        looked_at = len(self._data.requests)
        erased = self._delete_requests(
            [
                key
                for key, each in self._data.requests.items()
                if each.sub_account_id == sub_account_id
                and digits in each.body
                and each.session_id not in self._data.sessions
            ]
        )
        return ErasedRequests(erased, looked_at, None)

    async def erase_targets(self, sub_account_id: str, number: str) -> int:
        gone = 0
        for stored in self._data.campaigns.values():
            if stored.campaign.sub_account_id != sub_account_id:
                continue
            for position, target in stored.targets.items():
                done = target.state is TargetState.DONE or (
                    stored.campaign.state.final and target.state is not TargetState.CALLING
                )
                if target.number == number and done:
                    stored.targets[position] = msgspec.structs.replace(
                        target,
                        number=f"erased-{position}",
                        parameters={},
                        session_id=None,
                        detail=None,
                    )
                    gone += 1
        return gone

    def _final_before(self, before: datetime) -> list[str]:
        return [
            key
            for key, each in self._data.sessions.items()
            if each.session.status.final and each.session.created_at < before
        ]

    def _delete_requests(self, keys: Sequence[str]) -> int:
        return sum(self._data.requests.pop(key, None) is not None for key in keys)

    def _delete_sessions(self, keys: Sequence[str]) -> int:
        data, gone = self._data, set(keys)
        for key in keys:
            del data.sessions[key]
            data.sip_traces.pop(key, None)
            data.log_lines.pop(key, None)
            data.captures.pop(key, None)
        for key in [k for k, each in data.outbox.items() if each.entry.session_id in gone]:
            del data.outbox[key]
        return len(keys)
