"""Offhook: an open, self-hosted programmable-voice server speaking the Callflows API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from offhook.client import AsyncClient, Client

__version__ = "0.1.0"
__all__ = ["AsyncClient", "Client"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from offhook import client

    return getattr(client, name)
