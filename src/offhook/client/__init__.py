"""Clients of the API: ``from offhook import Client, AsyncClient`` (docs/clients.md).

Everything here is loaded when it is first asked for, so that ``import offhook`` costs nothing and a
receiver of webhooks needs no httpx.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from offhook.client.api_errors import (
        CallflowInvalid,
        KeyNotAccepted,
        KeyNotAllowed,
        NoAnswer,
        OffhookError,
        RequestInvalid,
        RequestRefused,
        ServerFailed,
        StateConflict,
        TooMany,
        UnknownResource,
    )
    from offhook.client.async_client import AsyncClient
    from offhook.client.live_events import LiveEvent
    from offhook.client.sync_client import Client

__all__ = [
    "AsyncClient",
    "CallflowInvalid",
    "Client",
    "KeyNotAccepted",
    "KeyNotAllowed",
    "LiveEvent",
    "NoAnswer",
    "OffhookError",
    "RequestInvalid",
    "RequestRefused",
    "ServerFailed",
    "StateConflict",
    "TooMany",
    "UnknownResource",
]

_PLACES = {"Client": "sync_client", "AsyncClient": "async_client", "LiveEvent": "live_events"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(f"{__name__}.{_PLACES.get(name, 'api_errors')}")
    except ModuleNotFoundError as error:
        if error.name != "httpx":
            raise
        text = f"offhook.{name} needs httpx: pip install 'offhook[client]'"
        raise ModuleNotFoundError(text, name="httpx") from error
    return getattr(module, name)
