"""What the pages of settings share: the API for one sub-account with the visitor's rights."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec
from litestar.response import Redirect

from offhook.console.choice import one_account
from offhook.console.console_parts import ConsoleParts
from offhook.console.sign_ins import Visitor
from offhook.console.told import problem_of, told
from offhook.console.web import (
    Forbidden,
    NotFound,
    Unsuitable,
    WebRequest,
    asked,
    form_of,
    led_to,
    to,
    visitor_of,
)
from offhook.session.ports.api_door import ApiReply
from offhook.session.scopes import Scope

SUB_ACCOUNTS = "/api/v1/subaccounts/"
ADMIN = "/admin/v1/"


class Desk(NamedTuple):
    """Where a visitor works on the settings of a sub-account."""

    parts: ConsoleParts
    visitor: Visitor
    account: str

    async def read(self, *path: str, **query: str) -> Any:
        """What the API answers below the sub-account. Raises Forbidden, NotFound, Unsuitable."""
        return await self._read(SUB_ACCOUNTS + path_of(self.account, *path), query)

    async def read_admin(self, *path: str, **query: str) -> Any:
        """What the operator's API answers. Raises as :meth:`read`."""
        return await self._read(ADMIN + path_of(*path), query)

    async def _read(self, path: str, query: dict[str, str]) -> Any:
        given = {name: value for name, value in query.items() if value}
        reply = await self.parts.api.ask(self.visitor.grant, "GET", path, query=urlencode(given))
        if reply.fine:
            return reply.json()
        kinds = {403: Forbidden, 404: NotFound}
        raise kinds.get(reply.status, Unsuitable)(problem_of(reply))

    async def change(self, method: str, *path: str, body: object = None) -> ApiReply:
        """Ask the API for a change below the sub-account."""
        return await self._change(method, SUB_ACCOUNTS + path_of(self.account, *path), body)

    async def change_admin(self, method: str, *path: str, body: object = None) -> ApiReply:
        """Ask the operator's API for a change."""
        return await self._change(method, ADMIN + path_of(*path), body)

    async def send(self, method: str, *path: str, body: bytes) -> ApiReply:
        """As :meth:`change`, with a body as the visitor wrote it."""
        address = SUB_ACCOUNTS + path_of(self.account, *path)
        return await self.parts.api.ask(self.visitor.grant, method, address, body=body)

    async def _change(self, method: str, path: str, body: object) -> ApiReply:
        encoded = b"" if body is None else msgspec.json.encode(body)
        return await self.parts.api.ask(self.visitor.grant, method, path, body=encoded)

    def back(self, *page: str, reply: ApiReply, fine: str) -> Redirect:
        """Lead to a page that tells what became of a change."""
        return led_to(to(*page, account=self.account, **told(self.visitor, reply, fine)))


def path_of(*parts: str) -> str:
    """A path of these parts, each of which stays one part. Raises NotFound."""
    if any(part in ("", ".", "..") or "/" in part for part in parts):
        raise NotFound("There is no such thing")
    return "/".join(parts)


def desk_of(request: WebRequest, parts: ConsoleParts) -> Desk:
    """The desk of the chosen sub-account. Raises NotFound where the visitor has none."""
    account = one_account(request)
    if account is None:
        raise NotFound("There is no sub-account yet. The operator makes one.")
    return Desk(parts, visitor_of(request), account.sub_account_id)


async def desk_and_form(request: WebRequest, parts: ConsoleParts) -> tuple[Desk, dict[str, str]]:
    """The desk of the sub-account that a form names, and the form's fields without blanks around them."""
    form = {name: value.strip() for name, value in (await form_of(request)).items()}
    visitor = visitor_of(request)
    account = form.get("account") or asked(request, "account")
    if not visitor.may(Scope.SETTINGS_READ) or not visitor.opens(account):
        raise NotFound("There is no such sub-account, or your key does not open it")
    return Desk(parts, visitor, account), form


def operators_desk(request: WebRequest, parts: ConsoleParts) -> Desk:
    """The desk of an operator, whatever sub-accounts there are. Raises Forbidden for others."""
    visitor = visitor_of(request)
    if not visitor.is_operator:
        raise Forbidden("This page is for operators")
    return Desk(parts, visitor, "")


def json_of(name: str, text: str) -> Any:
    """The JSON that a field holds. Raises Unsuitable, with the place where it is wrong."""
    try:
        return msgspec.json.decode(text.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unsuitable(f"{name}: this is no JSON: {error}") from None
