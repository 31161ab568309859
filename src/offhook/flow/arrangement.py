"""Rules about the list of actions as a whole: -1018, -1019, -1020, then -1013, -1010, -1012.

Interpretations of ``spec/status-codes.md``:

* A first element with an unknown or missing action (-1007, -1009) is not also -1013.
* "An executeScenario request" is one whose first action is executeScenario; beside other actions it
  is -1018 and not -1013.
* -1010 names the first action that is too many; too many actions and too many calls are two problems.
* Missing ``params`` is -1009 for executeScenario too, and not also -1019.
* A v1.1 request is counted as it was sent, except that its implied makeCall is one of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from offhook.codes import StatusCode
from offhook.flow import table
from offhook.flow.context import JudgingContext
from offhook.flow.problems import Mode, Problem, problem
from offhook.flow.shape import Draft, ShapedRequest

Rule = Callable[[ShapedRequest, JudgingContext, Mode], Iterator[Problem]]


def _scenario_alone(request: ShapedRequest, facts: JudgingContext, mode: Mode) -> Iterator[Problem]:
    if request.count > 1:
        for draft in _scenarios(request):
            yield problem(StatusCode.SCENARIO_NOT_ALONE, draft.path)


def _scenario_named(request: ShapedRequest, facts: JudgingContext, mode: Mode) -> Iterator[Problem]:
    for draft in _scenarios(request):
        name = draft.text("scenario_name")
        blank = name is not None and not name.strip()
        if draft.params is not None and (blank or not draft.given("scenarioName")):
            yield problem(StatusCode.SCENARIO_NAME_EMPTY, draft.param("scenarioName"))


def _scenario_known(request: ShapedRequest, facts: JudgingContext, mode: Mode) -> Iterator[Problem]:
    for draft in _scenarios(request):
        name = draft.text("scenario_name")
        if name and name.strip() and name not in facts.scenarios:
            yield problem(StatusCode.SCENARIO_UNKNOWN, draft.param("scenarioName"))


def _first_is_make_call(
    request: ShapedRequest, facts: JudgingContext, mode: Mode
) -> Iterator[Problem]:
    if mode is Mode.DECISION or request.legacy or not request.drafts:
        return
    first = request.drafts[0]
    if first.row is not None and first.row.name not in ("makeCall", "executeScenario"):
        yield problem(StatusCode.FIRST_NOT_MAKE_CALL, first.path)


def _not_too_many(request: ShapedRequest, facts: JudgingContext, mode: Mode) -> Iterator[Problem]:
    if request.count > table.MOST_ACTIONS:
        yield problem(StatusCode.TOO_MANY_ACTIONS, f"$.callflow[{table.MOST_ACTIONS}]")
    calls = [draft for draft in request.drafts if draft.is_a("makeCall")]
    allowed = table.MOST_CALLS - request.legacy
    if len(calls) > allowed:
        yield problem(StatusCode.TOO_MANY_ACTIONS, calls[allowed].path)


def _hangup_last(request: ShapedRequest, facts: JudgingContext, mode: Mode) -> Iterator[Problem]:
    for draft in request.drafts:
        if draft.is_a("hangup") and draft.index != request.count - 1:
            yield problem(StatusCode.HANGUP_MISUSED, draft.path)


RULES: tuple[Rule, ...] = (
    _scenario_alone,
    _scenario_named,
    _scenario_known,
    _first_is_make_call,
    _not_too_many,
    _hangup_last,
)
"""In the order of judgement."""


def _scenarios(request: ShapedRequest) -> list[Draft]:
    return [draft for draft in request.drafts if draft.is_a("executeScenario")]
