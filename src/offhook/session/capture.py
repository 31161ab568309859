"""sayAndCapture as a state machine. Inputs: DTMF digits, timers, ends of prompts. Outputs: prompts to play,
digits.

Theory of operation. A try has three stages: PROMPT (the prompt is being prepared or played), COLLECT
(waiting for digits) and MESSAGE (its success or failure message is spoken). The first digit ends PROMPT at
once. Digits count in PROMPT and COLLECT only. The caller of the machine passes every event with its time
(monotonic seconds) and carries out the returned commands, in order; it calls :meth:`Capture.tick` when
:attr:`Capture.deadline` has come. Rules: ``spec/execution.md``, "sayAndCapture".
"""

from __future__ import annotations

from enum import Enum, auto

import msgspec

from offhook.flow.actions import SayAndCapture

DTMF_DIGITS = frozenset("0123456789*#")
"""The DTMF digits that count; A to D of RFC 4733 are ignored."""


class CaptureCommand(msgspec.Struct, frozen=True):
    """A command to the step."""


class PlayPrompt(CaptureCommand, frozen=True):
    """Play the prompt, ``repetition`` times; tell :meth:`Capture.prompt_ended` when it is over."""


class StopPrompt(CaptureCommand, frozen=True):
    """Stop the prompt at once, or do not begin it; :meth:`Capture.prompt_ended` is not awaited."""


class Speak(CaptureCommand, frozen=True):
    """Play a message; tell :meth:`Capture.message_ended` when it is over."""

    text: str


class CaptureDone(CaptureCommand, frozen=True):
    """The action is over with these digits; None: every try failed."""

    digits: str | None


class CaptureStage(Enum):
    """The state of the machine."""

    PROMPT = auto()
    COLLECT = auto()
    MESSAGE = auto()
    DONE = auto()


class Capture:
    """One sayAndCapture from its first prompt to its digits."""

    def __init__(self, action: SayAndCapture) -> None:
        self._action = action
        self._digits = ""
        self._result: str | None = None
        self._overall_at: float | None = None
        self._digit_at: float | None = None
        self.stage = CaptureStage.DONE
        self.tries = 0

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` is due; None: no timer runs."""
        times = [at for at in (self._overall_at, self._digit_at) if at is not None]
        return min(times, default=None)

    def start(self) -> list[CaptureCommand]:
        """The action begins; digits count from now on."""
        self.stage = CaptureStage.PROMPT
        self.tries += 1
        self._digits = ""
        self._overall_at = self._digit_at = None
        return [PlayPrompt()]

    def prompt_ended(self, now: float) -> list[CaptureCommand]:
        """The prompt was played to its end."""
        if self.stage is CaptureStage.PROMPT:
            self._collect(now)
        return []

    def digit(self, digit: str, now: float) -> list[CaptureCommand]:
        """A DTMF digit arrived."""
        if digit not in DTMF_DIGITS or self.stage not in (
            CaptureStage.PROMPT,
            CaptureStage.COLLECT,
        ):
            return []
        commands: list[CaptureCommand] = []
        if self.stage is CaptureStage.PROMPT:
            commands.append(StopPrompt())
            self._collect(now)
        if digit == "#" and self._action.complete_on_hash:
            return commands + self._try_over()
        self._digits += digit
        if len(self._digits) >= self._action.max_digits:
            return commands + self._try_over()
        if self._action.digit_timeout is not None:
            self._digit_at = now + self._action.digit_timeout / 1000
        return commands

    def tick(self, now: float) -> list[CaptureCommand]:
        """The time is ``now``: run a timer that is due."""
        if (
            self.stage is CaptureStage.COLLECT
            and self.deadline is not None
            and now >= self.deadline
        ):
            return self._try_over()
        return []

    def message_ended(self) -> list[CaptureCommand]:
        """A message was spoken to its end."""
        if self.stage is not CaptureStage.MESSAGE:
            return []
        return self._after_message()

    def _collect(self, now: float) -> None:
        self.stage = CaptureStage.COLLECT
        self._overall_at = now + self._action.overall_timeout / 1000

    def _try_over(self) -> list[CaptureCommand]:
        self._overall_at = self._digit_at = None
        enough = len(self._digits) >= self._action.min_digits
        self._result = self._digits if enough else None
        message = self._action.success_message if enough else self._action.failure_message
        self.stage = CaptureStage.MESSAGE
        return [Speak(message)] if message else self._after_message()

    def _after_message(self) -> list[CaptureCommand]:
        if self._result is None and self.tries < self._action.no_of_tries:
            return self.start()
        self.stage = CaptureStage.DONE
        return [CaptureDone(self._result)]
