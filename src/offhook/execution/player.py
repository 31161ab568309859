"""Plays the prompts of a list of actions to leg A. The next prompt is queued while one plays.

Prompts are prepared ahead of time (:mod:`.prompts`). The following prompt is queued on the line while the
current one still plays, if it is ready, so that there is no gap between two prompts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from offhook.aio import end_all
from offhook.execution.conversation import Conversation
from offhook.execution.failures import SessionFailure
from offhook.execution.prompts import Prompts
from offhook.flow.actions import AnyAction, PlayFile, Say, SayAndCapture
from offhook.session.ports.speech import Prompt, Speech
from offhook.session.ports.telephony import Playback


class Player:
    """The prompts of one session."""

    def __init__(self, conversation: Conversation, speech: Speech) -> None:
        self._conversation = conversation
        self._prompts = Prompts(speech, conversation.session.sub_account_id)
        self._actions: Sequence[AnyAction] = ()
        self._queued: tuple[AnyAction, Playback] | None = None

    def prepare(self, actions: Sequence[AnyAction]) -> None:
        """Begin to synthesise and fetch everything that these actions play."""
        self._actions = actions
        self._prompts.prepare(actions)

    async def play(self, action: Say | PlayFile) -> None:
        """Play the prompt of ``action``, one of the list, to its end.

        Raises :class:`SessionFailure` with -2005 or -2006, and what :meth:`Conversation.during` raises.
        """
        conversation = self._conversation
        playback = self._take_queued(action)
        if playback is None:
            prompt = await conversation.during(self._prompts.of(action))
            playback = self.start(prompt, repetition=action.repetition)
        following = self._after(action)
        ahead: list[asyncio.Task[None]] = []
        if isinstance(following, Say | PlayFile):
            ahead.append(asyncio.get_running_loop().create_task(self._queue_next(following)))
        try:
            await conversation.during(playback.finished())
        except BaseException:
            playback.stop()
            self._drop_queued()
            raise
        finally:
            await end_all(*ahead)

    async def remark(self, action: Say | PlayFile) -> str:
        """The remark for the session record about the prompt of ``action``, which was played."""
        return (await self._prompts.of(action)).remark

    async def text(self, action: SayAndCapture, text: str) -> Prompt:
        """A message of ``action``, one of the list. Raises :class:`SessionFailure` with -2005."""
        return await self._prompts.of_text(action, text)

    def start(self, prompt: Prompt, *, repetition: int = 1) -> Playback:
        """Queue a prompt after the playing ones."""
        return self._conversation.line.play(prompt, repetition=repetition)

    async def close(self) -> None:
        """Cancel the preparation that is still under way."""
        self._drop_queued()
        await self._prompts.close()

    def _take_queued(self, action: Say | PlayFile) -> Playback | None:
        """The playback that was queued for ``action`` while the action before it played."""
        queued, self._queued = self._queued, None
        return queued[1] if queued is not None and queued[0] is action else None

    def _drop_queued(self) -> None:
        queued, self._queued = self._queued, None
        if queued is not None:
            queued[1].stop()

    async def _queue_next(self, following: Say | PlayFile) -> None:
        """Queue the prompt of the next action; a failure is reported when its action begins."""
        try:
            prompt = await self._prompts.of(following)
        except SessionFailure:
            return
        self._queued = (following, self.start(prompt, repetition=following.repetition))

    def _after(self, action: AnyAction) -> AnyAction | None:
        actions = iter(self._actions)
        for one in actions:
            if one is action:
                return next(actions, None)
        return None
