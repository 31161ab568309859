"""Operation: its operations as methods. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from offhook.client.sending import AsyncSender, Sender
from offhook.client.types import Health, ProcessHealth


class OperationCalls(Sender):
    """Operation."""

    def get_health(self) -> ProcessHealth:
        """Whether the process is alive."""
        return self._send("GET", "/healthz", ProcessHealth)

    def get_readiness(self) -> Health:
        """Whether new callflows are accepted and served."""
        return self._send("GET", "/readyz", Health)

    def get_metrics(self) -> str:
        """Figures of all processes of this machine as Prometheus text."""
        return self._send("GET", "/metrics", str)


class AsyncOperationCalls(AsyncSender):
    """Operation."""

    async def get_health(self) -> ProcessHealth:
        """Whether the process is alive."""
        return await self._send("GET", "/healthz", ProcessHealth)

    async def get_readiness(self) -> Health:
        """Whether new callflows are accepted and served."""
        return await self._send("GET", "/readyz", Health)

    async def get_metrics(self) -> str:
        """Figures of all processes of this machine as Prometheus text."""
        return await self._send("GET", "/metrics", str)
