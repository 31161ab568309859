"""Which callflows name a scenario, what a filled one keeps, and the stored patterns that cannot be used."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from tests.support.http_world import FakeProfiles

from offhook.flow.actions import Callflow, ExecuteScenario, Hangup
from offhook.flow.scenarios import ScenarioParameter
from offhook.session.scenario_filling import filled, names_scenario, unusable_patterns
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


NOW = datetime(2026, 11, 28, tzinfo=UTC)
TEMPLATE = json.dumps(
    {
        "callflow": [
            {
                "action": "makeCall",
                "params": {"source": "+6512341234", "destination": "+12025550101"},
            },
            {"action": "hangup"},
        ],
        "clientRequestId": "of the template",
        "clientBatchId": "batch of the template",
    }
)


@pytest.mark.parametrize(
    ("request_id", "batch_id", "expected"),
    [
        (None, None, ("of the template", "batch of the template")),
        ("mine", None, ("mine", "batch of the template")),
        (None, "my batch", ("of the template", "my batch")),
    ],
)
def test_the_ids_of_the_request_come_before_those_of_the_template(
    request_id: str | None, batch_id: str | None, expected: tuple[str, str]
) -> None:
    scenario = Scenario(name="reminder", callflow=TEMPLATE)
    owner = SubAccount(
        sub_account_id="acme",
        account_id="a",
        caller_ids=frozenset({"+6512341234"}),
        scenarios={scenario.name: scenario},
    )
    asked = Callflow(
        actions=(ExecuteScenario(scenario_name="reminder"),),
        client_request_id=request_id,
        client_batch_id=batch_id,
    )
    meant = filled(asked, owner, FakeProfiles(), NOW)
    assert meant.error is None
    assert (meant.client_request_id, meant.client_batch_id) == expected
