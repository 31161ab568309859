"""Scenarios: templates, parameters, and what goes wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.flow.flow_requests import FACTS, NOW, Json, call_and, flow, make_call, say, scenario

from offhook.codes import RuntimeCode
from offhook.flow.actions import Callflow, ExecuteScenario, MakeCall, Say, SayAndCapture
from offhook.flow.problems import Mode
from offhook.flow.scenarios import ScenarioFailed, ScenarioParameter, expand


def parameter(name: str, **rules: Any) -> ScenarioParameter:
    """A declared parameter."""
    return ScenarioParameter(name=name, **rules)


REMINDER = call_and(
    say(text="Hello {{name}}, see you at {{ when }}.", repetition="{{times}}"),
    {"action": "hangup"},
    clientRequestId="{{name}}",
)
DECLARED = (
    parameter("name", required=True, pattern="[A-Za-z ]+"),
    parameter("when", default="noon"),
    parameter("times", default="1"),
)


def run(
    template: object,
    declared: tuple[ScenarioParameter, ...] = (),
    mode: Mode = Mode.SUBMITTED,
    **given: object,
) -> Callflow:
    """Expand a template with these parameters."""
    action = ExecuteScenario(scenario_name="reminder", parameters=given)
    text = template if isinstance(template, str) else json.dumps(template)
    return expand(text, declared, action, FACTS, NOW, mode=mode)


def failure(*args: Any, **kwargs: Any) -> ScenarioFailed:
    """How an expansion fails."""
    with pytest.raises(ScenarioFailed) as caught:
        run(*args, **kwargs)
    return caught.value


def said(callflow: Callflow) -> Say:
    """The say behind the call."""
    action = callflow.actions[1]
    assert isinstance(action, Say)
    return action


def test_parameters_and_defaults_are_filled_in() -> None:
    callflow = run(REMINDER, DECLARED, name="Ann", times=2)
    assert said(callflow).text == "Hello Ann, see you at noon."
    assert said(callflow).repetition == 2
    assert callflow.client_request_id == "Ann"


def test_null_is_absent() -> None:
    assert said(run(REMINDER, DECLARED, name="Ann", when=None)).text.endswith("noon.")


def test_the_call_itself_may_be_a_parameter() -> None:
    template = flow(make_call(destination="{{to}}"))
    (call,) = run(template, to=6590000001).actions
    assert call == MakeCall(source="+6512341234", destination="+6590000001")


@pytest.mark.parametrize("value", [2, 2.0, "2"])
def test_a_param_that_takes_no_string_takes_the_value_the_text_spells(value: object) -> None:
    assert said(run(REMINDER, DECLARED, name="Ann", times=value)).repetition == 2


@pytest.mark.parametrize("value", [False, "false"])
def test_booleans_too(value: object) -> None:
    template = call_and(
        {
            "action": "sayAndCapture",
            "params": {
                "promptMessage": "{{code}}",
                "language": "en",
                "completeOnHash": "{{hash}}",
                "maxDigits": "{{digits}}",
            },
        }
    )
    action = run(template, hash=value, digits=4, code=1234).actions[1]
    assert isinstance(action, SayAndCapture)
    assert (action.complete_on_hash, action.max_digits) == (False, 4)
    assert action.prompt_message == "1234"


def test_an_optional_parameter_left_out_leaves_its_place_empty() -> None:
    declared = (*DECLARED[:1], parameter("when"), parameter("times"))
    callflow = run(REMINDER, declared, name="Ann")
    assert said(callflow).text == "Hello Ann, see you at ."
    assert said(callflow).repetition == 1


def test_a_value_never_leaves_its_string_and_is_not_filled_in_again() -> None:
    evil = '", {{name}} {{when}} \\" }}'
    assert said(run(REMINDER, DECLARED[1:], name=evil)).text == f"Hello {evil}, see you at noon."


def test_a_template_may_be_the_bare_list() -> None:
    assert run([make_call()]) == run(flow(make_call()))


def test_a_decisions_scenario_need_not_call() -> None:
    assert len(run(flow(say()), mode=Mode.DECISION).actions) == 1
    assert failure(flow(say())).code is RuntimeCode.INVALID_CALLFLOW


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"name": None},
        {"name": "R2-D2"},
        {"name": "A" * 513},
        {"name": ""},
        {"name": ["Ann"]},
        {"name": {"first": "Ann"}},
        {"name": "Ann\n"},
    ],
)
def test_a_missing_or_ill_fitting_parameter_is_2009(given: Json) -> None:
    failed = failure(REMINDER, DECLARED, **given)
    assert failed.code is RuntimeCode.SCENARIO_PARAMETERS
    assert "name" in failed.detail


def test_an_undeclared_placeholder_is_required() -> None:
    assert failure(call_and(say(text="{{x}}"))).code is RuntimeCode.SCENARIO_PARAMETERS


@pytest.mark.parametrize(
    "template",
    [
        "",
        "{",
        '"{{name}}"',
        '{"callflow": 1}',
        {},
        flow(),
        flow(scenario()),
        call_and(say(text="")),
        call_and(say(), validUntil="2020-01-01T00:00:00Z"),
        flow(make_call(source="+6599999999")),
        "\ud800",
    ],
)
def test_an_invalid_callflow_is_2003(template: object) -> None:
    assert failure(template).code is RuntimeCode.INVALID_CALLFLOW


def test_what_is_wrong_with_an_expansion_is_told() -> None:
    failed = failure(REMINDER, DECLARED, name="Ann", times=7)
    assert failed.code is RuntimeCode.INVALID_CALLFLOW
    assert "$.callflow[1].params.repetition: must have a maximum value of 3" in failed.detail


def test_a_scenario_cannot_blow_up() -> None:
    template = call_and(*[say(text="{{x}}" * 500)] * 20)
    assert failure(template, x="y" * 3000).code is RuntimeCode.SCENARIO_PARAMETERS


@pytest.mark.parametrize("pattern", ["(", "(?x)(a+) +b", "(?x:(a+) +)b"])
def test_a_stored_pattern_that_does_not_compile_is_2009(pattern: str) -> None:
    failed = failure(REMINDER, (parameter("name", pattern=pattern),), name="a" * 36)
    assert failed.code is RuntimeCode.SCENARIO_PARAMETERS
    assert "parameter name has a pattern that cannot be used" in failed.detail


def test_a_pattern_that_would_run_away_elsewhere_is_matched() -> None:
    failed = failure(REMINDER, (parameter("name", pattern="(a+)+b"),), name="a" * 36)
    assert failed.detail == "parameter name does not fit its pattern"


def test_patterns_that_take_too_long_together_are_2009() -> None:
    declared = tuple(parameter(f"p{n}", pattern="(a?){999}(a?){999}") for n in range(100))
    failed = failure(REMINDER, declared, **{f"p{n}": "a" * 512 for n in range(100)})
    assert failed.code is RuntimeCode.SCENARIO_PARAMETERS
    assert "takes too long" in failed.detail
