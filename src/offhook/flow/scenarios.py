"""Scenarios: named callflow templates, filled in by an executeScenario's parameters.

Source: ``spec/execution.md``, executeScenario. Interpretations:

* ``{{name}}`` may be in any string value of the template, spaces within the braces included; keys are
not changed. A filled-in value is never searched for further placeholders, and can never leave
  its string: the template is filled in as parsed JSON.
* A placeholder with an undeclared name is a required parameter without a pattern.
* A value is a string, a number or a boolean; another type is ill-fitting. null is absent. Members
  that name no placeholder are ignored.
* A string that is one placeholder and nothing else, in a param that takes no string (``repetition``,
  ``completeOnHash``), becomes the JSON value its text spells.
* The template is a callflow object, or the bare array of its actions. What it expands to is judged
  by the rules of the request it stands for; it may not execute another scenario.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from offhook.codes import RuntimeCode
from offhook.flow import jsontext, kinds, table
from offhook.flow.actions import Callflow, ExecuteScenario
from offhook.flow.context import JudgingContext
from offhook.flow.judge import LARGEST_BODY, judge_value
from offhook.flow.problems import Mode
from offhook.patterns import InvalidPattern, Matcher, TooManySteps

_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_.-]{0,63})\s*\}\}")


class ScenarioParameter(msgspec.Struct, frozen=True, kw_only=True):
    """One declared parameter of a scenario (``spec/execution.md``, executeScenario)."""

    name: str
    required: bool = False
    default: str | None = None
    pattern: str | None = None


class ScenarioFailed(Exception):
    """The scenario cannot run; ``code`` is -2009 or -2003."""

    def __init__(self, code: RuntimeCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        """For the operator only."""


def expand(
    template: str,
    declared: Sequence[ScenarioParameter],
    action: ExecuteScenario,
    facts: JudgingContext,
    now: datetime,
    *,
    mode: Mode = Mode.SUBMITTED,
) -> Callflow:
    """The callflow that ``action`` means. Raises :class:`ScenarioFailed`."""
    filler = _Filler(_values(declared, action.parameters))
    value = filler.callflow(parse_template(template))
    allowed = msgspec.structs.replace(facts, scenarios=frozenset())
    verdict = judge_value(value, allowed, now, mode=mode)
    if verdict.callflow is None:
        raise ScenarioFailed(RuntimeCode.INVALID_CALLFLOW, verdict.summary)
    return verdict.callflow


def parse_template(template: str) -> dict[str, object]:
    """The JSON of a template. Raises :class:`ScenarioFailed`."""
    try:
        value = jsontext.decode(template.encode())
    except (jsontext.InvalidJson, UnicodeEncodeError) as error:
        raise ScenarioFailed(RuntimeCode.INVALID_CALLFLOW, f"the template: {error}") from None
    if isinstance(value, list):
        return {"callflow": value}
    if isinstance(value, dict):
        return value
    raise ScenarioFailed(RuntimeCode.INVALID_CALLFLOW, "the template is neither object nor array")


def _values(declared: Sequence[ScenarioParameter], given: Mapping[str, object]) -> dict[str, str]:
    """The text of every parameter that has one. Raises -2009 for one that does not fit."""
    values = {name: _text(name, value) for name, value in given.items() if value is not None}
    matcher = Matcher()
    for rule in declared:
        if rule.name in values:
            if rule.pattern is not None:
                _check_fit(matcher, rule.name, rule.pattern, values[rule.name])
        elif rule.default is None and rule.required:
            raise _ill_fitting(rule.name, "is required")
        else:
            values[rule.name] = rule.default or ""
    return values


def _check_fit(matcher: Matcher, name: str, pattern: str, value: str) -> None:
    try:
        fits = matcher.fits(pattern, value)
    except InvalidPattern as error:
        raise _ill_fitting(name, f"has a pattern that cannot be used: {error}") from None
    except TooManySteps:
        raise _ill_fitting(name, "has a pattern that takes too long to match") from None
    if not fits:
        raise _ill_fitting(name, "does not fit its pattern")


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return msgspec.json.encode(value).decode()
    raise _ill_fitting(name, "is neither string, number nor boolean")


def _ill_fitting(name: str, what: str) -> ScenarioFailed:
    return ScenarioFailed(RuntimeCode.SCENARIO_PARAMETERS, f"parameter {name} {what}")


class _Filler:
    """Fills placeholders in; at most a request body's size in all."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._left = LARGEST_BODY

    def callflow(self, body: dict[str, object]) -> dict[str, object]:
        """The template's object, filled in."""
        elements = body.get("callflow")
        if not isinstance(elements, list):
            return body
        return {**self._members(body, {}), "callflow": [self._element(e) for e in elements]}

    def _element(self, element: object) -> object:
        if not isinstance(element, dict):
            return element
        action, params = self._string(element.get("action")), element.get("params")
        filled = {**element, "action": action}
        row = table.BY_NAME.get(action) if isinstance(action, str) else None
        if isinstance(params, dict):
            rules = {} if row is None else {param.name: param.kind for param in row.params}
            filled["params"] = self._members(params, rules)
        return filled

    def _members(
        self, members: Mapping[str, object], rules: Mapping[str, kinds.Kind]
    ) -> dict[str, object]:
        return {name: self._member(value, rules.get(name)) for name, value in members.items()}

    def _member(self, value: object, kind: kinds.Kind | None) -> object:
        filled = self._string(value)
        takes_no_string = isinstance(kind, kinds.Integer | kinds.NumberKind | kinds.Boolean)
        if takes_no_string and isinstance(value, str) and _PLACEHOLDER.fullmatch(value.strip()):
            try:
                return jsontext.decode(str(filled).encode())
            except (jsontext.InvalidJson, UnicodeEncodeError):
                # An empty text is a parameter that was left out, another one a wrong type.
                return filled or None
        return filled

    def _string(self, value: object) -> object:
        return _PLACEHOLDER.sub(self._fill, value) if isinstance(value, str) else value

    def _fill(self, placeholder: re.Match[str]) -> str:
        name = placeholder[1]
        if name not in self._values:
            raise _ill_fitting(name, "is required")
        value = self._values[name]
        self._left -= len(value)
        if self._left < 0:
            raise _ill_fitting(name, "makes the callflow too large")
        return value
