"""Whatever a handler raises ends its own session, cleanly and with a summary, and nobody else's."""

from __future__ import annotations

import asyncio
import functools
import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.execution.flows import (
    CALLER,
    HANGUP,
    OUR_NUMBER,
    SOURCE,
    A,
    Answers,
    B,
    answer,
    ask,
    make_call,
    say,
)
from tests.unit.execution.invariants import check

from offhook.execution import conversation, decision, journal
from offhook.execution.conversation import Conversation
from offhook.execution.player import Player
from offhook.execution.sayings import Saying
from offhook.execution.steps import make_call as make_call_step
from offhook.faults import FaultLog
from offhook.session import states
from offhook.session.claim_planner import ClaimPlanner
from offhook.session.ports.telephony import CallEnd
from offhook.session.session import Session
from offhook.store.memory import MemoryStore
from offhook.testing import Offhook, leg
from offhook.testing.errors import ScriptNotFollowed
from offhook.testing.leg import SimulatedCall
from offhook.testing.simulated_line import SimulatedLine
from offhook.testing.simulated_speech import FakeSpeech
from offhook.webhooks.reports import WebhookReports

OTHER = "+12025550177"


class Bug(Exception):
    """An error of ours."""


def broken(*_arguments: object, **_named: object) -> None:
    raise Bug("an error of ours")


@pytest.fixture(autouse=True)
def _fresh_fault_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test sees the first error of its kind, whichever tests ran before it."""
    for name, module in list(sys.modules.items()):
        if name.startswith("offhook.") and isinstance(getattr(module, "faults", None), FaultLog):
            monkeypatch.setattr(module, "faults", FaultLog(logging.getLogger(name)))


async def broken_later(*_arguments: object, **_named: object) -> None:
    await asyncio.sleep(0)
    raise Bug("an error of ours")


Place = tuple[object, str, Callable[..., Any] | property]

WHILE_A_CALL_RUNS: dict[str, Place] = {
    "dialling": (SimulatedLine, "dial", broken),
    "the call's answer": (SimulatedCall, "answer", property(broken)),
    "playing": (SimulatedCall, "play", broken),
    "listening to keys": (SimulatedCall, "on_digit", broken),
    "preparing a prompt": (FakeSpeech, "say", broken_later),
    "waiting for a prompt": (Saying, "piece", broken_later),
    "preparing a list": (Player, "prepare", broken),
    "a digit for the customer's server": (WebhookReports, "captured", broken),
    "an event for the customer's server": (WebhookReports, "happened", broken),
    "asking what to do next": (decision.Decisions, "next", broken_later),
    "judging the answer": (decision, "judge", broken),
    "the table of ends": (states, "finish", broken),
    "an action's beginning": (states, "begin_action", broken),
    "bridging": (make_call_step, "_bridge", broken_later),
    "a leg's quality": (SimulatedCall, "quality", broken),
    "the relay of a bridge": (SimulatedCall, "relay", broken),
    "a leg's end": (Conversation, "ended", broken),
}
"""What is broken, by what it does."""

FLOW = [
    make_call(),
    ask("Press one.", maxDigits=1, dtmfCallbackUrl="https://customer.example/dtmf"),
    make_call(B),
]


@pytest.mark.parametrize("place", WHILE_A_CALL_RUNS.values(), ids=WHILE_A_CALL_RUNS.keys())
def test_an_error_in_a_running_session(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    place: Place,
) -> None:
    offhook = Offhook()
    offhook.vca(Answers(answer(say("Goodbye."))))
    offhook.phone(A).hears("press one").presses("1")
    offhook.phone(B).waits(2).hangs_up()
    offhook.other_phones(lambda phone: phone)
    monkeypatch.setattr(*place)
    try:
        call = offhook.call(FLOW)
    except ScriptNotFollowed as unheard:  # the session ended before its phones had their say
        (call,) = unheard.sessions
    check(call)
    assert offhook.left_behind == []
    assert (call.status, call.error) == ("ERROR", -2001)
    assert call.summary["errorDetails"]["errorMsg"] == "An internal error has occurred"
    assert all(leg["disconnectedTimestamp"] for leg in call.summary["details"].values())
    assert caplog.text.count("Bug: an error of ours") >= 1


@pytest.mark.parametrize("name", ["dialling", "playing", "asking what to do next", "a leg's end"])
def test_a_caller_gets_a_clean_answer(
    offhook: Offhook, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    offhook.vca(Answers(answer(make_call(B), say("Hello."))))
    offhook.phone(B).busy()
    monkeypatch.setattr(*WHILE_A_CALL_RUNS[name])
    call = offhook.inbound(to=OUR_NUMBER, from_=CALLER)
    assert (call.status, call.error) == ("ERROR", -2001)
    answered = "connectedTimestamp" in call.summary["details"]["callA"]
    assert answered or call.a.refused_with == 480


def test_a_ringing_that_cannot_be_told(offhook: Offhook, monkeypatch: pytest.MonkeyPatch) -> None:
    """The phone lines call this handler, not a step: the phone must not ring on."""
    offhook.phone(A).no_answer()
    monkeypatch.setattr(conversation, "CallUpdated", broken)
    call = offhook.call([make_call(), say("Never."), HANGUP])
    assert (call.status, call.error, call.a.status) == ("ERROR", -2001, "CANCELED")


def test_a_leg_that_the_phone_lines_broke_off_is_an_error_of_the_session(
    offhook: Offhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have ended the call already; the session must not look completed."""
    monkeypatch.setattr(leg, "CallEnd", functools.partial(CallEnd, fault=True))
    offhook.phone(A).waits(1).hangs_up()
    call = offhook.call([make_call(), ask("Hello?", dtmfCallbackUrl="https://customer.example/")])
    assert (call.status, call.error, call.a.status) == ("ERROR", -2001, "COMPLETED")


def test_a_summary_that_cannot_be_made_keeps_no_session_running(
    offhook: Offhook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(WebhookReports, "session_ended", broken)
    call = offhook.call([make_call(), say("Hello."), HANGUP])
    assert call.session.status == "COMPLETED"
    assert "making its summary" in caplog.text
    assert call.sent("VSS") == []
    offhook.sessions.clear()  # the invariants ask for a summary


def test_saving_that_fails_keeps_no_session_running(
    offhook: Offhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    save = MemoryStore.save

    async def fails_once(self: MemoryStore, *arguments: Any, **named: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise Bug("an error of ours")
        await save(self, *arguments, **named)

    monkeypatch.setattr(MemoryStore, "save", fails_once)
    call = offhook.call([make_call(), say("Hello."), HANGUP])
    assert call.session.status == "COMPLETED"
    assert call.a.duration + 1 > journal.GATHER
    offhook.sessions.clear()  # what was lost with the first save is not in its timeline


def test_a_claim_that_fails_ends_only_its_own_session(
    offhook: Offhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = ClaimPlanner._decide

    def fails_for_one(self: ClaimPlanner, queued: Any, *others: Any) -> Any:
        if queued.session.callflow.client_request_id == "poison":
            raise Bug("an error of ours")
        return decide(self, queued, *others)

    monkeypatch.setattr(ClaimPlanner, "_decide", fails_for_one)
    flow = [make_call(), say("Hello."), HANGUP]
    poison, sound = offhook.calls([{"callflow": flow, "clientRequestId": "poison"}, flow])
    assert (poison.status, poison.error) == ("ERROR", -2001)
    assert sound.status == "COMPLETED"


def test_a_session_that_cannot_be_begun_ends(
    offhook: Offhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = Conversation.__init__

    def fails_for_one(self: Any, *, session: Session, **named: Any) -> None:
        if session.callflow.client_request_id == "poison":
            raise Bug("an error of ours")
        begin(self, session=session, **named)

    monkeypatch.setattr(Conversation, "__init__", fails_for_one)
    flow = [make_call(), say("Hello."), HANGUP]
    poison, sound = offhook.calls([{"callflow": flow, "clientRequestId": "poison"}, flow])
    assert (poison.status, poison.error) == ("ERROR", -2001)
    assert sound.status == "COMPLETED"


def test_a_call_from_outside_whose_session_cannot_be_begun_is_refused(
    offhook: Offhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    offhook.vca(Answers(answer(say("Hello."))))
    monkeypatch.setattr(Conversation, "__init__", broken)
    call = offhook.inbound(to=OUR_NUMBER, from_=CALLER)
    assert (call.status, call.error, call.a.refused_with) == ("ERROR", -2001, 480)


def test_another_session_goes_on(offhook: Offhook, monkeypatch: pytest.MonkeyPatch) -> None:
    say_text = FakeSpeech.say

    async def fails_for_one(self: FakeSpeech, text: str, **named: Any) -> Any:
        if text == "Poison.":
            raise Bug("an error of ours")
        return await say_text(self, text, **named)

    monkeypatch.setattr(FakeSpeech, "say", fails_for_one)
    poison, sound = offhook.calls(
        [
            [make_call(A, source=SOURCE), say("Poison."), HANGUP],
            [make_call(OTHER, source=SOURCE), say("Hello."), HANGUP],
        ]
    )
    assert (poison.status, poison.error, sound.status) == ("ERROR", -2001, "COMPLETED")
