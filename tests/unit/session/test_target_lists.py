"""The lists of campaigns, as customers write them."""

from __future__ import annotations

import pytest

from offhook.session.campaign import NewTarget
from offhook.session.target_lists import (
    Entry,
    ListProblem,
    UnreadableList,
    read_csv,
    read_json,
)


def target(number: str, **parameters: str) -> NewTarget:
    return NewTarget(number=number, parameters=parameters)


NO_NUMBER = "no phone number with its country code"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("number\n+6590000001\n", [target("+6590000001")]),
        ("number,name\n+65 9000-0001,Ann\n", [target("+6590000001", name="Ann")]),
        (
            "name;Number;order\r\nÄnne;6590000001;7\r\n",
            [target("+6590000001", name="Änne", order="7")],
        ),
        ("phone\tname\n6590000001\tAnn", [target("+6590000001", name="Ann")]),
        ('number,name\n6590000001,"Ann, ""A""\nB"\n', [target("+6590000001", name='Ann, "A"\nB')]),
        ("\ufeffnumber\n6590000001\n", [target("+6590000001")]),
        ("number\n\n  \n6590000001\n", [target("+6590000001")]),
        ("number\n", []),
        ("number,name\n6590000001\n", [ListProblem(line=2, what="1 columns, expected 2")]),
        ("number\nAnn\n", [ListProblem(line=2, what=NO_NUMBER)]),
        ("number\n6590000001;6590000002\n", [ListProblem(line=2, what=NO_NUMBER)]),
        (
            "number,name\n6590000001,\x01\n6590000002,B\n",
            [
                ListProblem(line=2, what="the parameter name cannot be used"),
                target("+6590000002", name="B"),
            ],
        ),
        (
            f"number,name\n6590000001,{'x' * 3001}\n",
            [ListProblem(line=2, what="the parameter name cannot be used")],
        ),
    ],
)
def test_csv(text: str, expected: list[Entry]) -> None:
    assert list(read_csv(text.encode())) == expected


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "there is no header line"),
        (b"\n6590000001\n", "there is no header line"),
        (b"6590000001\n6590000002\n", "the first line must name the columns"),
        (b"number,first name\n", "the column 'first name' is no name of a parameter"),
        (b"number,a,a\n", "two columns have one name"),
        (b"number," + b",".join(b"p%d" % n for n in range(51)), "more than 50 columns"),
        (b"number,name\xff\n", "not UTF-8 at byte 11"),
    ],
)
def test_csv_that_cannot_be_read(data: bytes, why: str) -> None:
    with pytest.raises(UnreadableList, match=why):
        read_csv(data)


def test_a_line_that_is_far_too_long_ends_the_list_with_a_problem() -> None:
    found = list(read_csv(b"number,name\n6590000001,A\n6590000002," + b"x" * 200_000 + b"\n"))
    assert found[0] == target("+6590000001", name="A")
    assert isinstance(found[1], ListProblem)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", []),
        ('["+6590000001", 6590000002]', [target("+6590000001"), target("+6590000002")]),
        (
            '{"targets": [{"number": "6590000001", "parameters": {"a": 1, "b": true, "c": null}}]}',
            [target("+6590000001", a="1", b="true")],
        ),
        ("[null]", [ListProblem(line=1, what="no number, or parameters that are no object")]),
        (f"[{'9' * 500}]", [ListProblem(line=1, what=NO_NUMBER)]),
        (
            '[{"number": "6590000001", "parameters": []}]',
            [target("+6590000001")],
        ),
        (
            '[{"number": "6590000001", "parameters": {"number": "1"}}]',
            [ListProblem(line=1, what="'number' is no name of a parameter")],
        ),
        (
            '[{"number": "6590000001", "parameters": {"a": 9223372036854775807}}]',
            [target("+6590000001", a="9223372036854775807")],
        ),
        (
            '[{"number": "6590000001", "parameters": {"a": 9223372036854775808}}]',
            [ListProblem(line=1, what="the parameter a cannot be used")],
        ),
        (
            '[{"number": "6590000001", "parameters": {"a": {}}}]',
            [ListProblem(line=1, what="the parameter a cannot be used")],
        ),
    ],
)
def test_json(text: str, expected: list[Entry]) -> None:
    assert list(read_json(text.encode())) == expected


@pytest.mark.parametrize("data", [b"", b"{}", b'"x"', b"[1", b"\xff", b"[" * 100_000])
def test_json_that_cannot_be_read(data: bytes) -> None:
    with pytest.raises(UnreadableList):
        read_json(data)
