"""Replaces executeScenario by the callflow it means, for the sub-account that asked for it.

A scenario is filled in where the request that names it is accepted, and the result is stored: a claim
runs no customer's template or pattern, so none of them can delay other customers' sessions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from offhook.codes import RuntimeCode
from offhook.flow.actions import Callflow, ExecuteScenario, ScenarioError
from offhook.flow.context import Profiles
from offhook.flow.problems import Mode
from offhook.flow.scenarios import ScenarioFailed, expand
from offhook.patterns import InvalidPattern, check_pattern
from offhook.session.tenancy import SubAccount, facts_of


def names_scenario(callflow: Callflow) -> bool:
    """Whether ``callflow`` has to be :func:`filled`."""
    return bool(callflow.actions) and isinstance(callflow.actions[0], ExecuteScenario)


def filled(
    callflow: Callflow,
    sub_account: SubAccount,
    profiles: Profiles,
    now: datetime,
    *,
    mode: Mode = Mode.SUBMITTED,
) -> Callflow:
    """The callflow with its scenario filled in, if it names one; the ids of the request stay.

    A scenario that cannot be filled in leaves the callflow as it is, with its ``error`` (-2009, -2003).
    The time it takes is bounded (:data:`offhook.patterns.MOST_STEPS`), but may be tens of milliseconds.
    """
    action = callflow.actions[0] if callflow.actions else None
    if not isinstance(action, ExecuteScenario):
        return callflow
    try:
        meant = _meant(action, sub_account, profiles, now, mode)
    except ScenarioFailed as failure:
        error = ScenarioError(code=failure.code, detail=failure.detail)
        return msgspec.structs.replace(callflow, error=error)
    return msgspec.structs.replace(
        meant,
        valid_until=callflow.valid_until or meant.valid_until,
        client_action_id=callflow.client_action_id or meant.client_action_id,
        client_request_id=callflow.client_request_id or meant.client_request_id,
        client_batch_id=callflow.client_batch_id or meant.client_batch_id,
    )


def _meant(
    action: ExecuteScenario,
    sub_account: SubAccount,
    profiles: Profiles,
    now: datetime,
    mode: Mode,
) -> Callflow:
    scenario = sub_account.scenarios.get(action.scenario_name)
    if scenario is None:
        detail = f"the scenario {action.scenario_name!r} is gone"
        raise ScenarioFailed(RuntimeCode.INVALID_CALLFLOW, detail)
    facts = facts_of(sub_account, profiles)
    return expand(scenario.callflow, scenario.parameters, action, facts, now, mode=mode)


def unusable_patterns(sub_accounts: Iterable[SubAccount]) -> Iterator[str]:
    """A line for the operator for each stored pattern that cannot be used: sessions end -2009."""
    for sub_account in sub_accounts:
        for scenario in sub_account.scenarios.values():
            for parameter in scenario.parameters:
                try:
                    check_pattern(parameter.pattern or "")
                except InvalidPattern as error:
                    yield (
                        f"sub-account {sub_account.sub_account_id}, scenario {scenario.name!r}, "
                        f"parameter {parameter.name!r}: {error}"
                    )
