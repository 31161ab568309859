"""Replaces executeScenario by the callflow it means, for the sub-account that asked for it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from offhook.codes import RuntimeCode
from offhook.flow import scenarios
from offhook.flow.actions import Callflow, ExecuteScenario
from offhook.flow.context import Profiles
from offhook.flow.problems import Mode
from offhook.session.tenancy import SubAccount, facts_of


def expanded(
    callflow: Callflow,
    sub_account: SubAccount,
    profiles: Profiles,
    now: datetime,
    *,
    mode: Mode = Mode.SUBMITTED,
) -> Callflow:
    """``callflow`` itself, or what its scenario expands to, with the ids of the request.

    Raises :class:`offhook.flow.scenarios.ScenarioFailed` with -2009 or -2003.
    """
    if not callflow.actions or not isinstance(callflow.actions[0], ExecuteScenario):
        return callflow
    action = callflow.actions[0]
    scenario = sub_account.scenarios.get(action.scenario_name)
    if scenario is None:
        detail = f"the scenario {action.scenario_name!r} is gone"
        raise scenarios.ScenarioFailed(RuntimeCode.INVALID_CALLFLOW, detail)
    facts = facts_of(sub_account, profiles)
    meant = scenarios.expand(scenario.callflow, scenario.parameters, action, facts, now, mode=mode)
    return msgspec.structs.replace(
        meant,
        valid_until=callflow.valid_until or meant.valid_until,
        client_action_id=callflow.client_action_id or meant.client_action_id,
        client_request_id=callflow.client_request_id or meant.client_request_id,
    )
