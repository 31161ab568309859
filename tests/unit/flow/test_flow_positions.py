"""Where values stand in a text."""

from __future__ import annotations

import pytest

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


def test_long_names_around_many_values_cost_no_more_than_the_text() -> None:
    inner = ",".join(f'"k{n}":1' for n in range(20_000))
    found = positions.offsets('{"' + "x" * 100_000 + '":{' + inner + "}}")
    assert sum(map(len, found)) < 1_000_000


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{} // nothing", "there is text behind the JSON value ($, line 1, column 4)"),
        (
            b'{"callflow":[],}',
            "a comma stands before the closing bracket ($, line 1, column 16)",
        ),
        (
            b'{"callflow":[\n {"action":"say", /* x */ "params":{}}]}',
            "a key in double quotes is expected here ($.callflow[0], line 2, column 19)",
        ),
        (
            b'\xef\xbb\xbf{"callflow":[{"action":NaN}]}',
            "NaN and Infinity are not JSON ($.callflow[0].action, line 1, column 24)",
        ),
        (b'{"a":"\xff"}', "byte 6 is not UTF-8"),
        (b"{}", ""),
        (b"", "the text ends here, too early ($, line 1, column 1)"),
    ],
)
def test_a_complaint_names_path_line_and_column(body: bytes, reason: str) -> None:
    assert positions.complaint(body) == reason
