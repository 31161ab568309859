"""Usage: its operations as methods. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from offhook.client.sending import AsyncSender, Sender
from offhook.client.types import UsageAnswer


class UsageCalls(Sender):
    """Usage."""

    def get_usage(
        self, *, month: str | None = None, since: str | None = None, until: str | None = None
    ) -> UsageAnswer:
        """Minutes, calls, answer rate and cost by day and country.

        ``month``: A month such as ``2026-11``; absent: this month, unless ``since`` is there.
        ``since``: A day such as ``2026-11-28`` (UTC), included.
        ``until``: A day such as ``2026-11-28`` (UTC), included.
        """
        return self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/usage",
            UsageAnswer,
            query={"month": month, "since": since, "until": until},
        )


class AsyncUsageCalls(AsyncSender):
    """Usage."""

    async def get_usage(
        self, *, month: str | None = None, since: str | None = None, until: str | None = None
    ) -> UsageAnswer:
        """Minutes, calls, answer rate and cost by day and country.

        ``month``: A month such as ``2026-11``; absent: this month, unless ``since`` is there.
        ``since``: A day such as ``2026-11-28`` (UTC), included.
        ``until``: A day such as ``2026-11-28`` (UTC), included.
        """
        return await self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/usage",
            UsageAnswer,
            query={"month": month, "since": since, "until": until},
        )
