"""Every runtime error of ``spec/execution.md``: how a session comes to it, and what it leaves."""

from __future__ import annotations

import socketserver
import threading
from datetime import timedelta
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
    play,
    say,
)

from offhook.clock import iso_milliseconds
from offhook.codes import RuntimeCode
from offhook.config import Config, RouteSection, TrunkSection
from offhook.flow.scenarios import ScenarioParameter
from offhook.session import states
from offhook.testing import Answer, Offhook, SimulatedSession

FILE = "https://customer.example/jingle.mp3"
CARRIER = TrunkSection(name="carrier", address="udp:192.0.2.1:5060", channels=1)


def assert_error(call: SimulatedSession, code: RuntimeCode, action: str) -> None:
    """The session ended so, and its summary says so in the contract's words."""
    assert (call.status, call.error) == ("ERROR", code)
    assert call.summary["errorDetails"] == {
        "errorMsg": code.message,
        "errorCode": code,
        "action": action,
        "callFlowRequestId": call.session.call_flow_request_id,
    }
    assert call.summary["lastAction"] == action


@pytest.mark.parametrize(
    "reply",
    [
        Answer(status=404),
        Answer(status=410),
        Answer(status=301, headers={"Location": "https://elsewhere.example/"}),
        Answer(status=500),
        Answer(status=429, headers={"Retry-After": "3600"}),
        Answer(after=10.5),
    ],
    ids=["404", "410", "a redirect", "500 again and again", "429 for an hour", "too late"],
)
def test_2002_the_vca_webhook_gives_no_answer(offhook: Offhook, reply: Answer) -> None:
    offhook.vca(lambda payload: reply)
    call = offhook.call([make_call(), say("Hello.")])
    assert_error(call, RuntimeCode.CONNECTIVITY, "SAY")
    assert call.summary["details"]["callA"]["callStatus"] == "COMPLETED"
    assert call.a.duration <= 11
    assert len(call.asked) == 1


def test_2002_a_caller_and_nobody_to_ask(offhook: Offhook) -> None:
    call = offhook.inbound(to=OUR_NUMBER, from_=CALLER)
    assert (call.status, call.error, call.a.refused_with) == ("ERROR", -2002, 480)
    assert call.summary["details"]["callA"]["callStatus"] == "ERROR"
    offhook.vca(lambda payload: Answer(status=500))
    call = offhook.inbound(to=OUR_NUMBER, from_=CALLER)
    assert (call.status, call.error, call.a.refused_with) == ("ERROR", -2002, 480)


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        '{"callflow": [],}',
        '{"callflow": [] /* none */}',
        "[]",
        '"nothing"',
        answer({"action": "dance"}),
        answer(say("")),
        answer(HANGUP, say("After the end.")),
        {"callflow": [say("x")] * 51},
        '{"callflow": []}' + " " * 256 * 1024,
    ],
)
def test_2003_the_answer_is_no_valid_callflow(offhook: Offhook, body: object) -> None:
    offhook.vca(Answers(body))
    call = offhook.call([make_call(), say("Hello.")])
    assert_error(call, RuntimeCode.INVALID_CALLFLOW, "SAY")
    assert call.a.ended_by == "server"


def test_2003_the_answer_has_two_lengths_and_is_not_asked_for_again(offhook: Offhook) -> None:
    asked: list[bytes] = []

    class Ambiguous(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            asked.append(self.request.recv(65_536))
            self.request.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"2\r\n{}\r\n0\r\n\r\n"
            )

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Ambiguous) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        offhook.vca(f"http://127.0.0.1:{server.server_address[1]}/vca")
        call = offhook.call([make_call(), say("Hello.")])
        server.shutdown()
    assert_error(call, RuntimeCode.INVALID_CALLFLOW, "SAY")
    assert "both Content-Length and Transfer-Encoding" in (call.detail or "")
    assert len(asked) == 1


def test_2003_says_at_which_path(offhook: Offhook) -> None:
    offhook.vca(Answers(answer(say("Hello."), ask("Well?", minDigits=0))))
    call = offhook.call([make_call(), say("Hello.")])
    assert "$.callflow[1].params.minDigits: must have a minimum value of 1" in (call.detail or "")
    (made,) = [fact for fact in call.facts if type(fact).__name__ == "DecisionMade"]
    assert "$.callflow[1].params.minDigits" in str(made)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('{"callflow": [],}', "a comma stands before the closing bracket ($, line 1, column 17)"),
        (
            '{"callflow": [{"action": "say" /* none */}]}',
            '"," or "}" is expected here ($.callflow[0], line 1, column 32)',
        ),
    ],
)
def test_2003_says_where_the_json_of_an_answer_ends_to_be_json(
    offhook: Offhook, body: str, told: str
) -> None:
    offhook.vca(Answers(body))
    call = offhook.call([make_call(), say("Hello.")])
    assert_error(call, RuntimeCode.INVALID_CALLFLOW, "SAY")
    assert told in (call.detail or "")


def test_2004_no_route_for_leg_a() -> None:
    offhook = Offhook(
        Config(trunks=(CARRIER,), routes=(RouteSection(prefix="+1", trunks=("carrier",)),))
    )
    call = offhook.call([make_call("+6591234567"), say("Hello."), HANGUP])
    assert_error(call, RuntimeCode.NO_COVERAGE, "MAKE_CALL")
    assert call.summary["details"]["callA"]["callStatus"] == "ERROR"
    assert call.timeline == []


def test_2004_no_route_for_leg_b(offhook: Offhook) -> None:
    offhook.restrict(coverage=("+1202555010",))
    call = offhook.call([make_call(), make_call(B), say("Never."), HANGUP])
    assert_error(call, RuntimeCode.NO_COVERAGE, "MAKE_CALL")
    legs = call.summary["details"]
    assert (legs["callA"]["callStatus"], legs["callB"]["callStatus"]) == ("COMPLETED", "ERROR")
    assert call.spoken == []


@pytest.mark.parametrize("before", [[], [say("Hello.")]], ids=["at once", "after a prompt"])
def test_2005_a_text_cannot_be_spoken(offhook: Offhook, before: list[Any]) -> None:
    offhook.mute("Unspeakable.")
    offhook.preparing_takes(0.3)
    call = offhook.call([make_call(), *before, say("Unspeakable."), say("Never."), HANGUP])
    assert_error(call, RuntimeCode.SYNTHESIS_FAILED, "SAY")
    assert call.spoken == ["Hello."] * len(before)
    assert call.a.ended_by == "server"


@pytest.mark.parametrize(
    ("keys", "message"),
    [("", "promptMessage"), ("1", "successMessage"), ("#", "failureMessage")],
)
def test_2005_any_message_of_a_capture(offhook: Offhook, keys: str, message: str) -> None:
    offhook.vca(Answers())
    offhook.mute("Unspeakable.")
    if keys:
        offhook.phone(A).hears("press").presses(keys)
    action = ask("Press one.", maxDigits=1)
    action["params"][message] = "Unspeakable."
    call = offhook.call([make_call(), action])
    assert_error(call, RuntimeCode.SYNTHESIS_FAILED, "SAY_AND_CAPTURE")
    assert call.asked == []


def test_a_message_that_cannot_be_spoken_and_is_not_needed_harms_nobody(offhook: Offhook) -> None:
    offhook.vca(Answers())
    offhook.mute("Unspeakable.")
    offhook.phone(A).hears("press").presses("1")
    action = ask("Press one.", maxDigits=1, failureMessage="Unspeakable.")
    assert offhook.call([make_call(), action]).status == "COMPLETED"


def test_2006_a_file_cannot_be_fetched(offhook: Offhook) -> None:
    offhook.file(FILE, missing=True)
    call = offhook.call([make_call(), say("Listen."), play(FILE), say("Never."), HANGUP])
    assert_error(call, RuntimeCode.DOWNLOAD_FAILED, "PLAY_FILE")
    assert call.spoken == ["Listen."]


def test_2006_for_a_caller_that_was_answered(offhook: Offhook) -> None:
    offhook.file(FILE, missing=True)
    offhook.vca(Answers(answer(play(FILE))))
    call = offhook.inbound(to=OUR_NUMBER, from_=CALLER)
    assert_error(call, RuntimeCode.DOWNLOAD_FAILED, "PLAY_FILE")
    assert call.summary["details"]["callA"]["callStatus"] == "COMPLETED"


def test_2007_a_session_waits_past_its_validity(offhook: Offhook) -> None:
    offhook.restrict(max_calls=1)
    until = iso_milliseconds(offhook.now + timedelta(seconds=5))
    offhook.phone(A).waits(30).hangs_up()
    offhook.vca(Answers(answer(ask("Well?", overallTimeout=60_000))))
    flow = {"callflow": [make_call(B), say("Hello."), HANGUP], "validUntil": until}
    first, late = offhook.calls([[make_call(), ask("Well?", overallTimeout=60_000)], flow])
    assert first.status == "COMPLETED"
    assert_error(late, RuntimeCode.VALIDITY_EXPIRED, "MAKE_CALL")
    assert late.session.ended_at is not None
    assert (late.session.ended_at - late.session.created_at).total_seconds() < 6
    assert late.legs == []


@pytest.mark.parametrize("action", [make_call(B, source="+6500000000")])
def test_2008_an_unlisted_source_in_an_answer(offhook: Offhook, action: dict[str, Any]) -> None:
    offhook.restrict(caller_ids=frozenset({SOURCE}))
    offhook.vca(Answers(answer(action)))
    call = offhook.call([make_call(), say("Hello.")])
    assert_error(call, RuntimeCode.SOURCE_NOT_WHITELISTED, "SAY")


def scenario(wanted: str, **parameters: object) -> dict[str, Any]:
    return {"action": "executeScenario", "params": {"scenarioName": wanted, **parameters}}


REMINDER = [make_call(A), say("Your appointment is at {{time}}."), HANGUP]


def test_a_scenario_runs_with_its_parameters(offhook: Offhook) -> None:
    offhook.scenario("reminder", REMINDER, ScenarioParameter(name="time", required=True))
    call = offhook.call([scenario("reminder", time="noon")])
    assert call.spoken == ["Your appointment is at noon."]
    assert call.summary["lastAction"] == "HANGUP"


def test_2009_parameters_that_are_missing_or_do_not_fit(offhook: Offhook) -> None:
    offhook.scenario(
        "reminder", REMINDER, ScenarioParameter(name="time", required=True, pattern="[0-9:]+")
    )
    for parameters in ({}, {"time": "noon"}):
        call = offhook.call([scenario("reminder", **parameters)])
        assert_error(call, RuntimeCode.SCENARIO_PARAMETERS, "EXECUTE_SCENARIO")
        assert call.legs == []
        assert call.summary["details"] == {}


def test_2009_a_stored_pattern_that_no_longer_compiles(offhook: Offhook) -> None:
    bad = ScenarioParameter(name="time", pattern="(?x)(a+) +b")
    offhook.scenario("reminder", REMINDER, bad)
    call = offhook.call([scenario("reminder", time="a" * 36)])
    assert_error(call, RuntimeCode.SCENARIO_PARAMETERS, "EXECUTE_SCENARIO")


def test_2009_a_scenario_that_shall_replace_a_live_callflow(offhook: Offhook) -> None:
    offhook.scenario("goodbye", [say("Goodbye, {{name}}."), HANGUP])
    offhook.after(3.0, lambda: offhook.replace([scenario("goodbye", name="Ann")]))
    call = offhook.call([make_call(), say("Hello.", repetition=3)])
    assert call.spoken[-1] == "Goodbye, Ann."
    offhook.after(3.0, lambda: offhook.replace([scenario("goodbye")]))
    call = offhook.call([make_call(), say("Hello.", repetition=3)])
    assert_error(call, RuntimeCode.SCENARIO_PARAMETERS, "SAY")


def test_2003_a_scenario_that_expands_to_no_callflow(offhook: Offhook) -> None:
    offhook.scenario("broken", [say("No call was made.")])
    call = offhook.call([scenario("broken")])
    assert_error(call, RuntimeCode.INVALID_CALLFLOW, "EXECUTE_SCENARIO")


def test_a_scenario_as_the_answer_of_the_decision_point(offhook: Offhook) -> None:
    offhook.scenario("goodbye", [say("Goodbye, {{name}}."), HANGUP])
    offhook.vca(Answers(answer(scenario("goodbye", name="Ann"))))
    assert offhook.call([make_call(), say("Hello.")]).spoken == ["Hello.", "Goodbye, Ann."]
    offhook.vca(Answers(answer(scenario("goodbye"))))
    call = offhook.call([make_call(), say("Hello.")])
    assert_error(call, RuntimeCode.SCENARIO_PARAMETERS, "SAY")


def full_trunk() -> Offhook:
    return Offhook(Config(trunks=(CARRIER,), routes=(RouteSection(trunks=("carrier",)),)))


def test_2010_no_channel_within_the_queue_timeout() -> None:
    offhook = full_trunk()
    offhook.phone(A).waits(100).hangs_up()
    offhook.vca(Answers(answer(ask("Well?", overallTimeout=200_000))))
    long = [make_call(), ask("Well?", overallTimeout=200_000)]
    first, late = offhook.calls([long, [make_call(B), say("Hello."), HANGUP]])
    assert first.status == "COMPLETED"
    assert_error(late, RuntimeCode.CAPACITY_EXCEEDED, "MAKE_CALL")
    assert late.session.ended_at is not None
    assert 30 <= (late.session.ended_at - late.session.created_at).total_seconds() < 31


def test_a_session_that_waits_starts_when_a_channel_is_free() -> None:
    offhook = full_trunk()
    offhook.phone(A).waits(10).hangs_up()
    offhook.vca(Answers())
    long = [make_call(), ask("Well?", overallTimeout=200_000)]
    first, second = offhook.calls([long, [make_call(B), say("Hello."), HANGUP]])
    assert first.status == second.status == "COMPLETED"


def test_2010_leg_b_does_not_queue() -> None:
    offhook = full_trunk()
    call = offhook.call([make_call(), make_call(B), say("Never."), HANGUP])
    assert_error(call, RuntimeCode.CAPACITY_EXCEEDED, "MAKE_CALL")
    legs = call.summary["details"]
    assert (legs["callA"]["callStatus"], legs["callB"]["callStatus"]) == ("COMPLETED", "ERROR")
    assert len(call.legs) == 1


def test_2010_the_sub_accounts_own_limits_for_max_queue_time(offhook: Offhook) -> None:
    offhook.limits(max_queue_time=50)
    offhook.restrict(max_calls=1)
    offhook.phone(A).waits(100).hangs_up()
    offhook.vca(Answers())
    long = [make_call(), ask("Well?", overallTimeout=200_000)]
    first, late = offhook.calls([long, [make_call(B), say("Hello."), HANGUP]])
    assert first.status == "COMPLETED"
    assert_error(late, RuntimeCode.CAPACITY_EXCEEDED, "MAKE_CALL")


def test_2001_a_bug_of_ours_at_the_end_still_ends_the_session(
    offhook: Offhook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A session whose outcome cannot be computed must not stay RUNNING for ever."""

    def broken(*_arguments: object) -> None:
        raise states.IllegalTransition("a leg was forgotten")

    monkeypatch.setattr(states, "finish", broken)
    call = offhook.call([make_call(), say("Hello."), HANGUP])
    assert_error(call, RuntimeCode.INTERNAL, "HANGUP")
    assert "ending it: internal error" in caplog.text
