"""What a process notes for the operator: the log lines of each session, and whether trunks answer.

``offhook logs SESSION`` reads the lines from the record, not from the journal of systemd or from a file: a
session's lines come from several processes, which may run on several machines, and the operator may
have access to the API only. Ordinary sessions log nothing at level info, so that only those that something
happened to cost a write. The lines wait in a bounded queue and are stored once a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict, deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from offhook.log import redacted_text, session_in_context
from offhook.session.ports.operating import LogLine, Operating, TrunkState
from offhook.session.ports.record import StoreUnavailable

FLUSH_EVERY: Final = 1.0
"""Seconds between two writes to the store."""
MOST_WAITING: Final = 2000
"""Lines that wait for the store; then the oldest are dropped."""
MOST_OF_SESSION: Final = 200
"""Lines of one session that a process keeps."""
MOST_SESSIONS: Final = 4_000
"""Sessions that have their lines counted."""
LONGEST: Final = 2000
"""Characters of a line."""
AT_ONCE: Final = 200
"""Lines in one transaction."""


class OperatorNotes(logging.Handler):
    """Collects the notes of one process, and stores them."""

    def __init__(self, store: Operating, *, process: str, node: str) -> None:
        """``process`` names the process in log lines, ``node`` the node in the store."""
        super().__init__(logging.INFO)
        self._store = store
        self._process = process
        self._node = node
        self._lines: deque[LogLine] = deque(maxlen=MOST_WAITING)
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._states: dict[str, TrunkState] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line that is about a session."""
        session_id = session_in_context()
        if session_id is None:
            return
        count = self._counts.pop(session_id, 0) + 1
        self._counts[session_id] = count
        if len(self._counts) > MOST_SESSIONS:
            self._counts.popitem(last=False)
        if count > MOST_OF_SESSION:
            return
        self._lines.append(
            LogLine(
                session_id=session_id,
                at=datetime.fromtimestamp(record.created, UTC),
                process=self._process,
                level=record.levelname.lower(),
                text=redacted_text(_text(record))[:LONGEST],
            )
        )

    def trunk_changed(self, state: TrunkState) -> None:
        """A trunk answers again, or does not any more."""
        self._states[state.trunk] = state

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Take the lines of all loggers meanwhile."""
        root = logging.getLogger()
        root.addHandler(self)
        try:
            yield
        finally:
            root.removeHandler(self)

    async def run(self) -> None:
        """Store what was noted, once a second, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_EVERY)
            await self.save()

    async def save(self) -> None:
        """Store what was noted; what the store cannot take now waits."""
        with contextlib.suppress(StoreUnavailable):
            for name, state in list(self._states.items()):
                await self._store.put_trunk_state(self._node, state)
                if self._states.get(name) is state:
                    del self._states[name]
            while self._lines:
                lines = [self._lines[place] for place in range(min(AT_ONCE, len(self._lines)))]
                await self._store.put_log_lines(lines)
                for line in lines:
                    if self._lines and self._lines[0] is line:
                        self._lines.popleft()


def _text(record: logging.LogRecord) -> str:
    """The message; of an exception also its type and text."""
    text = record.getMessage()
    if record.exc_info and record.exc_info[1] is not None:
        text += f" ({record.exc_info[1]!r})"
    return text
