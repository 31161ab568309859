"""Topics and their listeners: the part that every fabric shares."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterator

from offhook.session.ports.fabric import Listener

_log = logging.getLogger(__name__)

MAX_TOPIC = 255
"""Bytes of a topic or pattern in UTF-8."""
_WORD = r"[_-]*[A-Za-z0-9][A-Za-z0-9_-]*"
_TOPIC = re.compile(rf"(?:{_WORD}\.)*(?:{_WORD}|\*)")


def checked(topic: str) -> str:
    """``topic`` itself. Raises ValueError unless it is dotted words of letters, digits, ``_ - *``."""
    if len(topic) > MAX_TOPIC or not _TOPIC.fullmatch(topic):
        starred = "*" in topic.split(".")[:-1]
        raise ValueError(
            f"invalid topic{', a * may only be the last word' if starred else ''}: {topic!r}"
        )
    return topic


def patterns_of(topic: str) -> Iterator[str]:
    """Every pattern that matches ``topic``: itself, and ``a.*`` for each word in front."""
    yield topic
    end = topic.rfind(".")
    while end != -1:
        yield topic[:end] + ".*"
        end = topic.rfind(".", 0, end)


class Subscriptions:
    """The listeners of one process by pattern."""

    def __init__(
        self,
        on_first: Callable[[str], None] = lambda pattern: None,
        on_none: Callable[[str], None] = lambda pattern: None,
    ) -> None:
        """``on_first`` and ``on_none`` are called when a pattern gets its first and loses its last
        listener."""
        self._listeners: dict[str, list[Listener]] = {}
        self._on_first = on_first
        self._on_none = on_none

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns that have listeners now."""
        return tuple(self._listeners)

    def __contains__(self, pattern: str) -> bool:
        return pattern in self._listeners

    def add(self, pattern: str, listener: Listener) -> Callable[[], None]:
        """Add a listener of a topic; returns a function that removes it, which may be called twice."""
        listeners = self._listeners.setdefault(checked(pattern), [])
        listeners.append(listener)
        if len(listeners) == 1:
            self._on_first(pattern)
        removed = False

        def remove() -> None:
            nonlocal removed
            if removed:
                return
            removed = True
            listeners.remove(listener)
            if not listeners:
                del self._listeners[pattern]
                self._on_none(pattern)

        return remove

    def dispatch(self, topic: str, message: bytes) -> None:
        """Call every listener of ``topic``; one that raises is logged and does not stop the others."""
        for pattern in patterns_of(topic):
            for listener in tuple(self._listeners.get(pattern, ())):
                try:
                    listener(topic, message)
                except Exception:
                    _log.exception("a listener of the topic %s failed", pattern)

    def dispatch_soon(self, topic: str, message: bytes) -> None:
        """:meth:`dispatch`, at the loop's next turn: a listener never runs inside the publisher's call."""
        listeners = self._listeners
        for pattern in patterns_of(topic):
            if pattern in listeners:
                asyncio.get_running_loop().call_soon(self.dispatch, topic, message)
                return
