"""Opt-outs: what requests and answers hold. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

import msgspec

from offhook.client.open_set import OpenSet

__all__ = ["OptOutAnswer", "OptOutList", "OptOutView", "OptOutWay"]


class OptOutWay(OpenSet):
    """How a number came onto the list."""

    KEY = "KEY"
    API = "API"


class OptOutView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One number on the list."""

    number: str
    """E.164 with ``+``."""
    timestamp: str
    """When it came onto the list."""
    way: OptOutWay
    """``KEY``: the called person pressed the opt-out key; ``API``: it was put there."""
    session_id: str | None = None
    """The session in which the key was pressed."""


class OptOutList(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A page of the list, newest first."""

    opt_outs: list[OptOutView]
    """The numbers."""
    next_cursor: str | None = None
    """Give it as ``cursor`` to get the next page; absent on the last."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class OptOutAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One number, asked for by itself."""

    number: str
    """E.164 with ``+``."""
    timestamp: str
    """When it came onto the list."""
    way: OptOutWay
    """``KEY``: the called person pressed the opt-out key; ``API``: it was put there."""
    session_id: str | None = None
    """The session in which the key was pressed."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""
