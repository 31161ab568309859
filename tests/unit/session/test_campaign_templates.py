"""The callflow that a campaign fills in for each number."""

from __future__ import annotations

import json
from typing import Any

import pytest

from offhook.session.campaign_templates import NUMBER, UnfitTemplate, template_of

SAY = {"action": "say", "params": {"text": "Hello."}}


def call(**params: Any) -> dict[str, Any]:
    return {"action": "makeCall", "params": {"source": "+6512341234", **params}}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"callflow": None},
        {"callflow": []},
        {"callflow": {}},
        {"callflow": {"action": "makeCall"}},
        {"callflow": "makeCall"},
        {"callflow": ["makeCall"]},
        {"callflow": [SAY, call()]},
    ],
)
def test_a_template_begins_with_a_call(body: dict[str, Any]) -> None:
    with pytest.raises(UnfitTemplate, match=r"^callflow\[0\]\.action: must be makeCall$"):
        template_of(body)


@pytest.mark.parametrize("params", [{}, {"destination": NUMBER}, {"destination": "{{ number }}"}])
def test_it_calls_the_number_of_the_list(params: dict[str, Any]) -> None:
    body = {"callflow": [call(**params), SAY], "clientBatchId": "July"}
    filled = {"callflow": [call(destination=NUMBER), SAY], "clientBatchId": "July"}
    assert json.loads(template_of(body)) == filled


def test_it_calls_no_other_number() -> None:
    with pytest.raises(UnfitTemplate, match="destination"):
        template_of({"callflow": [call(destination="+6590000000")]})


def test_its_call_has_parameters() -> None:
    with pytest.raises(UnfitTemplate, match="params: must be an object"):
        template_of({"callflow": [{"action": "makeCall"}]})
