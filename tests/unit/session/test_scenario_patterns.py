"""Which callflows name a scenario, and the stored patterns that this version does not take."""

from __future__ import annotations

from offhook.flow.actions import Callflow, ExecuteScenario, Hangup
from offhook.flow.scenarios import ScenarioParameter
from offhook.session.scenario_filling import names_scenario, unusable_patterns
from offhook.session.tenancy import Scenario, SubAccount


def test_each_unusable_pattern_is_named_with_its_place_and_reason() -> None:
    parameters = (
        ScenarioParameter(name="good", pattern="[a-z]+"),
        ScenarioParameter(name="bad", pattern="(?=a)a"),
        ScenarioParameter(name="none"),
    )
    scenario = Scenario(name="reminder", callflow="[]", parameters=parameters)
    owner = SubAccount(sub_account_id="acme", account_id="a", scenarios={scenario.name: scenario})
    assert list(unusable_patterns([owner])) == [
        "sub-account acme, scenario 'reminder', parameter 'bad': "
        "not a regular expression in RE2 syntax: invalid perl operator: (?="
    ]


def test_a_callflow_names_a_scenario_with_its_first_action() -> None:
    assert names_scenario(Callflow(actions=(ExecuteScenario(scenario_name="reminder"),)))
    assert not names_scenario(Callflow(actions=(Hangup(),)))
    assert not names_scenario(Callflow(actions=()))
