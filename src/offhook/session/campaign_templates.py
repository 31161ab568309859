"""The callflow of one number: a campaign's template, filled in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

import msgspec

from offhook.flow.actions import Callflow, ExecuteScenario, MakeCall
from offhook.flow.context import Profiles
from offhook.flow.scenarios import expand
from offhook.session.tenancy import SubAccount, facts_of

NUMBER = "{{number}}"
"""Stands for the number of the list; any list has it besides its own parameters."""


class UnfitTemplate(Exception):
    """The template cannot be one of a campaign; the text names the member."""


def template_of(body: Mapping[str, object]) -> str:
    """The template of a request's body: its first makeCall calls :data:`NUMBER` where it names none.

    Raises :class:`UnfitTemplate`.
    """
    callflow = body.get("callflow")
    first = callflow[0] if isinstance(callflow, list) and callflow else None
    if not isinstance(first, dict) or first.get("action") != "makeCall":
        raise UnfitTemplate("callflow[0].action: must be makeCall")
    params = first.get("params")
    if not isinstance(params, dict):
        raise UnfitTemplate("callflow[0].params: must be an object")
    destination = params.get("destination")
    if destination is not None and str(destination).replace(" ", "") != NUMBER:
        raise UnfitTemplate(f"callflow[0].params.destination: must be {NUMBER}, or absent")
    call = {**first, "params": {**params, "destination": NUMBER}}
    rest = callflow[1:] if isinstance(callflow, list) else []
    return json.dumps({**body, "callflow": [call, *rest]}, ensure_ascii=False)


def callflow_of(
    template: str,
    number: str,
    parameters: Mapping[str, str],
    sub_account: SubAccount,
    profiles: Profiles,
    now: datetime,
) -> Callflow:
    """The callflow for one number, judged. Raises :class:`ScenarioFailed` with the problem."""
    values = {**parameters, "number": number}
    action = ExecuteScenario(scenario_name="", parameters=values)
    callflow = expand(template, (), action, facts_of(sub_account, profiles), now)
    first = callflow.actions[0]
    assert isinstance(first, MakeCall)
    return msgspec.structs.replace(
        callflow,
        actions=(msgspec.structs.replace(first, destination=number), *callflow.actions[1:]),
    )
