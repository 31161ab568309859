"""Menus: what requests and answers hold. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["MenuAnswer", "MenuList", "MenuRowBody", "MenuView"]


class MenuRowBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One row of the table."""

    menu: str
    """The callflow that has ended."""
    on: str
    """The digits of its last sayAndCapture, ``none``, or ``invalid`` for digits without a row of
    their own.
    """
    next: str
    """The callflow that follows."""


class MenuView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One menu."""

    name: str
    """The name."""
    first: str
    """The callflow that a call begins with."""
    callflows: dict[str, list[dict[str, Any]]]
    """Each callflow's actions, by name."""
    table: list[MenuRowBody] | None = None
    """What follows a callflow."""
    numbers: list[str] | None = None
    """The numbers that it answers."""


class MenuList(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """All menus of the sub-account."""

    menus: list[MenuView]
    """The menus, by name."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class MenuAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One menu, asked for by name."""

    name: str
    """The name."""
    first: str
    """The callflow that a call begins with."""
    callflows: dict[str, list[dict[str, Any]]]
    """Each callflow's actions, by name."""
    table: list[MenuRowBody] | None = None
    """What follows a callflow."""
    numbers: list[str] | None = None
    """The numbers that it answers."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""
