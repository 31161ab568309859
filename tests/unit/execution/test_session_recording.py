"""Which legs are recorded, and what people hear of it, which is made while their phone rings."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any, cast

from offhook.clock import SystemClock, new_id
from offhook.codes import SessionStatus
from offhook.events import AnyEvent, RecordingEnded
from offhook.execution.consent import tell_recorded
from offhook.execution.conversation import Conversation
from offhook.execution.session_recording import RecordingNotice, SessionRecording
from offhook.flow.actions import Callflow, Hangup
from offhook.session.ports.recording import AudioTap, LiveRecording, NoRecorder, Recorder
from offhook.session.ports.telephony import Call
from offhook.session.session import Session
from offhook.testing.simulated_speech import FakeSpeech

WORDS = "This call is recorded."


class Noting(FakeSpeech):
    """Notes what it shall prepare."""

    def __init__(self) -> None:
        super().__init__()
        self.prepared: list[tuple[str, str | None, str]] = []

    def prepare(self, text: str, *, language: str | None, owner: str) -> None:
        self.prepared.append((text, language, owner))


def recording(speech: FakeSpeech, notice: RecordingNotice) -> SessionRecording:
    return SessionRecording(NoRecorder(), speech, notice, SystemClock())


def test_the_consent_prompt_is_made_before_the_answer() -> None:
    speech = Noting()
    recording(speech, RecordingNotice(consent_prompt=WORDS, language="en")).begin_with(
        "leg", "acme"
    )
    assert speech.prepared == [(WORDS, "en", "acme")]


def test_without_a_consent_prompt_nothing_is_made() -> None:
    speech = Noting()
    recording(speech, RecordingNotice(beep=True)).begin_with("leg", "acme")
    assert speech.prepared == []


class Leg:
    """A call that can be recorded."""

    def __init__(self, call_id: str) -> None:
        self.call_id = call_id
        self.taps = 0

    def tap(self) -> AudioTap:
        self.taps += 1
        return cast(AudioTap, self)

    def play(self, *_prompt: object, **_how: object) -> Any:
        raise AssertionError("nothing can be said")


class Noted(LiveRecording):
    """Notes the legs that it is given."""

    recording_id = "r1"

    def __init__(self) -> None:
        self.legs: list[object] = []
        self.over = False

    def add(self, tap: AudioTap) -> None:
        self.legs.append(tap)

    def end(self) -> None:
        self.over = True


class NotingRecorder(Recorder):
    def __init__(self) -> None:
        self.live = Noted()

    def begin(self, session_id: str, sub_account_id: str, at: datetime) -> LiveRecording:
        return self.live


def calls(*legs: Leg) -> list[Call]:
    return [cast(Call, leg) for leg in legs]


SESSION = Session(
    session_id=new_id(),
    sub_account_id="acme",
    call_flow_request_id=new_id(),
    status=SessionStatus.RUNNING,
    callflow=Callflow(actions=(Hangup(),)),
    created_at=datetime(2026, 11, 28, tzinfo=UTC),
)


def test_every_leg_is_recorded_once_from_the_answer_on() -> None:
    recorder, a, b = NotingRecorder(), Leg("a"), Leg("b")
    made = SessionRecording(recorder, FakeSpeech(), RecordingNotice(), SystemClock())
    made.begin_with("a", "acme")
    made.leg(*calls(a))
    assert recorder.live.legs == [], "it is not answered yet"
    begun = made.answered(SESSION, "a", calls(a))
    assert begun is not None
    assert begun.recording_id == "r1"
    made.leg(*calls(b))  # early media of B
    assert made.answered(SESSION, "b", calls(a, b)) is None
    assert recorder.live.legs == [a, b]
    assert (a.taps, b.taps) == (1, 1)


class Talk:
    """A conversation of one leg that is up."""

    def __init__(self, recording: SessionRecording, leg: Leg) -> None:
        self.recording = recording
        self.call_a, self.call_b = leg, None
        self.session = SESSION
        self.facts: list[AnyEvent] = []

    def is_up(self, _call: Call) -> bool:
        return True

    async def during(self, what: Awaitable[None]) -> None:
        await what

    def record(self, fact: AnyEvent) -> None:
        self.facts.append(fact)


async def test_who_cannot_be_told_is_not_recorded() -> None:
    recorder, speech, a = NotingRecorder(), FakeSpeech(), Leg("a")
    speech.mute.add(WORDS)
    notice = RecordingNotice(consent_prompt=WORDS, language="en")
    made = SessionRecording(recorder, speech, notice, SystemClock())
    made.begin_with("a", "acme")
    made.answered(SESSION, "a", calls(a))
    talk = Talk(made, a)
    await tell_recorded(cast(Conversation, talk))
    assert recorder.live.over
    assert [type(fact) for fact in talk.facts] == [RecordingEnded]
    assert not made.runs
