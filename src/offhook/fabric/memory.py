"""The fabric of a single process."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from offhook.fabric.subscriptions import Subscriptions, checked
from offhook.session.ports.fabric import Fabric, Listener


@final
class MemoryFabric(Fabric):
    """Serves one process; no message leaves it."""

    def __init__(self) -> None:
        self._subscriptions = Subscriptions()
        self._open = False

    async def start(self) -> None:
        self._open = True

    def publish(self, topic: str, message: bytes = b"") -> None:
        if self._open:
            self._subscriptions.dispatch_soon(checked(topic), message)

    def subscribe(self, pattern: str, listener: Listener) -> Callable[[], None]:
        return self._subscriptions.add(pattern, listener)

    async def flush(self) -> None:
        pass

    async def close(self) -> None:
        self._open = False
