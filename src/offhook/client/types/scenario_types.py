"""Scenarios: what requests and answers hold. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["ParameterBody", "ScenarioAnswer", "ScenarioList", "ScenarioView"]


class ParameterBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One declared parameter."""

    name: str
    """The name."""
    required: bool = False
    """Whether a request must give it."""
    default: str | None = None
    """The value where the request gives none."""
    pattern: str | None = None
    """A regular expression in RE2 syntax that the whole value must match."""


class ScenarioView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One scenario."""

    name: str
    """The name."""
    callflow: list[dict[str, Any]]
    """The actions, in the order they run."""
    parameters: list[ParameterBody] | None = None
    """What a request may fill in."""


class ScenarioList(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """All scenarios of the sub-account."""

    scenarios: list[ScenarioView]
    """The scenarios."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class ScenarioAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One scenario, asked for by name."""

    name: str
    """The name."""
    callflow: list[dict[str, Any]]
    """The actions, in the order they run."""
    parameters: list[ParameterBody] | None = None
    """What a request may fill in."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""
