"""The fabric: wake-ups, commands to live sessions, live events. Losing it costs latency, never work."""

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
    webhooks changed).
    """

    @abstractmethod
    async def start(self) -> None:
        """Connect. When the fabric is away, go on trying in the background."""

    @abstractmethod
    def publish(self, topic: str, message: bytes = b"") -> None:
        """Send to every subscriber, this process included; dropped when the fabric is away."""

    @abstractmethod
    def subscribe(self, pattern: str, listener: Listener) -> Callable[[], None]:
        """Hear a topic, or all below it with a final ``.*``; returns the unsubscribe call."""

    @abstractmethod
    async def flush(self) -> None:
        """Wait until what was sent and subscribed has reached the fabric, or 5 s."""

    @abstractmethod
    async def close(self) -> None:
        """Disconnect."""
