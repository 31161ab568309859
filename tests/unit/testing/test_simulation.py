"""The simulation does what its callers rely on: ``docs/testing.md``."""

from __future__ import annotations

import asyncio
import http.server
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from offhook.config import Config, Limits, RouteSection, TrunkSection
from offhook.testing import (
    Answer,
    CallflowRejected,
    Offhook,
    Runaway,
    ScriptNotFollowed,
    SimulationError,
)

A, B = "+12025550100", "+12025550111"
SOURCE = "+6512341234"


def make_call(destination: str = A) -> dict[str, Any]:
    return {"action": "makeCall", "params": {"source": SOURCE, "destination": destination}}


def say(text: str) -> dict[str, Any]:
    return {"action": "say", "params": {"text": text, "language": "en-US"}}


def ask(prompt: str, **params: Any) -> dict[str, Any]:
    return {
        "action": "sayAndCapture",
        "params": {"promptMessage": prompt, "language": "en-US", "maxDigits": 1, **params},
    }


HANGUP = {"action": "hangup"}
MENU = [make_call(), ask("Press 1 for sales or 2 for support.")]


@pytest.fixture(autouse=True)
def _nothing_left(offhook: Offhook) -> Iterator[None]:
    yield
    assert offhook.left_behind == []


def test_a_menu_from_the_first_word_to_the_summary(offhook: Offhook) -> None:
    offhook.vca(lambda payload: {"callflow": [say(f"You pressed {payload['dtmf']}."), HANGUP]})
    offhook.phone(A).hears("press 1").presses("1").hears("you pressed 1")
    call = offhook.call(MENU)
    assert call.status == "COMPLETED"
    assert call.spoken == ["Press 1 for sales or 2 for support.", "You pressed 1."]
    assert call.a.heard == ["Press 1", "You pressed 1."]
    assert call.a.keys == "1"
    assert call.asked[0]["dtmf"] == call.asked[0]["eventData"]["dtmf"] == "1"
    assert call.digits == ["1"]
    assert call.summary["sessionStatus"] == "COMPLETED"
    assert [event["callStatus"] for event in call.events] == [
        "CALL_INITIATED",
        "CALL_UPDATED",
        "CALL_CONNECTED",
        "DTMF_RECEIVED",
        "CALL_DISCONNECTED",
    ]
    assert offhook.sessions == [call]


def test_minutes_of_a_call_take_no_time(offhook: Offhook) -> None:
    offhook.phone(A).waits(3000).hangs_up()
    offhook.vca(lambda payload: {"callflow": [ask("Well?", overallTimeout=600_000)]})
    began, first = time.monotonic(), offhook.now
    call = offhook.call(MENU)
    assert time.monotonic() - began < 1500, "half of the simulated time"
    assert call.a.duration == 3000
    assert (offhook.now - first).total_seconds() == pytest.approx(3001, abs=1)


@pytest.mark.parametrize("form", ["a dict", "its actions", "text", "bytes", "a file"])
def test_a_callflow_may_come_in_any_form(offhook: Offhook, form: str, tmp_path: Path) -> None:
    actions = [make_call(), say("Hello."), HANGUP]
    text = json.dumps({"callflow": actions})
    file = tmp_path / "flow.json"
    file.write_text(text)
    given: dict[str, Any] = {
        "a dict": {"callflow": actions},
        "its actions": actions,
        "text": text,
        "bytes": text.encode(),
        "a file": file,
    }
    assert offhook.call(given[form]).spoken == ["Hello."]


def test_a_rejected_callflow_raises_with_every_problem(offhook: Offhook) -> None:
    with pytest.raises(CallflowRejected) as caught:
        offhook.call([make_call("12"), say("Hello."), {"action": "dance"}])
    assert caught.value.code == -1007
    assert [problem.code for problem in caught.value.problems] == [-1007, -1017]
    assert "$.callflow[0].params.destination" in str(caught.value)
    assert json.loads(caught.value.answer)["statusCode"] == -1007
    assert offhook.sessions == []


def test_words_that_are_never_said_fail_the_run_and_name_what_was_heard(offhook: Offhook) -> None:
    offhook.phone(A).hears("press 9").presses("9")
    with pytest.raises(ScriptNotFollowed) as caught:
        offhook.call([make_call(), say("Hello."), say("Goodbye."), HANGUP])
    assert str(caught.value) == (
        "+12025550100: the step “hears 'press 9'” never happened: the call was over. "
        "It heard: 'Hello.', 'Goodbye.'"
    )
    assert "Offhook says 'Goodbye.'" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("script", "step"),
    [
        (lambda phone: phone.hears("hello").presses("123456789"), "presses 123456789"),
        (lambda phone: phone.waits(60), "waits 60 s"),
        (lambda phone: phone.says("I would like to speak to somebody"), "says"),
        (lambda phone: phone.presses_in_turn("1"), "presses 1 in turn"),
        (lambda phone: phone.busy().hears("hello"), "hears 'hello'"),
    ],
)
def test_every_step_that_never_happens_fails_the_run(
    offhook: Offhook, script: Any, step: str
) -> None:
    script(offhook.phone(A))
    with pytest.raises(ScriptNotFollowed, match=f"the step “{step}"):
        offhook.call([make_call(), say("Hello."), HANGUP])


def test_hanging_up_after_the_last_word_may_come_too_late(offhook: Offhook) -> None:
    offhook.phone(A).hears("hello").hangs_up()
    assert offhook.call([make_call(), say("Hello."), HANGUP]).status == "COMPLETED"


def test_a_phone_with_a_script_must_be_called(offhook: Offhook) -> None:
    offhook.phone(B).hears("hello")
    offhook.call([make_call(), say("Hello."), HANGUP])
    with pytest.raises(ScriptNotFollowed, match="was never called"):
        offhook.check_phones()
    offhook.phone(B)


def test_a_loop_without_end_is_told_as_such(offhook: Offhook) -> None:
    offhook.vca(lambda payload: {"callflow": [say("Again.")]})
    with pytest.raises(Runaway, match="asked 201 times"):
        offhook.call([make_call(), say("Hello.")])


def test_what_the_test_s_own_function_raises_is_what_the_test_sees(offhook: Offhook) -> None:
    def decide(payload: dict[str, Any]) -> Any:
        return payload["no such member"]

    offhook.vca(decide)
    with pytest.raises(KeyError, match="no such member"):
        offhook.call([make_call(), say("Hello.")])


def test_what_a_function_of_the_script_raises_is_what_the_test_sees(offhook: Offhook) -> None:
    def look() -> None:
        raise LookupError("in the middle")

    offhook.phone(A).hears("hello").then(look)
    with pytest.raises(LookupError, match="in the middle"):
        offhook.call([make_call(), say("Hello."), HANGUP])
    offhook.after(0.5, look)
    offhook.phone(A)
    with pytest.raises(LookupError, match="in the middle"):
        offhook.call([make_call(), say("Hello."), HANGUP])


def test_the_vca_function_may_be_async_and_slow(offhook: Offhook) -> None:
    async def decide(payload: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(9)
        return {"callflow": [say("At last."), HANGUP]}

    offhook.vca(decide)
    call = offhook.call([make_call(), say("Hello.")])
    assert call.spoken == ["Hello.", "At last."]
    assert call.a.duration == 9


class _Handler(http.server.BaseHTTPRequestHandler):
    seen: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append(body)
        answer = json.dumps({"callflow": [say("From far away."), HANGUP]}).encode()
        time.sleep(0.05)
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def test_a_real_server_is_asked_for_real_while_time_stands_still(offhook: Offhook) -> None:
    _Handler.seen = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        offhook.vca(f"http://127.0.0.1:{server.server_port}/vca")
        call = offhook.call([make_call(), say("Hello."), say("Hello.")])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert call.spoken == ["Hello.", "Hello.", "From far away."]
    (seen,) = _Handler.seen
    assert seen["eventType"] == "CALL_ACTION"
    assert seen["payload"] == call.asked[0]
    asked = next(m.at for m in call.timeline if m.what == "asks the VCA:")
    answered = next(m.at for m in call.timeline if m.who == "VCA")
    assert answered == asked


def test_nobody_at_the_url_ends_the_session_as_it_would_for_real(offhook: Offhook) -> None:
    offhook.vca("http://127.0.0.1:1/vca")
    call = offhook.call([make_call(), say("Hello.")])
    assert (call.status, call.error) == ("ERROR", -2002)
    assert "no connection to 127.0.0.1:1" in (call.detail or "")


def test_a_bridge_lets_both_sides_hear_and_press(offhook: Offhook) -> None:
    offhook.phone(A).hears("hello, this is b").says("Hello B.").presses("42")
    offhook.phone(B).says("Hello, this is B.").hears("hello b").waits(1).hangs_up()
    call = offhook.call([make_call(), say("One moment."), make_call(B)])
    assert call.status == "COMPLETED"
    assert call.a.heard == ["One moment.", "Hello, this is B."]
    assert call.b.heard == ["Hello B."]
    assert call.b.keys_heard == "42"
    assert call.a.ringback
    assert (call.a.ended_by, call.b.ended_by) == ("server", "callee")


def test_early_media_takes_the_place_of_the_ringback_tone(offhook: Offhook) -> None:
    offhook.phone(B).early_media("The number has changed.").answers(after=5).hangs_up()
    call = offhook.call([make_call(), make_call(B)])
    assert call.a.heard == ["The number has changed."]
    assert 183 in [event.get("sipCode") for event in call.events]


def test_a_call_from_outside(offhook: Offhook) -> None:
    offhook.number("+6568332048", reference_id="PSTN1")
    offhook.vca(
        lambda payload: (
            {"callflow": [say("Welcome."), HANGUP]}
            if payload["callStatus"] == "CALL_RECEIVED"
            else None
        )
    )
    offhook.phone("+4915112345678").hears("welcome")
    call = offhook.inbound(to="+6568332048", from_="+4915112345678")
    assert call.status == "COMPLETED"
    assert call.asked[0]["destinationRefId"] == "PSTN1"
    assert call.summary["details"]["callA"]["callDirection"] == "INBOUND"


def test_several_calls_run_side_by_side_within_the_limits(offhook: Offhook) -> None:
    offhook.restrict(max_calls=1)
    first, second = offhook.calls([[make_call(), say("One."), HANGUP]] * 2)
    assert first.status == second.status == "COMPLETED"
    ended, started = first.session.ended_at, second.session.started_at
    assert ended is not None
    assert started is not None
    assert started >= ended


def test_a_configuration_decides_routes_limits_and_sources(tmp_path: Path) -> None:
    (tmp_path / "offhook.toml").write_text(
        """
        [limits]
        ring_timeout = 7
        [[trunks]]
        name = "carrier"
        address = "udp:192.0.2.1:5060"
        [[routes]]
        prefix = "+1"
        trunks = ["carrier"]
        [[subaccounts]]
        id = "acme"
        account = "acme"
        caller_ids = ["+6512341234"]
        """
    )
    offhook = Offhook(tmp_path / "offhook.toml")
    offhook.phone(A).no_answer()
    call = offhook.call([make_call(), say("Hello.")])
    assert (call.status, call.timeline[-1].at) == ("NO_ANSWER", 7)
    assert offhook.call([make_call("+6591234567"), HANGUP]).error == -2004
    with pytest.raises(CallflowRejected, match="-1014"):
        offhook.call([{"action": "makeCall", "params": {"source": "+1", "destination": A}}])
    with pytest.raises(SimulationError, match="no number of acme"):
        offhook.inbound(to="+6568332048", from_=A)
    with pytest.raises(ValueError, match="which sub-account"):
        Offhook(tmp_path / "offhook.toml", sub_account="other")


def test_the_next_trunk_is_tried_when_one_is_down() -> None:
    offhook = Offhook(
        Config(
            trunks=(
                TrunkSection(name="first", address="udp:192.0.2.1:5060"),
                TrunkSection(name="second", address="udp:192.0.2.2:5060"),
            ),
            routes=(RouteSection(trunks=("first", "second")),),
            limits=Limits(ring_timeout=120),
        )
    )
    offhook.trunk_is_down("first")
    call = offhook.call([make_call(), say("Hello."), HANGUP])
    assert (call.status, call.session.legs[0].trunk) == ("COMPLETED", "second")
    offhook.trunk_is_down("second")
    assert offhook.call([make_call(), say("Hello."), HANGUP]).status == "FAILED"


def test_keys_in_turn_answer_one_prompt_each(offhook: Offhook) -> None:
    answers = iter([[ask("And now?")], [say("Thank you."), HANGUP]])
    offhook.vca(lambda payload: {"callflow": next(answers)})
    offhook.phone(A).presses_in_turn("", "1", "2")
    call = offhook.call([make_call(), ask("First?", failureMessage="Again, please.")])
    assert call.digits == ["1", "2"]
    assert call.spoken == ["First?", "Again, please.", "First?", "And now?", "Thank you."]


def test_a_key_without_a_phone_is_refused(offhook: Offhook) -> None:
    for wrong in ("", "x", "1,2"):
        with pytest.raises(ValueError, match="no keys"):
            offhook.phone(A).presses(wrong)
    with pytest.raises(ValueError, match="no words"):
        offhook.phone(A).hears(" ")
    with pytest.raises(ValueError, match="no SIP status"):
        offhook.phone(A).refuses(200)


async def test_inside_a_running_loop_it_says_what_to_do(offhook: Offhook) -> None:
    with pytest.raises(SimulationError, match="plain def"):
        offhook.call([make_call(), say("Hello."), HANGUP])


def test_commands_without_a_run_are_refused(offhook: Offhook) -> None:
    with pytest.raises(SimulationError, match="nothing runs now"):
        offhook.end()


def test_answers_that_go_wrong_can_be_had(offhook: Offhook) -> None:
    offhook.vca(lambda payload: Answer(after=11))
    call = offhook.call([make_call(), say("Hello.")])
    assert (call.error, call.a.duration) == (-2002, 10)
    times = iter([503, 503, 200])
    offhook.vca(lambda payload: Answer(status=next(times)))
    call = offhook.call([make_call(), say("Hello.")])
    assert call.status == "COMPLETED"
    assert len(call.asked) == 1


def test_words_that_are_waited_for_twice_must_be_heard_twice(offhook: Offhook) -> None:
    offhook.phone(A).hears("hello").hears("hello").presses("1").hangs_up()
    offhook.vca(lambda payload: {"callflow": [ask("Hello again.")]})
    call = offhook.call([make_call(), say("Hello."), ask("Hello?")])
    assert call.a.heard == ["Hello.", "Hello"]
    once = Offhook()
    once.phone(A).hears("hello").hears("hello")
    with pytest.raises(ScriptNotFollowed, match="hears 'hello'"):
        once.call([make_call(), say("Hello."), HANGUP])


def test_ringback_is_heard_again_a_second_after_early_media_stops(offhook: Offhook) -> None:
    offhook.phone(B).early_media("Wait.").answers(after=9).says("Hello.").hangs_up()
    call = offhook.call([make_call(), make_call(B), HANGUP])
    assert call.a.heard == ["Wait.", "Hello."]
    assert call.a.sounds == ["(ringback)", "Wait.", "(ringback)", "(ringback)", "Hello."]
