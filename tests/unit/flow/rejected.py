"""A rejected body, as the tables of ``rejected_*.py`` write it down."""

from __future__ import annotations

from typing import NamedTuple

from tests.unit.flow.flow_requests import FACTS

from offhook.flow.context import JudgingContext

MISSING = "is missing but it is required"
URL = "must be an absolute http or https URL"
DATE = "does not match the date-time pattern"
P0, P1, P2 = (f"$.callflow[{i}].params" for i in range(3))


class Case(NamedTuple):
    """A body and all that is wrong with it: ``(code, path)``, for -1009 with its detail."""

    name: str
    body: object
    errors: list[tuple[int, str] | tuple[int, str, str]]
    facts: JudgingContext = FACTS


def entry(path: str, what: str) -> tuple[int, str, str]:
    """A -1009."""
    return (-1009, path, what)


def wrong(name: str, body: object, path: str, *whats: str) -> Case:
    """A body with nothing but -1009s at one path."""
    return Case(name, body, [entry(path, what) for what in whats])
