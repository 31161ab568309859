"""``/scenarios``: callflow templates for executeScenario (``spec/execution.md``)."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Router, delete, get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter

from offhook.flow.scenarios import ScenarioParameter
from offhook.http.deps import Deps
from offhook.http.edge.access import Caller
from offhook.http.refusals import CONFLICT, INVALID, NOT_FOUND, Refused
from offhook.http.resources.params import CONFLICTS, needs, tenancy_changed
from offhook.http.resources.session_views import OK_CODE, OK_MESSAGE, View
from offhook.patterns import LONGEST_PATTERN, InvalidPattern, check_pattern
from offhook.session.scopes import Scope
from offhook.session.tenancy import Scenario

MOST_SCENARIOS = 1000
"""Of one sub-account."""

Name = Annotated[str, PathParameter(name="name", pattern=r"^[A-Za-z0-9._-]{1,100}$")]


class ParameterBody(View, frozen=True, kw_only=True):
    """One declared parameter."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}$")]
    required: bool = False
    default: Annotated[str, msgspec.Meta(max_length=3000)] | None = None
    pattern: Annotated[str, msgspec.Meta(max_length=LONGEST_PATTERN)] | None = None
    """A regular expression in RE2 syntax that the whole value must match."""


class ScenarioRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A template: a callflow whose strings may hold ``{{parameter}}``."""

    callflow: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=50)]
    parameters: Annotated[list[ParameterBody], msgspec.Meta(max_length=100)] = msgspec.field(
        default_factory=list
    )


class ScenarioView(View, frozen=True, kw_only=True):
    """One scenario."""

    name: str
    callflow: list[dict[str, Any]]
    parameters: list[ParameterBody] = msgspec.field(default_factory=list)


class ScenarioAnswer(ScenarioView, frozen=True, kw_only=True):
    """One scenario, asked for by name."""

    status_code: int
    status_message: str


class ScenarioList(View, frozen=True, kw_only=True):
    """All scenarios of the sub-account."""

    scenarios: list[ScenarioView]
    status_code: int
    status_message: str


@get(
    "/",
    operation_id="listScenarios",
    summary="List the scenarios",
    guards=[needs(Scope.SETTINGS_READ)],
)
async def list_scenarios(caller: NamedDependency[Caller]) -> ScenarioList:
    """By name."""
    scenarios = sorted(caller.sub_account.scenarios.values(), key=lambda each: each.name)
    return ScenarioList(
        scenarios=[ScenarioView(**_fields(each)) for each in scenarios],
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


@get(
    "/{name:str}",
    operation_id="getScenario",
    summary="Show a scenario",
    guards=[needs(Scope.SETTINGS_READ)],
)
async def get_scenario(caller: NamedDependency[Caller], name: Name) -> ScenarioAnswer:
    """404 where there is none of this name."""
    return _answer(_scenario(caller, name), OK_MESSAGE)


@put(
    "/{name:str}",
    operation_id="putScenario",
    responses=CONFLICTS,
    summary="Create or replace a scenario",
    guards=[needs(Scope.SETTINGS_WRITE)],
)
async def put_scenario(
    deps: NamedDependency[Deps],
    caller: NamedDependency[Caller],
    name: Name,
    data: JSONBody[ScenarioRequest],
) -> ScenarioAnswer:
    """The template is judged when it runs, with its parameters filled in."""
    known = caller.sub_account.scenarios
    if name not in known and len(known) >= MOST_SCENARIOS:
        raise Refused(CONFLICT, f"There are {MOST_SCENARIOS} scenarios already")
    names = [parameter.name for parameter in data.parameters]
    if len(set(names)) < len(names):
        raise Refused(INVALID, "parameters: a name stands twice")
    for parameter in data.parameters:
        try:
            check_pattern(parameter.pattern or "")
        except InvalidPattern as error:
            raise Refused(INVALID, f"parameters: pattern of {parameter.name}: {error}") from None
    scenario = Scenario(
        name=name,
        callflow=msgspec.json.encode({"callflow": data.callflow}).decode(),
        parameters=tuple(
            msgspec.convert(parameter, ScenarioParameter, from_attributes=True)
            for parameter in data.parameters
        ),
    )
    await deps.store.put_scenario(caller.sub_account.sub_account_id, scenario)
    await tenancy_changed(deps)
    return _answer(scenario, OK_MESSAGE)


@delete(
    "/{name:str}",
    status_code=200,
    operation_id="deleteScenario",
    responses=CONFLICTS,
    summary="Delete a scenario",
    guards=[needs(Scope.SETTINGS_WRITE)],
)
async def delete_scenario(
    deps: NamedDependency[Deps], caller: NamedDependency[Caller], name: Name
) -> ScenarioAnswer:
    """409 for one that only the operator's file can remove."""
    scenario = _scenario(caller, name)
    if not await deps.store.delete_scenario(caller.sub_account.sub_account_id, name):
        raise Refused(CONFLICT, "The scenario is part of the operator's configuration")
    await tenancy_changed(deps)
    return _answer(scenario, "deleted")


def _scenario(caller: Caller, name: str) -> Scenario:
    scenario = caller.sub_account.scenarios.get(name)
    if scenario is None:
        raise Refused(NOT_FOUND, "Scenario not found")
    return scenario


def _answer(scenario: Scenario, message: str) -> ScenarioAnswer:
    return ScenarioAnswer(**_fields(scenario), status_code=OK_CODE, status_message=message)


def _fields(scenario: Scenario) -> dict[str, Any]:
    try:
        template = msgspec.json.decode(scenario.callflow)
    except msgspec.DecodeError:
        template = None  # the operator's own file; executing it ends -2003
    callflow = template.get("callflow") if isinstance(template, dict) else template
    items = callflow if isinstance(callflow, list) else []
    return {
        "name": scenario.name,
        "callflow": [item for item in items if isinstance(item, dict)],
        "parameters": [
            ParameterBody(
                name=parameter.name,
                required=parameter.required,
                default=parameter.default,
                pattern=parameter.pattern,
            )
            for parameter in scenario.parameters
        ],
    }


router = Router(
    "/scenarios",
    route_handlers=[list_scenarios, get_scenario, put_scenario, delete_scenario],
    tags=["Scenarios"],
)
