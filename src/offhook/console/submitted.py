"""A callflow as it was submitted, action by action, with the one at fault marked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from offhook.console.rendering import pretty

_ACTION_AT = re.compile(r"\$\.(?:callflow|actions)\[(\d+)\]")
MOST_ACTIONS = 200
"""Actions that are shown one by one; a callflow may have 100."""


class MarkedAction(NamedTuple):
    """One action."""

    name: str
    json: str
    faults: list[str]
    """What was wrong with it; empty: nothing."""


class MarkedFlow(NamedTuple):
    """The whole."""

    actions: list[MarkedAction]
    faults: list[str]
    """What was wrong with it, and stands at no action."""
    raw: str


def marked_flow(
    body: bytes,
    problems: Sequence[tuple[str, str]] = (),
    fault_at: tuple[int, str] | None = None,
) -> MarkedFlow:
    """The actions of a request's body with its problems, each a path and a text.

    ``fault_at``: the action in which the session failed, and why.
    """
    actions = [_action(one) for one in _actions_of(body)[:MOST_ACTIONS]]
    elsewhere = []
    for path, text in problems:
        found = _ACTION_AT.match(path)
        place = int(found[1]) if found else -1
        if 0 <= place < len(actions):
            actions[place].faults.append(f"{path}: {text}")
        else:
            elsewhere.append(f"{path}: {text}" if path else text)
    if fault_at is not None:
        place, why = fault_at
        if 0 <= place < len(actions):
            actions[place].faults.append(why)
        else:
            elsewhere.append(why)
    return MarkedFlow(actions, elsewhere, pretty(body))


def _action(one: object) -> MarkedAction:
    name = one.get("action") if isinstance(one, dict) else None
    text = msgspec.json.format(msgspec.json.encode(one), indent=2).decode()
    return MarkedAction(name if isinstance(name, str) else "?", text, [])


def _actions_of(body: bytes) -> list[object]:
    """The list of actions, wherever a client writes it; empty where there is none."""
    try:
        read = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return []
    if isinstance(read, list):
        return read
    found = read.get("callflow", read.get("actions")) if isinstance(read, dict) else None
    return found if isinstance(found, list) else []
