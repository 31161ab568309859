"""What a database keeps for the operator."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from offhook.clock import new_id
from offhook.session.ports.operating import LogLine, Operating, TrunkState
from offhook.session.ports.record import EVERY_SESSION, SessionFilter
from offhook.session.ports.session_history import History
from offhook.session.session import Session
from offhook.store import schema
from offhook.store.documents import decode_session, from_micros, micros
from offhook.store.every_session import newest_of_all
from offhook.store.rows import Row
from offhook.store.statements import Statements


class SqlOperating(Statements, History, Operating):
    """One row for each trunk of a node, line and capture."""

    async def put_trunk_state(self, node: str, state: TrunkState) -> None:
        values = {
            "trunk": state.trunk,
            "node": node,
            "up": state.up,
            "since": micros(state.since),
            "detail": state.detail,
        }
        await self._write(self._upsert(schema.trunk_states, ["trunk", "node"], values))

    async def trunk_states(self) -> Sequence[tuple[str, TrunkState]]:
        t = schema.trunk_states
        rows = await self._read(select(t).order_by(t.c.trunk, t.c.node))
        return [(row["node"], _trunk_state(row)) for row in rows]

    async def begin_trouble(self, subject: str, now: datetime, *, again_after: float) -> bool:
        t = schema.troubles
        old = t.c.since <= micros(now - timedelta(seconds=again_after))
        made = self._insert(t).values(subject=subject, since=micros(now))
        noted = made.on_conflict_do_update(
            index_elements=["subject"], set_={"since": micros(now)}, where=old
        )
        return await self._changed(noted, t.c.subject)

    async def end_trouble(self, subject: str) -> bool:
        t = schema.troubles
        return await self._changed(delete(t).where(t.c.subject == subject), t.c.subject)

    async def put_log_lines(self, lines: Sequence[LogLine]) -> None:
        rows = [
            {
                "session_id": line.session_id,
                "at": micros(line.at),
                "line_id": new_id(),
                "process": line.process,
                "level": line.level,
                "text": line.text.replace("\0", ""),
            }
            for line in lines
        ]
        await self._insert_rows(schema.log_lines, rows)

    async def log_lines(self, session_id: str) -> Sequence[LogLine]:
        t = schema.log_lines
        query = select(t).where(t.c.session_id == session_id).order_by(t.c.at, t.c.line_id)
        return [
            LogLine(
                session_id=session_id,
                at=from_micros(row["at"]),
                process=row["process"],
                level=row["level"],
                text=row["text"],
            )
            for row in await self._read(query)
        ]

    async def put_capture(self, session_id: str, at: datetime, pcap: bytes) -> None:
        values = {"session_id": session_id, "at": micros(at), "pcap": pcap}
        await self._write(self._upsert(schema.captures, ["session_id"], values))

    async def capture(self, session_id: str) -> bytes | None:
        t = schema.captures
        rows = await self._read(select(t.c.pcap).where(t.c.session_id == session_id))
        return bytes(rows[0]["pcap"]) if rows else None

    async def any_session(self, session_id: str) -> Session | None:
        t = schema.sessions
        rows = await self._read(select(t.c.document).where(t.c.session_id == session_id))
        return decode_session(rows[0]["document"]) if rows else None

    async def every_session(
        self,
        chosen: SessionFilter = EVERY_SESSION,
        *,
        owners: Sequence[str] | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[Sequence[Session], str | None]:
        if owners is None:
            owners = [row["sub_account_id"] for row in await self._read_named("owners")]
        return await newest_of_all(self, owners, chosen, cursor, limit)


def _trunk_state(row: Row) -> TrunkState:
    return TrunkState(
        trunk=row["trunk"],
        up=bool(row["up"]),
        since=from_micros(row["since"]),
        detail=row["detail"],
    )
