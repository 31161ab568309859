"""What the judge accepts, and what it makes of it: the neighbours of every rejection."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from tests.unit.flow.accepted_bodies import GUIDES, NEIGHBOURS
from tests.unit.flow.accepting import CALL, accepted, second
from tests.unit.flow.flow_requests import (
    ANY_SOURCE,
    FACTS,
    HANGUP,
    NO_VCA,
    NOW,
    WITHHELD,
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
    ExecuteScenario,
    Hangup,
    MakeCall,
    PlayFile,
    Say,
    SayAndCapture,
)
from offhook.flow.judge import LARGEST_BODY, body_too_large, judge


@pytest.mark.parametrize("guide", GUIDES)
def test_the_guides_callflows_are_accepted(guide: str) -> None:
    accepted(GUIDES[guide])


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_neighbours_of_rejected_bodies_are_accepted(name: str) -> None:
    accepted(NEIGHBOURS[name])


@pytest.mark.parametrize(
    ("make", "member", "sent", "held"),
    [
        (say, "repetition", 1, 1),
        (say, "repetition", 3, 3),
        (say, "repetition", 1.0, 1),
        (play, "repetition", 3.0, 3),
        (capture, "repetition", 3, 3),
        (say, "speed", 0.5, 0.5),
        (say, "speed", 1, 1.0),
        (say, "speed", 2, 2.0),
        (say, "speed", 1.25, 1.25),
        (capture, "maxDigits", 1, 1),
        (capture, "maxDigits", 25, 25),
        (capture, "maxDigits", 25.0, 25),
        (capture, "overallTimeout", 1, 1),
        (capture, "overallTimeout", 600000, 600000),
        (capture, "noOfTries", 1, 1),
        (capture, "noOfTries", 10, 10),
    ],
)
def test_ranges_include_their_ends(make: Any, member: str, sent: float, held: float) -> None:
    stored = msgspec.to_builtins(second(call_and(make(**{member: sent}))))
    value = stored.get(member, held)  # what is the default is not stored
    assert value == held
    assert type(value) is type(held)


@pytest.mark.parametrize(
    "params",
    [
        {"minDigits": 1, "maxDigits": 1},
        {"minDigits": 25, "maxDigits": 25},
        {"minDigits": 2, "maxDigits": 3},
        {"minDigits": 1.0, "maxDigits": 1.0},
        {"minDigits": None, "maxDigits": 5},
        {"completeOnHash": False, "maxDigits": 1},
        {"completeOnHash": False, "maxDigits": 25},
        {"completeOnHash": True},
        {"completeOnHash": None},
        {"digitTimeout": 10000, "overallTimeout": 10000},
        {"digitTimeout": 9999, "overallTimeout": 10000},
        {"digitTimeout": 1, "overallTimeout": 1},
        {"digitTimeout": 10000.0, "overallTimeout": 10000},
        {"digitTimeout": None, "overallTimeout": 10000},
        {"overallTimeout": 1},
        {"dtmfCallbackUrl": "http://hooks.example/dtmf"},
    ],
)
def test_captures_at_the_edge_of_their_rules_are_accepted(params: Json) -> None:
    accepted(call_and(capture(**params)))


def test_a_dtmf_callback_takes_the_place_of_a_vca_webhook() -> None:
    body = call_and(capture(dtmfCallbackUrl="https://hooks.example/dtmf"))
    assert second(body, NO_VCA).dtmf_callback_url == "https://hooks.example/dtmf"


def test_defaults_are_the_contracts() -> None:
    assert second(call_and(capture())) == SayAndCapture(
        prompt_message="Press one",
        voice_profile="en-GB-Emma",
        language=None,
        success_message=None,
        failure_message=None,
        repetition=1,
        speed=1.0,
        min_digits=1,
        max_digits=25,
        digit_timeout=None,
        overall_timeout=30_000,
        complete_on_hash=True,
        no_of_tries=3,
        dtmf_callback_url=None,
    )
    assert second(call_and(say())) == Say(
        text="Hello", voice_profile="en-GB-Emma", language=None, repetition=1, speed=1.0
    )
    assert second(call_and(play())) == PlayFile(
        file_url="https://files.example/a.mp3", repetition=1
    )


def test_everything_sent_is_kept() -> None:
    body = flow(
        make_call(callRecording=True, sendDigits="W12w#D", ringTimeout=600, maxDuration=86_400),
        say(text="a", voiceProfile="en-US-Jenny", language="en-GB", repetition=2, speed=0.5),
        capture(
            promptMessage="b",
            voiceProfile=...,
            language="id-ID",
            successMessage="c",
            failureMessage="d",
            repetition=3,
            speed=2,
            minDigits=2,
            maxDigits=4,
            digitTimeout=5,
            overallTimeout=6,
            completeOnHash=False,
            noOfTries=7,
            dtmfCallbackUrl="http://x.example",
        ),
        play(fileUrl="HTTPS://x.example:8443/ä?b=c#d", repetition=2),
        HANGUP,
        clientActionId="ca",
        clientRequestId="cr",
        clientBatchId="cb",
        validUntil="2027-01-01T00:00:00+08:00",
    )
    assert accepted(body) == Callflow(
        actions=(
            MakeCall(
                source="+6512341234",
                destination="+6590000000",
                call_recording=True,
                send_digits="w12w#D",
                ring_timeout=600,
                max_duration=86_400,
            ),
            Say(
                text="a",
                voice_profile="en-US-JennyNeural",
                language="en-GB",
                repetition=2,
                speed=0.5,
            ),
            SayAndCapture(
                prompt_message="b",
                language="id-ID",
                success_message="c",
                failure_message="d",
                repetition=3,
                speed=2.0,
                min_digits=2,
                max_digits=4,
                digit_timeout=5,
                overall_timeout=6,
                complete_on_hash=False,
                no_of_tries=7,
                dtmf_callback_url="http://x.example",
            ),
            PlayFile(file_url="HTTPS://x.example:8443/ä?b=c#d", repetition=2),
            Hangup(),
        ),
        client_batch_id="cb",
        client_request_id="cr",
        valid_until=datetime(2026, 12, 31, 16, tzinfo=UTC),
    )


def test_a_callflow_survives_its_storage() -> None:
    for guide in GUIDES.values():
        callflow = accepted(guide)
        assert msgspec.json.decode(msgspec.json.encode(callflow), type=Callflow) == callflow


@pytest.mark.parametrize("name", ["sayAndCapture", "sayAndcapture", "say&capture"])
def test_the_spellings_of_say_and_capture_are_one_action(name: str) -> None:
    body = call_and({**capture(), "action": name})
    assert isinstance(second(body), SayAndCapture)


@pytest.mark.parametrize(
    "destination",
    [
        "+6590000000",
        "6590000000",
        6590000000,
        6590000000.0,
        "+65 9000 0000",
        "65.9000.0000",
        "+65-9000-0000",
        "(+65) 9000 0000",
        "+(65) 9000-0000",
        "+65 [9000] 0000",
        " +6590000000 ",
        "+65\u00a09000\u20110000",
    ],
)
def test_one_number_in_many_spellings(destination: object) -> None:
    assert accepted(flow(make_call(destination=destination))).actions == (CALL,)


@pytest.mark.parametrize(
    "destination",
    [
        "1234567",
        "+123456789012345",
        "+12025550101",
        "+447911123456",
        "+80012345678",
        "+8835100012345",
    ],
)
def test_the_lengths_and_calling_codes_of_e164(destination: str) -> None:
    accepted(flow(make_call(destination=destination)))


@pytest.mark.parametrize(
    "source",
    [
        "6512341234",
        "+6512341234",
        "00 65 1234 1234",
        "006512341234",
        "(65) 1234-1234",
        "65.1234.1234",
        6512341234,
        6512341234.0,
    ],
)
def test_sources_are_compared_as_e164(source: object) -> None:
    assert accepted(flow(make_call(source=source))).actions == (CALL,)


def test_a_withheld_source_needs_permission() -> None:
    for source in ("private", "anonymous"):
        (call,) = accepted(flow(make_call(source=source)), WITHHELD).actions
        assert isinstance(call, MakeCall)
        assert call.source == source


def test_a_sub_account_may_be_allowed_any_source() -> None:
    (call,) = accepted(flow(make_call(source="0044 20 7123 9999")), ANY_SOURCE).actions
    assert isinstance(call, MakeCall)
    assert call.source == "+442071239999"


@pytest.mark.parametrize(
    "text",
    [
        "tab\tline\nreturn\r",
        "< > & \" ' ]]>",
        "สวัสดี 你好 مرحبا שלום ἀγορά",
        "\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 é e\u0301",
        "\x7f \x80 \x9f \u00ad \u2028 \u200b \ufeff",
        "\ufdd0 \ufffd \U0001fffe",
        "\ud7ff",
        " ",
    ],
)
def test_every_scripts_letters_are_fine(text: str) -> None:
    assert second(call_and(say(text=text))).text == text


@pytest.mark.parametrize(
    ("profile", "language"),
    [
        ("en-GB-Emma", "en-GB"),
        ("en-GB-Emma", "en-US"),
        ("en-GB-Emma", "en"),
        ("en-US-Jenny", "en-GB"),
        ("cmn-CN-Standard-A", "zh-CN"),
        ("nb-NO-Pernille", "no-NO"),
    ],
)
def test_a_language_beside_its_voice(profile: str, language: str) -> None:
    accepted(call_and(say(voiceProfile=profile, language=language)))


def test_a_profile_may_lack_its_trailing_neural() -> None:
    assert second(call_and(say(voiceProfile="en-US-Jenny"))).voice_profile == "en-US-JennyNeural"


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-01-01T12:00:00Z", NOW),
        ("2026-01-01T12:00:00.000Z", NOW),
        ("2026-01-01T12:00:00", NOW),
        ("2026-01-01T12:00Z", NOW),
        ("2026-01-01T12Z", NOW),
        ("20260101T120000Z", NOW),
        ("2026-W01-4T12:00:00Z", NOW),
        ("2026-01-01t12:00:00z", NOW),
        ("2026-01-01T20:00:00+08:00", NOW),
        ("2026-01-01T20:00:00+0800", NOW),
        ("2026-01-01T20:00:00+08", NOW),
        ("2026-01-01T07:00:00-05:00", NOW),
        ("2027-07-03T05:59:32.226Z", datetime(2027, 7, 3, 5, 59, 32, 226000, tzinfo=UTC)),
        ("2027-07-03T05:59:32,5Z", datetime(2027, 7, 3, 5, 59, 32, 500000, tzinfo=UTC)),
        ("2027-07-03T05:59:32.123456789Z", datetime(2027, 7, 3, 5, 59, 32, 123456, tzinfo=UTC)),
        ("9999-12-31T23:59:59-12:00", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_valid_until_is_any_iso_8601_time(text: str, at: datetime) -> None:
    verdict = judged(call_and(validUntil=text))
    assert verdict.problems == ()
    assert verdict.callflow is not None
    assert verdict.callflow.valid_until == at
    assert verdict.valid_until == text


@pytest.fixture
def time_zone(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    """The machine's local time is that of another zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("time_zone", ["Asia/Singapore", "America/New_York"], indirect=True)
@pytest.mark.usefixtures("time_zone")
def test_valid_until_without_an_offset_is_utc_wherever_the_server_stands() -> None:
    verdict = judged(call_and(validUntil="2026-01-01T12:00:00"))
    assert verdict.callflow is not None
    assert verdict.callflow.valid_until == NOW
    assert time.localtime(0).tm_hour in (7, 8, 19)  # the zone is really another one


def test_the_parameters_of_a_scenario_are_everything_else() -> None:
    body = flow(scenario(destination="+65", n=1, deep={"a": [1]}, nothing=None))
    assert accepted(body).actions == (
        ExecuteScenario(
            scenario_name="reminder",
            parameters={"destination": "+65", "n": 1, "deep": {"a": [1]}},
        ),
    )


def test_the_largest_body_is_judged_and_a_larger_one_is_413() -> None:
    body = encoded(call_and())
    assert judge(body + b" " * (LARGEST_BODY - len(body)), FACTS, NOW).callflow is not None
    verdict = judge(body + b" " * (LARGEST_BODY - len(body) + 1), FACTS, NOW)
    assert verdict == body_too_large()
    assert codes(verdict) == [-1001]
    assert verdict.status_message == "Invalid JSON request body"
    assert verdict.http_status == 413


def test_lists_of_errors_are_bounded() -> None:
    assert len(judged({"callflow": [1] * 80_000}).problems) == 201
    members = ("speed", "repetition", "language", "minDigits", "maxDigits", "noOfTries")
    element = action("sayAndCapture", dict.fromkeys(members, "x"))
    assert len(judged({"callflow": [element] * 500}).problems) == 1_000


def test_the_summary_names_every_path() -> None:
    summary = judged(call_and(say(text=...), action("dial"))).summary
    assert "-1009 at $.callflow[1].params.text: " in summary
    assert "-1007 at $.callflow[2].action: " in summary
