"""sayAndCapture: speak a prompt and collect DTMF digits (the rules are :mod:`offhook.session.capture`)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from offhook.aio import end_all, first_of
from offhook.execution.consent import answer_a
from offhook.execution.conversation import Conversation
from offhook.execution.player import Player
from offhook.execution.steps.outcome import Outcome
from offhook.flow.actions import SayAndCapture
from offhook.session import capture
from offhook.session.ports.telephony import PlaybackResult


async def run(action: SayAndCapture, conversation: Conversation, player: Player) -> Outcome:
    """Run the capture machine against leg A until it is done."""
    await answer_a(conversation)
    taker = _Taker(action, conversation, player)
    try:
        digits = await taker.run()
    finally:
        await taker.close()
    conversation.captured(digits, action.dtmf_callback_url)
    note = "no digits" if digits is None else f"{len(digits)} digits"
    return Outcome(note=note, digits=digits)


class _Taker:
    """Runs the machine's commands, and passes it the events of the line."""

    def __init__(self, action: SayAndCapture, conversation: Conversation, player: Player) -> None:
        self._action = action
        self._player = player
        self._conversation = conversation
        self._machine = capture.Capture(action)
        self._digits: asyncio.Queue[tuple[str, float]] = asyncio.Queue(maxsize=1000)
        self._playing: asyncio.Task[None] | None = None

    async def run(self) -> str | None:
        conversation = self._conversation
        conversation.line.on_digit(self._pressed)
        clock = conversation.services.clock
        commands: Sequence[capture.CaptureCommand] = self._machine.start()
        while True:
            for command in commands:
                if isinstance(command, capture.CaptureDone):
                    return command.digits
                await self._carry_out(command)
            commands = await conversation.during(self._next(clock.monotonic()))

    async def close(self) -> None:
        """Stop listening and playing."""
        if self._conversation.call_a is not None:
            self._conversation.call_a.on_digit(None)
        await self._stop()

    def _pressed(self, digit: str, at: float) -> None:
        if not self._digits.full():
            self._digits.put_nowait((digit, at))

    async def _carry_out(self, command: capture.CaptureCommand) -> None:
        loop = asyncio.get_running_loop()
        match command:
            case capture.PlayPrompt():
                prompt = self._play(self._action.prompt_message, self._action.repetition)
                self._playing = loop.create_task(prompt)
            case capture.Speak(text=text):
                self._playing = loop.create_task(self._play(text, 1))
            case capture.StopPrompt():
                await self._stop()

    async def _stop(self) -> None:
        playing, self._playing = self._playing, None
        if playing is not None:
            await end_all(playing)

    async def _play(self, text: str, repetition: int) -> None:
        playback = self._player.message(self._action, text, repetition=repetition)
        try:
            playback.begin(await playback.ready())
            if await playback.finished() is PlaybackResult.CALL_ENDED:
                await asyncio.Event().wait()  # the step ends by the hang-up, not by a timer
        finally:
            await playback.close()

    async def _next(self, now: float) -> Sequence[capture.CaptureCommand]:
        """Wait for a digit, a timer or the end of the playback, and pass it to the machine."""
        deadline = self._machine.deadline
        timeout = None if deadline is None else max(0.0, deadline - now)
        playing = () if self._playing is None else (self._playing,)
        winner = await first_of(self._digits.get(), *playing, timeout=timeout)
        clock = self._conversation.services.clock
        if winner is None:
            return self._machine.tick(clock.monotonic())
        if winner.place == 0:
            return self._machine.digit(*winner.result)
        self._playing = None
        if self._machine.stage is capture.CaptureStage.MESSAGE:
            return self._machine.message_ended()
        return self._machine.prompt_ended(clock.monotonic())
