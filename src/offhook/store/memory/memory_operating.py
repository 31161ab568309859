"""What the record in memory keeps for the operator."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from offhook.session.ports.operating import LogLine, Operating, TrunkState
from offhook.session.ports.record import EVERY_SESSION, SessionFilter
from offhook.session.ports.session_history import History
from offhook.session.session import Session
from offhook.store.every_session import newest_of_all
from offhook.store.memory.memory_records import MemoryPart


class MemoryOperating(MemoryPart, History, Operating):
    """Dictionaries by trunk and by session."""

    async def put_trunk_state(self, node: str, state: TrunkState) -> None:
        self._data.trunk_states[state.trunk, node] = state

    async def trunk_states(self) -> Sequence[tuple[str, TrunkState]]:
        return [(node, state) for (_, node), state in sorted(self._data.trunk_states.items())]

    async def begin_trouble(self, subject: str, now: datetime, *, again_after: float) -> bool:
        since = self._data.troubles.get(subject)
        if since is not None and now - since < timedelta(seconds=again_after):
            return False
        self._data.troubles[subject] = now
        return True

    async def end_trouble(self, subject: str) -> bool:
        return self._data.troubles.pop(subject, None) is not None

    async def put_log_lines(self, lines: Sequence[LogLine]) -> None:
        for line in lines:
            self._data.log_lines.setdefault(line.session_id, []).append(line)

    async def log_lines(self, session_id: str) -> Sequence[LogLine]:
        return sorted(self._data.log_lines.get(session_id, ()), key=lambda line: line.at)

    async def put_capture(self, session_id: str, at: datetime, pcap: bytes) -> None:
        self._data.captures[session_id] = pcap

    async def capture(self, session_id: str) -> bytes | None:
        return self._data.captures.get(session_id)

    async def any_session(self, session_id: str) -> Session | None:
        stored = self._data.sessions.get(session_id)
        return None if stored is None else stored.session

    async def every_session(
        self,
        chosen: SessionFilter = EVERY_SESSION,
        *,
        owners: Sequence[str] | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[Sequence[Session], str | None]:
        if owners is None:
            everyone = {each.session.sub_account_id for each in self._data.sessions.values()}
            owners = sorted(everyone)
        return await newest_of_all(self, owners, chosen, cursor, limit)
