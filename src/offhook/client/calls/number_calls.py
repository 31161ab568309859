"""Numbers: its operations as methods. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from offhook.client.sending import AsyncSender, Sender
from offhook.client.types import NumberAnswer, NumberList


class NumberCalls(Sender):
    """Numbers."""

    def list_numbers(self) -> NumberList:
        """List the virtual numbers."""
        return self._send("GET", "/api/v1/subaccounts/{subAccountId}/numbers", NumberList)

    def get_number(self, number: str) -> NumberAnswer:
        """Check one virtual number.

        ``number``: With its country code, in any spelling.
        """
        return self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/numbers/{number}",
            NumberAnswer,
            names={"number": number},
        )


class AsyncNumberCalls(AsyncSender):
    """Numbers."""

    async def list_numbers(self) -> NumberList:
        """List the virtual numbers."""
        return await self._send("GET", "/api/v1/subaccounts/{subAccountId}/numbers", NumberList)

    async def get_number(self, number: str) -> NumberAnswer:
        """Check one virtual number.

        ``number``: With its country code, in any spelling.
        """
        return await self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/numbers/{number}",
            NumberAnswer,
            names={"number": number},
        )
