"""One simulated leg: the side of the session, and the phone, which follows its script."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext
from typing import ClassVar, final

from offhook.clock import Clock
from offhook.codes import CallStatus
from offhook.events import Side
from offhook.session.call_futures import CallFutures
from offhook.session.ports.recording import AudioTap
from offhook.session.ports.speech import Prompt
from offhook.session.ports.telephony import Call, CallEnd, PlaybackResult
from offhook.session.session import CallQuality
from offhook.testing.errors import ScriptNotFollowed
from offhook.testing.phone import (
    HangsUp,
    Hears,
    Phone,
    Presses,
    PressesInTurn,
    Says,
    Step,
    Then,
    Waits,
)
from offhook.testing.playing import SimulatedPlayback, SimulatedPlayer
from offhook.testing.simulated_speech import SECONDS_PER_CHARACTER
from offhook.testing.timeline import Timeline, TimelineEar

KEY_SPACING = 0.25
"""Seconds from one key to the next."""
PICKED_UP = 0.05
"""Seconds from the answer to the first step of a script: the time to lift the phone to the ear."""
REACTION = 0.2
"""Seconds from the end of a prompt to the first key of :meth:`Phone.presses_in_turn`."""
PERFECT = CallQuality(mos=4.4, packet_loss_rate=0.0, jitter=0)
"""The quality of a line without a network."""

DigitListener = Callable[[str, float], None]


@final
class SilentTap(AudioTap):
    """Simulated calls have no audio."""

    def take(self) -> bytes:
        return b""

    def stop(self) -> None:
        pass


class SimulatedCall(CallFutures):
    """What a dialled and a received call share (:class:`offhook.session.ports.telephony.Call`)."""

    far_side: ClassVar[Side]
    """The side of the phone: ``callee`` or ``caller``."""

    def __init__(
        self,
        call_id: str,
        phone: Phone,
        clock: Clock,
        timeline: Timeline,
        failures: list[Exception],
    ) -> None:
        """``failures`` gets the errors of the script."""
        loop = asyncio.get_running_loop()
        super().__init__(loop)
        self.call_id = call_id
        self.phone = phone
        self.ear = TimelineEar(clock.monotonic)
        self.player = SimulatedPlayer(self.ear, timeline)
        self.keys = ""
        """Every key the phone pressed."""
        self.keys_heard = ""
        """Every key that came to the phone: through a bridge, or by ``sendDigits``."""
        self._clock = clock
        self._timeline = timeline
        self._failures = failures
        self._loop = loop
        self._listener: DigitListener | None = None
        self._relay_to: SimulatedCall | None = None
        self._steps: deque[Step] = deque(phone.steps)
        self._owner: asyncio.Task[None] | None = None
        self._timers: list[asyncio.TimerHandle] = []
        phone.calls += 1

    # --- the side of the session

    def play(self, prompt: Prompt, *, repetition: int = 1, pause: float = 0.5) -> SimulatedPlayback:
        playback = SimulatedPlayback(prompt, repetition, pause)
        if self.connected:
            self.player.queue(playback)
        else:
            playback.resolve(PlaybackResult.CALL_ENDED)
        return playback

    def play_below(self, prompt: Prompt | None, *, pause: float = 0.0) -> None:
        if prompt is None or self.connected:
            self.player.play_below(prompt, pause)
        if prompt is not None and self.connected:
            self._timeline.add(self.phone.number, "hears", "the ringback tone")

    def tap(self) -> SilentTap:
        return SilentTap()

    def on_digit(self, listener: DigitListener | None) -> None:
        self._listener = listener
        self.ear.changed.set()

    def send_digit(self, digit: str) -> None:
        if self.connected:
            self.keys_heard += digit
            self._timeline.add(self.phone.number, "is sent", digit)

    def relay(self, to: Call | None) -> None:
        assert to is None or isinstance(to, SimulatedCall)
        self._relay_to = to

    async def hang_up(self) -> CallEnd:
        if self.ended is None:
            status = CallStatus.COMPLETED if self.connected else CallStatus.CANCELED
            self._end(status, by=Side.SERVER)
        return await self.wait_ended()

    def quality(self) -> CallQuality | None:
        return PERFECT if self._answered.done() and self._answered.result() else None

    # --- shared by both kinds of call

    async def close(self) -> None:
        """Wait until all tasks of this leg are over."""
        await self.player.close()
        if self._owner is not None:
            await asyncio.wait({self._owner})
            if not self._owner.cancelled() and (error := self._owner.exception()) is not None:
                raise error

    def _answer(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._answered.set_result(self._clock.now())

    def _end(
        self,
        status: CallStatus,
        *,
        by: Side,
        sip_code: int | None = None,
        detail: str | None = None,
    ) -> None:
        """The leg is over; only the first call counts."""
        if self._ended.done():
            return
        was_up = self.connected
        at = self._clock.now()
        self._ended.set_result(
            CallEnd(status=status, at=at, sip_code=sip_code, by=by, detail=detail)
        )
        self._timeline.add(*self._ending(status, by, sip_code, was_up))
        if not self._answered.done():
            self._answered.set_result(None)
        for timer in self._timers:
            timer.cancel()
        self.player.end()
        if self._owner is not None and self._owner is not asyncio.current_task():
            self._owner.cancel()
        self._check_script(was_up)

    def _ending(
        self, status: CallStatus, by: Side, sip_code: int | None, was_up: bool
    ) -> tuple[str, str, str]:
        """The phone or Offhook, and its action, for the timeline."""
        raise NotImplementedError

    # --- the phone's script

    async def _follow_script(self) -> None:
        await asyncio.sleep(PICKED_UP)
        while self._steps:
            await self._do(self._steps[0])
            if self._steps:
                self._steps.popleft()

    async def _do(self, step: Step) -> None:
        match step:
            case Hears(text=text):
                await self.ear.wait_for(text)
            case Presses(keys=keys):
                await self._press(keys)
            case PressesInTurn(groups=groups):
                await self._press_in_turn(groups)
            case Waits(seconds=seconds):
                await asyncio.sleep(seconds)
            case Says(text=text):
                self._timeline.add(self.phone.number, "says", repr(text))
                await self._send(text)
            case HangsUp():
                self._steps.popleft()
                self._end(CallStatus.COMPLETED, by=self.far_side)
            case Then(do=do):
                try:
                    do()
                except Exception as error:
                    self._failures.append(error)

    async def _press(self, keys: str) -> None:
        for number, key in enumerate(keys):
            if number:
                await asyncio.sleep(KEY_SPACING)
            self.keys += key
            self._timeline.add(self.phone.number, "presses", key)
            if self._listener is not None:
                self._listener(key, self._clock.monotonic())
            if self._relay_to is not None:
                self._relay_to.keys_heard += key

    async def _press_in_turn(self, groups: tuple[str, ...]) -> None:
        prompts = 0
        for group in groups:
            while not await self._asked_since(prompts):
                await self.ear.changed.wait()
            prompts = len(self.ear.utterances)
            await self._press(group)

    async def _asked_since(self, prompts: int) -> bool:
        """Whether a prompt after the first ``prompts`` is over and digits are awaited, and this does not
        change at once."""
        self.ear.changed.clear()
        if len(self.ear.utterances) <= prompts or not self._listened_to:
            return False
        await asyncio.sleep(REACTION)
        return self._listened_to

    @property
    def _listened_to(self) -> bool:
        return self._listener is not None and not self.player.busy

    async def _send(self, text: str) -> None:
        """Send the words of this phone for their duration: to the other leg of a bridge, unless it is
        played
        something else."""
        to, utterance = self._relay_to, None
        duration = len(text) * SECONDS_PER_CHARACTER
        heard = to if to is not None and to.connected and not to.player.busy else None
        if heard is not None:
            utterance = heard.ear.begins(text, duration)
        try:
            with nullcontext() if heard is None else heard.player.relaying():
                await asyncio.sleep(duration)
        except asyncio.CancelledError:
            if to is not None and utterance is not None:
                to.ear.cut(utterance)
            raise

    def _check_script(self, was_up: bool) -> None:
        """The leg is over: every step must have happened. Only a final hang-up may be missing."""
        steps, self._steps = list(self._steps), deque()
        while steps and isinstance(steps[0], Hears) and self.ear.heard_by_now(steps[0].text):
            steps.pop(0)
        if all(isinstance(step, HangsUp) for step in steps):
            return
        words = ", ".join(repr(text) for text in self.ear.words) or "nothing"
        state = "the call was over" if was_up else "the call was never answered"
        number = self.phone.number
        text = f"{number}: the step “{steps[0]}” never happened: {state}. It heard: {words}"
        self._failures.append(ScriptNotFollowed(text))
