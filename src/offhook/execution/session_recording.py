"""The recording of one session: when it begins, which legs are in it, what the people are told.

A makeCall with ``callRecording`` records the session from that leg's answer to the session's end
(``spec/execution.md``, "Recording"). There is one recording per session; legs that come later are added.
"""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncIterator, Sequence
from typing import final

import msgspec
import numpy as np

from offhook.clock import Clock
from offhook.events import RecordingEnded, RecordingStarted
from offhook.session.ports.recording import LiveRecording, Recorder
from offhook.session.ports.speech import Prompt, Speech
from offhook.session.ports.telephony import Call, Playback
from offhook.session.session import Session
from offhook.speech.prompt import G711Prompt

log = logging.getLogger(__name__)

_RATE, _SECONDS, _LEVEL, _FREQUENCY, _EDGE = 8000, 0.2, 6000.0, 1400.0, 80


def _beep() -> bytes:
    at = np.arange(int(_RATE * _SECONDS)) / _RATE
    gain = np.minimum(1.0, np.minimum(np.arange(len(at)), np.arange(len(at))[::-1]) / _EDGE)
    return (np.sin(2 * math.pi * _FREQUENCY * at) * gain * _LEVEL).astype("<i2").tobytes()


BEEP = G711Prompt.of_pcm(_beep())
"""1,400 Hz for 0.2 s."""


class RecordingNotice(msgspec.Struct, frozen=True, kw_only=True):
    """What each recorded leg hears first."""

    beep: bool = False
    consent_prompt: str | None = None
    language: str | None = None


@final
class SessionRecording:
    """Begins and ends the recording of one session."""

    def __init__(
        self, recorder: Recorder, speech: Speech, notice: RecordingNotice, clock: Clock
    ) -> None:
        self._recorder = recorder
        self._speech = speech
        self._notice = notice
        self._clock = clock
        self._from: set[str] = set()
        self._live: LiveRecording | None = None
        self._tapped: set[str] = set()
        self._told: set[str] = set()

    @property
    def runs(self) -> bool:
        """Whether the session is being recorded."""
        return self._live is not None

    def begin_with(self, call_id: str, owner: str) -> None:
        """Record the session from the answer of this leg on; what it hears then is made while it rings."""
        self._from.add(call_id)
        text = self._notice.consent_prompt
        if text is not None:
            self._speech.prepare(text, language=self._notice.language, owner=owner)

    def leg(self, call: Call) -> None:
        """A new leg: a running recording has it from its first sound on, early media included."""
        if self._live is not None and call.call_id not in self._tapped:
            self._tapped.add(call.call_id)
            self._live.add(call.tap())

    def answered(
        self, session: Session, call_id: str, calls: Sequence[Call | None]
    ) -> RecordingStarted | None:
        """A leg was answered; ``calls`` are all of the session, leg A first. Returns the fact if the
        recording begins with it."""
        begun: RecordingStarted | None = None
        if self._live is None and call_id in self._from:
            at = self._clock.now()
            self._live = self._recorder.begin(session.session_id, session.sub_account_id, at)
            if self._live is not None:
                begun = RecordingStarted(at=at, recording_id=self._live.recording_id)
        for call in calls:
            if call is not None:
                self.leg(call)
        return begun

    def untold(self, calls: Sequence[Call]) -> list[Call]:
        """The calls that are recorded and have not heard so, if they are to hear it."""
        if not self._notice.beep and self._notice.consent_prompt is None:
            return []
        return [call for call in calls if call.call_id in self._tapped - self._told]

    async def tell(self, calls: Sequence[Call], owner: str) -> None:
        """Let legs hear that they are recorded; returns when they have. Raises :class:`.PromptError`."""
        self._told.update(call.call_id for call in calls)
        playbacks: list[Playback] = []
        try:
            async for prompt in self._words(owner):
                playbacks += [call.play(prompt) for call in calls]
            for playback in playbacks:
                await playback.finished()
        except BaseException:
            for playback in playbacks:
                playback.stop()
            raise

    def end(self) -> RecordingEnded | None:
        """The session is over, or must not be recorded any longer."""
        live, self._live = self._live, None
        self._from.clear()
        if live is None:
            return None
        live.end()
        return RecordingEnded(at=self._clock.now(), recording_id=live.recording_id)

    async def _words(self, owner: str) -> AsyncIterator[Prompt]:
        """What a recorded leg hears. Raises :class:`.PromptError`."""
        if self._notice.consent_prompt is not None:
            async for part in self._speech.say_in_parts(
                self._notice.consent_prompt,
                voice_profile=None,
                language=self._notice.language,
                speed=1.0,
                owner=owner,
            ):
                yield part
        if self._notice.beep:
            yield BEEP
