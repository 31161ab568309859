"""The options of commands that talk to a running server, and the client that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from offhook.commands.common import USAGE, CommandError

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
LOCAL = "http://127.0.0.1:8080"


AdminKey = Annotated[
    str | None,
    Parameter(
        name="--admin-key",
        env_var="OFFHOOK_ADMIN_KEY",
        help="One of the operator's keys ([admin] api_keys).",
        show_default=False,
    ),
]


def operator_of(url: str, admin_key: str | None) -> ApiClient:
    """The operator's own API. Raises :class:`CommandError` without a key."""
    from offhook.commands.api_client import ApiClient

    if not admin_key:
        raise CommandError("no operator's key: give --admin-key or set OFFHOOK_ADMIN_KEY", USAGE)
    return ApiClient(url, admin_key, sub_account=None)


def client_of(url: str, api_key: str | None, sub_account: str) -> ApiClient:
    """The API of a sub-account. Raises :class:`CommandError` without a key."""
    from offhook.commands.api_client import ApiClient

    if not api_key:
        raise CommandError("no API key: give --api-key or set OFFHOOK_API_KEY", USAGE)
    return ApiClient(url, api_key, sub_account)
