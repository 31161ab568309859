"""A session's live events, read from a stream of server-sent events (WHATWG HTML, section 9.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from offhook.client.api_errors import NoAnswer

LAST = "SESSION_ENDED"
MOST_BYTES = 4 * 1024 * 1024
"""Of one event; more is no Offhook."""
QUIET = 60.0
"""Seconds without a byte after which the connection counts as lost; the server sends a comment every 15."""


class LiveEvent(msgspec.Struct, frozen=True):
    """One event of a session."""

    number: int
    """1, 2, 3 …: give it as ``after`` to go on behind it."""
    event: str
    """Its name, such as ``CALL_CONNECTED``; ``SESSION_ENDED`` is the last."""
    timestamp: str
    """ISO 8601, UTC, milliseconds."""
    members: Mapping[str, object]
    """All members, those above included."""


class EventReader:
    """Bytes in, events out."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, data: bytes) -> Iterator[LiveEvent]:
        """The events that ``data`` completes. Raises :class:`NoAnswer` for what is no event."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in (each.removesuffix(b"\r") for each in lines):
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line and self._data:
                text, self._data = b"\n".join(self._data), []
                yield _event(text)
        if len(self._rest) + sum(map(len, self._data)) > MOST_BYTES:
            raise NoAnswer("an event of the stream is too long")


def _event(text: bytes) -> LiveEvent:
    try:
        members = msgspec.json.decode(text, type=dict[str, Any])
        return LiveEvent(
            number=int(members["number"]),
            event=str(members["event"]),
            timestamp=str(members["timestamp"]),
            members=members,
        )
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        raise NoAnswer(f"the stream holds what is no event: {error}") from error
