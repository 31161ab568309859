"""What the tests of accepted bodies share."""

from __future__ import annotations

from typing import Any

from tests.unit.flow.flow_requests import (
    FACTS,
    judged,
)

from offhook.flow.actions import (
    Callflow,
    MakeCall,
)
from offhook.flow.context import JudgingContext
from offhook.flow.problems import Mode


def accepted(body: object, facts: JudgingContext = FACTS, mode: Mode = Mode.SUBMITTED) -> Callflow:
    """The callflow of a body that has no problem."""
    verdict = judged(body, facts, mode)
    assert verdict.problems == ()
    assert verdict.status == 1
    assert verdict.status_message == "Created"
    assert verdict.http_status == 200
    assert verdict.runtime_code is None
    assert verdict.callflow is not None
    return verdict.callflow


def second(body: object, facts: JudgingContext = FACTS) -> Any:
    """The second action of a body that has no problem."""
    return accepted(body, facts).actions[1]


CALL = MakeCall(source="+6512341234", destination="+6590000000")
