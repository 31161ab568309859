"""Opt-outs: its operations as methods. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from offhook.client.sending import AsyncSender, Sender
from offhook.client.types import OptOutAnswer, OptOutList, OptOutView


class OptOutCalls(Sender):
    """Opt-outs."""

    def list_opt_outs(self, *, cursor: str | None = None, limit: int | None = None) -> OptOutList:
        """List the numbers that opted out, newest first.

        ``cursor``: ``nextCursor`` of the page before.
        """
        return self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/opt-outs",
            OptOutList,
            query={"cursor": cursor, "limit": limit},
        )

    def iter_opt_outs(self, *, limit: int | None = None) -> Iterator[OptOutView]:
        """All of :meth:`list_opt_outs`, asked for page by page; ``limit``: of one page."""
        return self._pages(
            lambda cursor: self.list_opt_outs(cursor=cursor, limit=limit),
            lambda page: page.opt_outs,
        )

    def get_opt_out(self, number: str) -> OptOutAnswer:
        """Show whether a number opted out.

        ``number``: With its country code, in any spelling.
        """
        return self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/opt-outs/{number}",
            OptOutAnswer,
            names={"number": number},
        )

    def put_opt_out(self, number: str) -> OptOutAnswer:
        """Put a number on the opt-out list.

        ``number``: With its country code, in any spelling.
        """
        return self._send(
            "PUT",
            "/api/v1/subaccounts/{subAccountId}/opt-outs/{number}",
            OptOutAnswer,
            names={"number": number},
        )

    def delete_opt_out(self, number: str) -> OptOutAnswer:
        """Take a number off the opt-out list.

        ``number``: With its country code, in any spelling.
        """
        return self._send(
            "DELETE",
            "/api/v1/subaccounts/{subAccountId}/opt-outs/{number}",
            OptOutAnswer,
            names={"number": number},
        )


class AsyncOptOutCalls(AsyncSender):
    """Opt-outs."""

    async def list_opt_outs(
        self, *, cursor: str | None = None, limit: int | None = None
    ) -> OptOutList:
        """List the numbers that opted out, newest first.

        ``cursor``: ``nextCursor`` of the page before.
        """
        return await self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/opt-outs",
            OptOutList,
            query={"cursor": cursor, "limit": limit},
        )

    def iter_opt_outs(self, *, limit: int | None = None) -> AsyncIterator[OptOutView]:
        """All of :meth:`list_opt_outs`, asked for page by page; ``limit``: of one page."""
        return self._pages(
            lambda cursor: self.list_opt_outs(cursor=cursor, limit=limit),
            lambda page: page.opt_outs,
        )

    async def get_opt_out(self, number: str) -> OptOutAnswer:
        """Show whether a number opted out.

        ``number``: With its country code, in any spelling.
        """
        return await self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/opt-outs/{number}",
            OptOutAnswer,
            names={"number": number},
        )

    async def put_opt_out(self, number: str) -> OptOutAnswer:
        """Put a number on the opt-out list.

        ``number``: With its country code, in any spelling.
        """
        return await self._send(
            "PUT",
            "/api/v1/subaccounts/{subAccountId}/opt-outs/{number}",
            OptOutAnswer,
            names={"number": number},
        )

    async def delete_opt_out(self, number: str) -> OptOutAnswer:
        """Take a number off the opt-out list.

        ``number``: With its country code, in any spelling.
        """
        return await self._send(
            "DELETE",
            "/api/v1/subaccounts/{subAccountId}/opt-outs/{number}",
            OptOutAnswer,
            names={"number": number},
        )
