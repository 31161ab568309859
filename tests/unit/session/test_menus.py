"""The documents of stored menus."""

from __future__ import annotations

import json
from typing import Any

import pytest

from offhook.session.menus import InvalidMenu, document_of, menu_of_text, read_menu

HANGUP = [{"action": "hangup"}]
GOOD: dict[str, Any] = {
    "first": "a",
    "callflows": {"a": HANGUP, "b": HANGUP},
    "table": [
        {"menu": "a", "on": "1", "next": "b"},
        {"menu": "a", "on": "12#", "next": "a"},
        {"menu": "a", "on": "none", "next": "a"},
        {"menu": "a", "on": "invalid", "next": "b"},
    ],
}


def test_a_document_is_read_and_written_again() -> None:
    menu = menu_of_text("house", json.dumps(GOOD), frozenset({"+6568332048"}))
    assert document_of(menu) == GOOD
    assert [menu.after("a", digits) for digits in ("1", "12#", None, "7")] == ["b", "a", "a", "b"]
    assert [menu.after("b", digits) for digits in ("1", None)] == [None, None]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"first": "c"}, "first: must name one of the callflows"),
        ({"first": None}, "first: must name one of the callflows"),
        ({"callflows": {}}, "callflows: must be an object with at least one callflow"),
        ({"callflows": []}, "callflows: must be an object"),
        ({"callflows": {"a": {}}}, "callflows.a: must be the array of its actions"),
        ({"callflows": {"a b": HANGUP}}, "callflows: 'a b' is no name of a callflow"),
        ({"callflows": {f"c{n}": HANGUP for n in range(201)}}, "callflows: more than 200"),
        ({"table": {}}, "table: must be an array"),
        ({"table": ["x"]}, r"table\[0\]: must be an object"),
        ({"table": [{"menu": "c", "on": "1", "next": "a"}]}, r"table\[0\].menu: must name"),
        ({"table": [{"menu": "a", "on": "1", "next": 7}]}, r"table\[0\].next: must name"),
        ({"table": [{"menu": "a", "on": 1, "next": "a"}]}, r"table\[0\].on: must be 1 to 25"),
        ({"table": [{"menu": "a", "on": "", "next": "a"}]}, r"table\[0\].on: must be 1 to 25"),
        ({"table": [{"menu": "a", "on": "x", "next": "a"}]}, r"table\[0\].on: must be 1 to 25"),
        ({"table": [GOOD["table"][0]] * 2}, r"table\[1\]: a second row for a and 1"),
        ({"table": [GOOD["table"][0]] * 2001}, "table: must be an array of at most 2000"),
    ],
)
def test_a_mistake_is_named(change: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidMenu, match=why):
        read_menu("house", {**GOOD, **change})


@pytest.mark.parametrize("text", ["", "[]", "{", '{"first": "\\ud800"}', "[" * 100_000])
def test_what_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(InvalidMenu):
        menu_of_text("house", text)
