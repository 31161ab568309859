"""What people hear of a recording is made while their phone rings."""

from __future__ import annotations

from offhook.clock import SystemClock
from offhook.execution.session_recording import RecordingNotice, SessionRecording
from offhook.session.ports.recording import NoRecorder
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
