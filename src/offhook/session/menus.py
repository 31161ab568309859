"""Stored menus: callflows that lead to each other by a table, without a customer's server.

A menu belongs to numbers. A call to one of them runs its first callflow, as if the VCA webhook had answered
``CALL_RECEIVED`` with it. When a callflow has ended, the table says what follows: by the digits of its last
sayAndCapture, by ``none`` where there were none, or by ``invalid`` where no row has those digits.

The document of a menu, as a file or a request holds it::

    {"first": "welcome",
     "callflows": {"welcome": [{"action": "sayAndCapture", …}], "sales": […]},
     "table": [{"menu": "welcome", "on": "1", "next": "sales"},
               {"menu": "welcome", "on": "invalid", "next": "welcome"}]}
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from offhook.flow import jsontext
from offhook.flow.context import JudgingContext
from offhook.flow.judge import judge_value
from offhook.flow.problems import Mode

NONE, INVALID = "none", "invalid"
"""Rows for no digits, and for digits without a row of their own."""
MOST_CALLFLOWS = 200
MOST_ROWS = 2000
NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_ON = re.compile(rf"[0-9*#A-D]{{1,25}}|{NONE}|{INVALID}")


class InvalidMenu(Exception):
    """A document that is no menu; the text begins with the path of the mistake."""


class Menu(msgspec.Struct, frozen=True, kw_only=True):
    """One stored menu."""

    name: str
    first: str
    """The callflow that a call begins with."""
    callflows: Mapping[str, str]
    """The JSON of each callflow's actions, by name; the name is its ``clientActionId`` too."""
    rows: Mapping[str, Mapping[str, str]] = {}
    """The table: callflow, then digits, ``none`` or ``invalid``, to the next callflow."""
    numbers: frozenset[str] = frozenset()
    """The numbers it answers, E.164 with ``+``."""

    def after(self, callflow: str, digits: str | None) -> str | None:
        """The callflow that follows; None: the table has no row for this."""
        rows = self.rows.get(callflow, {})
        if digits is None:
            return rows.get(NONE)
        return rows.get(digits, rows.get(INVALID))

    def body(self, callflow: str) -> dict[str, object]:
        """A callflow as a webhook would answer it."""
        return {"clientActionId": callflow, "callflow": json.loads(self.callflows[callflow])}


def read_menu(name: str, document: object, numbers: frozenset[str] = frozenset()) -> Menu:
    """The menu that a document describes. Raises :class:`InvalidMenu`."""
    if not isinstance(document, dict):
        raise InvalidMenu("$: must be an object")
    callflows = _callflows(document.get("callflows"))
    first = document.get("first")
    if first not in callflows:
        raise InvalidMenu("first: must name one of the callflows")
    return Menu(
        name=name,
        first=str(first),
        callflows=callflows,
        rows=_table(document.get("table"), callflows),
        numbers=numbers,
    )


def menu_of_text(name: str, text: str, numbers: frozenset[str] = frozenset()) -> Menu:
    """The menu in a file. Raises :class:`InvalidMenu`."""
    try:
        document = jsontext.decode(text.encode("utf-8", "surrogatepass"))
    except jsontext.InvalidJson as error:
        raise InvalidMenu(f"$: not JSON: {error}") from None
    return read_menu(name, document, numbers)


def _callflows(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not value:
        raise InvalidMenu("callflows: must be an object with at least one callflow")
    if len(value) > MOST_CALLFLOWS:
        raise InvalidMenu(f"callflows: more than {MOST_CALLFLOWS}")
    found: dict[str, str] = {}
    for name, actions in value.items():
        if not NAME.fullmatch(name):
            raise InvalidMenu(f"callflows: {name[:100]!r} is no name of a callflow")
        if not isinstance(actions, list):
            raise InvalidMenu(f"callflows.{name}: must be the array of its actions")
        found[name] = json.dumps(actions, ensure_ascii=False)
    return found


def _table(value: object, callflows: Mapping[str, str]) -> dict[str, dict[str, str]]:
    rows: dict[str, dict[str, str]] = {}
    if value is None:
        return rows
    if not isinstance(value, list) or len(value) > MOST_ROWS:
        raise InvalidMenu(f"table: must be an array of at most {MOST_ROWS} rows")
    for index, row in enumerate(value):
        here = f"table[{index}]"
        if not isinstance(row, dict):
            raise InvalidMenu(f"{here}: must be an object")
        for member in ("menu", "next"):
            if row.get(member) not in callflows:
                raise InvalidMenu(f"{here}.{member}: must name one of the callflows")
        on = row.get("on")
        if not isinstance(on, str) or not _ON.fullmatch(on):
            raise InvalidMenu(f"{here}.on: must be 1 to 25 digits, {NONE} or {INVALID}")
        of_menu = rows.setdefault(row["menu"], {})
        if on in of_menu:
            raise InvalidMenu(f"{here}: a second row for {row['menu']} and {on}")
        of_menu[on] = row["next"]
    return rows


def document_of(menu: Menu) -> dict[str, Any]:
    """The inverse of :func:`read_menu`."""
    return {
        "first": menu.first,
        "callflows": {name: json.loads(text) for name, text in menu.callflows.items()},
        "table": [
            {"menu": name, "on": on, "next": following}
            for name, rows in menu.rows.items()
            for on, following in rows.items()
        ],
    }


def check_callflows(menu: Menu, facts: JudgingContext, now: datetime) -> None:
    """Judge every callflow as an answer to ``CALL_RECEIVED``. Raises :class:`InvalidMenu`."""
    for name in menu.callflows:
        verdict = judge_value(menu.body(name), facts_of_menu(facts), now, mode=Mode.DECISION)
        if verdict.callflow is None:
            raise InvalidMenu(f"callflows.{name}: {verdict.summary}")


def facts_of_menu(facts: JudgingContext) -> JudgingContext:
    """The facts to judge a menu's callflows by: digits go to the table, so no webhook is needed (-1004)."""
    return msgspec.structs.replace(facts, has_vca=True)
