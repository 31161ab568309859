"""The fabric of a single process."""

from __future__ import annotations

from collections.abc import Callable

from offhook.fabric.subscriptions import Subscriptions, checked
from offhook.session.ports.fabric import Listener


class MemoryFabric:
    """See :class:`offhook.fabric.Fabric`; nothing leaves the process."""

    def __init__(self) -> None:
        self._subscriptions = Subscriptions()
        self._open = False

    async def start(self) -> None:
        """Begin to deliver."""
        self._open = True

    def publish(self, topic: str, message: bytes = b"") -> None:
        """Deliver at the loop's next turn."""
        if self._open:
            self._subscriptions.dispatch_soon(checked(topic), message)

    def subscribe(self, pattern: str, listener: Listener) -> Callable[[], None]:
        """See :meth:`offhook.fabric.Fabric.subscribe`."""
        return self._subscriptions.add(pattern, listener)

    async def flush(self) -> None:
        """What was subscribed before this is heard from now on: nothing to wait for here."""

    async def close(self) -> None:
        """Deliver nothing any more."""
        self._open = False
