"""The fabric: wake-ups, commands to live sessions, live events. Losing it costs latency, never work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Listener = Callable[[str, bytes], None]
"""Called on the loop with the topic and the message."""


class Fabric(Protocol):
    """A best-effort broadcast between the processes of one installation.

    Topics are dotted words. Used so far: ``queue`` (sessions were accepted: voice nodes try to
    claim), ``outbox`` (deliveries are due), ``session.{id}.events`` (new timeline facts, JSON),
    ``control.{id}`` (commands to the node that runs a session), ``tenancy`` (accounts, keys or
    webhooks changed).
    """

    async def start(self) -> None:
        """Connect, in the background if need be; never fails because the fabric is away."""
        ...

    def publish(self, topic: str, message: bytes = b"") -> None:
        """Send to every subscriber, ourselves included; dropped when the fabric is away."""
        ...

    def subscribe(self, pattern: str, listener: Listener) -> Callable[[], None]:
        """Hear a topic, or all below it with a final ``.*``; returns the unsubscribe call."""
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...
