"""v1.1 requests, and decisions of the VCA webhook."""

from __future__ import annotations

import pytest
from tests.unit.flow.accepted_bodies import GUIDES
from tests.unit.flow.accepting import CALL, accepted, second
from tests.unit.flow.flow_requests import (
    HANGUP,
    NO_VCA,
    Json,
    action,
    call_and,
    capture,
    codes,
    encoded,
    flow,
    judged,
    make_call,
    play,
    say,
    scenario,
)

from offhook.flow.actions import (
    Callflow,
    Hangup,
    MakeCall,
    PlayFile,
    Say,
    SayAndCapture,
)
from offhook.flow.problems import Mode

CALLED = {"source": "6512341234", "destination": "+65 9000 0000"}


def test_v1_1_say_means_call_say_hangup() -> None:
    callflow = accepted(GUIDES["v1.1"])
    assert callflow.legacy
    assert callflow.actions == (
        CALL,
        Say(text="Hi", voice_profile="en-GB-Emma", language="en-GB"),
        Hangup(),
    )


def test_v1_1_play_file_means_call_play_hangup() -> None:
    assert accepted(flow(play(**CALLED))).actions == (
        CALL,
        PlayFile(file_url="https://files.example/a.mp3"),
        Hangup(),
    )


@pytest.mark.parametrize("name", ["say&capture", "sayAndCapture", "sayAndcapture"])
@pytest.mark.parametrize(
    "names",
    [("text", "endMessage"), ("promptMessage", "successMessage"), ("text", "successMessage")],
)
def test_v1_1_capture_has_older_names(name: str, names: tuple[str, str]) -> None:
    params: Json = {names[0]: "Press", names[1]: "Thanks", "language": "en"}
    url = "https://hooks.example/dtmf"
    body = flow(action(name, {**CALLED, **params, "dtmfCallbackUrl": url}))
    assert accepted(body, NO_VCA).actions == (
        CALL,
        SayAndCapture(
            prompt_message="Press", success_message="Thanks", language="en", dtmf_callback_url=url
        ),
        Hangup(),
    )


def test_v1_1_prefers_the_older_names() -> None:
    body = flow(capture(**CALLED, text="old", promptMessage="new"))
    assert second(body).prompt_message == "old"


def test_v1_1_may_go_on_with_the_same_destination() -> None:
    body = flow(say(**CALLED), play(source=6512341234, destination=6590000000), say(), HANGUP)
    callflow = accepted(body)
    assert [type(a) for a in callflow.actions] == [MakeCall, Say, PlayFile, Say, Hangup]


def test_v1_1_may_bridge_once() -> None:
    body = flow(say(**CALLED), make_call())
    assert [type(a) for a in accepted(body).actions] == [MakeCall, Say, MakeCall, Hangup]


def test_a_destination_in_a_later_action_does_not_make_it_v1_1() -> None:
    callflow = accepted(call_and(say(**CALLED)))
    assert not callflow.legacy
    assert len(callflow.actions) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \n",
        b"{}",
        b'{"status":"ignored"}',
        b'{"callflow":null}',
        b'{"callflow":[]}',
        b'{"callflow":[],"clientActionId":7,"validUntil":"never"}',
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf \n",
        b"\xef\xbb\xbf{}",
    ],
)
def test_a_decision_may_be_nothing_more(body: bytes) -> None:
    assert accepted(body, mode=Mode.DECISION) == Callflow(actions=())


def test_a_decision_need_not_start_with_a_call() -> None:
    body = flow(say(), capture(), clientActionId="menu-2")
    callflow = accepted(body, mode=Mode.DECISION)
    assert [type(a) for a in callflow.actions] == [Say, SayAndCapture]
    assert callflow.client_action_id == "menu-2"
    accepted(flow(HANGUP), mode=Mode.DECISION)
    accepted(flow(scenario()), mode=Mode.DECISION)
    accepted(flow(make_call()), mode=Mode.DECISION)


def test_a_byte_order_mark_before_a_decision_is_ignored() -> None:
    body = b"\xef\xbb\xbf" + encoded(flow(say(), clientActionId="menu-2"))
    assert accepted(body, mode=Mode.DECISION).client_action_id == "menu-2"


@pytest.mark.parametrize("wrong", ["", 7, "x" * 256])
def test_a_decisions_client_action_id_is_judged(wrong: object) -> None:
    verdict = judged(flow(say(), clientActionId=wrong), mode=Mode.DECISION)
    assert codes(verdict) == [-1009]
    assert verdict.problems[0].path == "$.clientActionId"


def test_a_decision_is_never_v1_1() -> None:
    callflow = accepted(flow(say(source="x", destination="y")), mode=Mode.DECISION)
    assert callflow.actions == (Say(text="Hello", voice_profile="en-GB-Emma"),)


@pytest.mark.parametrize(
    ("body", "runtime"),
    [
        (flow(make_call(source="+6511111111")), -2008),
        (flow(make_call(source="+6511111111"), say(voiceProfile="x")), -2008),
        (flow(say(text=...), make_call(source="+6511111111")), -2003),
        (flow(make_call(destination="x", source="+6511111111")), -2003),
        (flow(say(text="")), -2003),
        ({"callflow": "none"}, -2003),
        (b"[]", -2003),
        (b"{} // nothing", -2003),
        (b'{"callflow":[],}', -2003),
        (b"\xef\xbb\xbf\xef\xbb\xbf", -2003),
    ],
)
def test_an_invalid_decision_says_how_the_session_ends(body: object, runtime: int) -> None:
    verdict = judged(body, mode=Mode.DECISION)
    assert verdict.runtime_code is not None
    assert verdict.runtime_code == runtime
