"""The options of commands that talk to a running server, and the client that they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from offhook.commands.common import DEMO, USAGE, CommandError

if TYPE_CHECKING:
    from offhook.commands.api_client import ApiClient

Url = Annotated[
    str, Parameter(name="--url", env_var="OFFHOOK_URL", help="Where the server's API is.")
]
ApiKey = Annotated[
    str | None,
    Parameter(name="--api-key", env_var="OFFHOOK_API_KEY", help="The API key.", show_default=False),
]
SubAccount = Annotated[
    str, Parameter(name="--subaccount", env_var="OFFHOOK_SUBACCOUNT", help="The sub-account.")
]
AdminKey = Annotated[
    str | None,
    Parameter(
        name="--admin-key",
        env_var="OFFHOOK_ADMIN_KEY",
        help="One of the operator's keys ([admin] api_keys).",
        show_default=False,
    ),
]
Cursor = Annotated[str | None, Parameter(help="Where the page before ended.")]
Limit = Annotated[int, Parameter(help="At most so many, 1 to 200.")]
LOCAL = "http://127.0.0.1:8080"


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Server:
    """The options of a command that works for a sub-account."""

    url: Url = LOCAL
    api_key: ApiKey = None
    subaccount: SubAccount = DEMO

    def client(self) -> ApiClient:
        """The API of the sub-account. Raises :class:`CommandError` without a key."""
        return _client(self.url, self.api_key, self.subaccount)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Operator:
    """The options of a command that works for the operator."""

    url: Url = LOCAL
    admin_key: AdminKey = None

    def client(self) -> ApiClient:
        """The operator's own API. Raises :class:`CommandError` without a key."""
        return _operator(self.url, self.admin_key)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class AnyServer:
    """The options of a command that works for a sub-account, or for the operator."""

    url: Url = LOCAL
    api_key: ApiKey = None
    admin_key: AdminKey = None
    subaccount: SubAccount = DEMO

    def client(self) -> ApiClient:
        """The API of the sub-account. Raises :class:`CommandError` without a key."""
        return _client(self.url, self.api_key, self.subaccount)

    def operator(self) -> ApiClient:
        """The operator's own API. Raises :class:`CommandError` without a key."""
        return _operator(self.url, self.admin_key)


SERVER = Server()
OPERATOR = Operator()
ANY_SERVER = AnyServer()


def page_text(rows: str, answer: Mapping[str, Any]) -> str:
    """A page of a list, and how to get the next one where there is one."""
    more = answer.get("nextCursor")
    return f"{rows}\nMore: --cursor {more}" if more else rows


def _client(url: str, api_key: str | None, sub_account: str) -> ApiClient:
    from offhook.commands.api_client import ApiClient

    if not api_key:
        raise CommandError("no API key: give --api-key or set OFFHOOK_API_KEY", USAGE)
    return ApiClient(url, api_key, sub_account)


def _operator(url: str, admin_key: str | None) -> ApiClient:
    from offhook.commands.api_client import ApiClient

    if not admin_key:
        raise CommandError("no operator's key: give --admin-key or set OFFHOOK_ADMIN_KEY", USAGE)
    return ApiClient(url, admin_key, sub_account=None)
