"""Where values stand in a text."""

from __future__ import annotations

from offhook.flow import positions

TEXT = '{"a": [190, {"b c": null}],\n "d": "x\\"y", "e":{}}'


def test_every_value_has_its_offset() -> None:
    offsets = positions.offsets(TEXT)
    assert {path: TEXT[at] for path, at in offsets.items()} == {
        "$": "{",
        "$.a": "[",
        "$.a[0]": "1",
        "$.a[1]": "{",
        "$.a[1]['b c']": "n",
        "$.d": '"',
        "$.e": "{",
    }


def test_what_is_missing_is_where_its_parent_stands() -> None:
    offsets = positions.offsets(TEXT)
    assert positions.nearest(offsets, "$.e.f.g") == offsets["$.e"]
    assert positions.nearest(offsets, "$.a[7]") == offsets["$.a"]
    assert positions.nearest(offsets, "$.z") == offsets["$"]
    assert positions.nearest({}, "$.z") == 0


def test_lines_and_columns_count_from_one() -> None:
    assert positions.place(TEXT, 0) == (1, 1)
    assert positions.place(TEXT, TEXT.index("\n")) == (1, 28)
    assert positions.place(TEXT, TEXT.index("\n") + 1) == (2, 1)
