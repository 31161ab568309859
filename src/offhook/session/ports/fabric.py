"""The fabric: wake-ups, commands to live sessions, live events. While it is away, work takes longer but
none is lost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

Listener = Callable[[str, bytes], None]
"""Called on the loop with the topic and the message."""


class Fabric(ABC):
    """A best-effort broadcast between the processes of one installation.

    Topics are dotted words. Used so far: ``queue`` (sessions were accepted: voice nodes try to
    claim), ``outbox`` (deliveries are due), ``session.{id}.events`` (new timeline facts, JSON),
    ``control.{id}`` (commands to the node that runs a session), ``tenancy`` (accounts, keys or
    webhooks changed), ``campaigns`` (one was started, paused or canceled).
    """

    @abstractmethod
    async def start(self) -> None:
        """Connect. While the fabric is away, keep trying in the background."""

    @abstractmethod
    def publish(self, topic: str, message: bytes = b"") -> None:
        """Send to every subscriber, this process included; dropped when the fabric is away."""

    @abstractmethod
    def subscribe(self, pattern: str, listener: Listener) -> Callable[[], None]:
        """Subscribe to a topic, or with a final ``.*`` to all below it; returns the unsubscribe
        function."""

    @abstractmethod
    async def flush(self) -> None:
        """Wait until what was sent and subscribed has reached the fabric, or 5 s."""

    @abstractmethod
    async def close(self) -> None:
        """Disconnect."""
