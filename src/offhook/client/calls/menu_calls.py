"""Menus: its operations as methods. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from offhook.client.sending import AsyncSender, Sender
from offhook.client.types import MenuAnswer, MenuList, MenuRowBody


class MenuCalls(Sender):
    """Menus."""

    def list_menus(self) -> MenuList:
        """List the menus."""
        return self._send("GET", "/api/v1/subaccounts/{subAccountId}/menus", MenuList)

    def get_menu(self, name: str) -> MenuAnswer:
        """Show a menu."""
        return self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/menus/{name}",
            MenuAnswer,
            names={"name": name},
        )

    def put_menu(
        self,
        name: str,
        *,
        first: str,
        callflows: Mapping[str, Sequence[Mapping[str, object]]],
        table: Sequence[MenuRowBody] | None = None,
        numbers: Sequence[str] | None = None,
    ) -> MenuAnswer:
        """Create or replace a menu, and bind numbers to it.

        ``first``: The callflow that a call begins with.
        ``callflows``: Each callflow's actions, by name; 1 to 200 of them.
        ``table``: What follows a callflow; at most 2000 rows.
        ``numbers``: Numbers of the sub-account, in any spelling; they leave the menu they had.
        """
        return self._send(
            "PUT",
            "/api/v1/subaccounts/{subAccountId}/menus/{name}",
            MenuAnswer,
            names={"name": name},
            body={"first": first, "callflows": callflows, "table": table, "numbers": numbers},
        )

    def delete_menu(self, name: str) -> MenuAnswer:
        """Delete a menu."""
        return self._send(
            "DELETE",
            "/api/v1/subaccounts/{subAccountId}/menus/{name}",
            MenuAnswer,
            names={"name": name},
        )


class AsyncMenuCalls(AsyncSender):
    """Menus."""

    async def list_menus(self) -> MenuList:
        """List the menus."""
        return await self._send("GET", "/api/v1/subaccounts/{subAccountId}/menus", MenuList)

    async def get_menu(self, name: str) -> MenuAnswer:
        """Show a menu."""
        return await self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/menus/{name}",
            MenuAnswer,
            names={"name": name},
        )

    async def put_menu(
        self,
        name: str,
        *,
        first: str,
        callflows: Mapping[str, Sequence[Mapping[str, object]]],
        table: Sequence[MenuRowBody] | None = None,
        numbers: Sequence[str] | None = None,
    ) -> MenuAnswer:
        """Create or replace a menu, and bind numbers to it.

        ``first``: The callflow that a call begins with.
        ``callflows``: Each callflow's actions, by name; 1 to 200 of them.
        ``table``: What follows a callflow; at most 2000 rows.
        ``numbers``: Numbers of the sub-account, in any spelling; they leave the menu they had.
        """
        return await self._send(
            "PUT",
            "/api/v1/subaccounts/{subAccountId}/menus/{name}",
            MenuAnswer,
            names={"name": name},
            body={"first": first, "callflows": callflows, "table": table, "numbers": numbers},
        )

    async def delete_menu(self, name: str) -> MenuAnswer:
        """Delete a menu."""
        return await self._send(
            "DELETE",
            "/api/v1/subaccounts/{subAccountId}/menus/{name}",
            MenuAnswer,
            names={"name": name},
        )
