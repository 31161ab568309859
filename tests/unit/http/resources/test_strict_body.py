"""How a misfit of a body is put."""

from __future__ import annotations

import pytest

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
    assert explain(message) == expected
