"""How a misfit of a body is put."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec
import pytest

from offhook.config import Msisdn
from offhook.http.resources.strict_body import explain


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Expected `int`, got `str` - at `$.limit`", "limit: Expected `int`, got `str`"),
        ("Expected `str`, got `int` - at `$.a[0].b`", "a[0].b: Expected `str`, got `int`"),
        ("Expected `object`, got `array`", "body: Expected `object`, got `array`"),
        ("Object missing required field `url`", "url: is missing but it is required"),
        (
            "Object missing required field `name` - at `$.parameters[0]`",
            "parameters[0].name: is missing but it is required",
        ),
        (
            "Invalid enum value 'a - at `$.b` c' - at `$.x`",
            "x: Invalid enum value 'a - at `$.b` c'",
        ),
    ],
)
def test_the_member_comes_first(message: str, expected: str) -> None:
    assert explain(message, object) == expected


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Inner(msgspec.Struct, rename="camel"):
    the_colour: Colour
    size: Literal["s", "l"] | None = None


class Outer(msgspec.Struct, rename="camel"):
    colours: list[Colour] = []
    inner: Inner | None = None
    more: tuple[Inner, ...] = ()
    named: dict[str, Inner] = {}
    number: Msisdn | None = None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"colours": ["x"]}, "colours[0]: Invalid enum value 'x', expected one of red, blue"),
        (
            {"inner": {"theColour": "x"}},
            "inner.theColour: Invalid enum value 'x', expected one of red, blue",
        ),
        (
            {"inner": {"theColour": "red", "size": "m"}},
            "inner.size: Invalid enum value 'm', expected one of s, l",
        ),
        (
            {"more": [{"theColour": "x"}]},
            "more[0].theColour: Invalid enum value 'x', expected one of red, blue",
        ),
        (
            {"number": "abc"},
            'number: expected a phone number in E.164, such as "+6512341234"',
        ),
        (
            {"named": {"a": {"theColour": "x"}}},
            "named[...].theColour: Invalid enum value 'x', expected one of red, blue",
        ),
    ],
)
def test_the_choices_and_the_form_are_told(body: object, expected: str) -> None:
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.json.decode(msgspec.json.encode(body), type=Outer)
    assert explain(str(error.value), Outer) == expected
