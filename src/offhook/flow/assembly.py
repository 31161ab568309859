"""Builds the callflow from a valid request."""

from __future__ import annotations

from collections.abc import Callable

from offhook.flow import legacy
from offhook.flow.actions import AnyAction, Callflow, ExecuteScenario, MakeCall
from offhook.flow.context import WITHHELD_SOURCES, JudgingContext
from offhook.flow.numbers import destination_number, source_number
from offhook.flow.shape import Draft, ShapedRequest

_CALL_FIELDS = ("source", "destination")


def callflow(request: ShapedRequest, facts: JudgingContext) -> Callflow:
    """The callflow of a valid request, numbers normalised and defaults filled in."""
    actions = [_action(draft, facts) for draft in request.drafts]
    if request.legacy:
        actions = [*legacy.with_call(_call(request.drafts[0]), actions)]
    return Callflow(
        actions=tuple(actions),
        valid_until=request.valid_until,
        client_action_id=request.client_action_id,
        client_request_id=request.client_request_id,
        client_batch_id=request.client_batch_id,
        legacy=request.legacy,
    )


def _action(draft: Draft, facts: JudgingContext) -> AnyAction:
    assert draft.row is not None
    if draft.row.type is MakeCall:
        return _call(draft)
    if draft.row.type is ExecuteScenario:
        return _scenario(draft)
    fields = {name: v for name, v in draft.values.items() if name not in _CALL_FIELDS and v != ""}
    if "voice_profile" in fields:
        profile = facts.profiles.find(str(fields["voice_profile"]))
        assert profile is not None
        fields["voice_profile"] = profile.code
    make: Callable[..., AnyAction] = draft.row.type
    return make(**fields)


def _call(draft: Draft) -> MakeCall:
    source, destination = draft.text("source") or "", draft.text("destination") or ""
    return MakeCall(
        source=source if source in WITHHELD_SOURCES else source_number(source) or source,
        destination=destination_number(destination) or destination,
        call_recording=draft.values.get("call_recording") is True,
        send_digits=(draft.text("send_digits") or "").replace("W", "w") or None,
        ring_timeout=draft.integer("ring_timeout"),
        max_duration=draft.integer("max_duration"),
    )


def _scenario(draft: Draft) -> ExecuteScenario:
    assert draft.params is not None
    return ExecuteScenario(
        scenario_name=draft.text("scenario_name") or "",
        parameters={k: v for k, v in draft.params.items() if k != "scenarioName"},
    )
