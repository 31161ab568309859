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
from offhook.execution.sayings import Saying, SayingPlayback
from offhook.flow.actions import AnyAction, PlayFile, Say, SayAndCapture
from offhook.session.ports.speech import Prompt, Speech, Urgency
from offhook.session.ports.telephony import Playback


class Player:
    """The prompts of one session."""

    def __init__(self, conversation: Conversation, speech: Speech) -> None:
        self._conversation = conversation
        self._prompts = Prompts(speech, conversation.session.sub_account_id)
        self._actions: Sequence[AnyAction] = ()
        self._queued: tuple[AnyAction, SayingPlayback] | None = None

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
            playback = self._playback(self._prompts.of(action), action.repetition)
            first = playback.first_now()  # made while the phone rang: nothing is to be waited for
            if first is None:
                first = await conversation.during(playback.ready())
            playback.begin(first)
        if isinstance(action, Say):
            conversation.spoke(action.text)
        following = self._after(action)
        ahead: list[asyncio.Task[None]] = []
        if isinstance(following, Say | PlayFile):
            queue = self._queue_next(following, playback)
            ahead.append(asyncio.get_running_loop().create_task(queue))
        try:
            await conversation.during(playback.finished())
        except BaseException:
            await self._drop_queued()
            raise
        finally:
            await end_all(*ahead)
            await playback.close()

    async def remark(self, action: Say | PlayFile) -> str:
        """The remark for the session record about the prompt of ``action``, which was played."""
        first = await self._prompts.of(action).piece(0)
        return "" if first is None else first.remark

    def message(self, action: SayAndCapture, text: str, *, repetition: int) -> SayingPlayback:
        """A message of ``action``, one of the list, to be begun behind what plays."""
        self._conversation.spoke(text)
        return self._playback(self._prompts.of_text(action, text), repetition)

    async def close(self) -> None:
        """Cancel the preparation that is still under way."""
        await self._drop_queued()
        await self._prompts.close()

    def _playback(self, saying: Saying, repetition: int) -> SayingPlayback:
        return SayingPlayback(saying, self._queue, repetition=repetition)

    def _queue(self, prompt: Prompt, repetition: int) -> Playback:
        return self._conversation.line.play(prompt, repetition=repetition)

    def _take_queued(self, action: Say | PlayFile) -> SayingPlayback | None:
        """The playback that was queued for ``action`` while the action before it played."""
        queued, self._queued = self._queued, None
        return queued[1] if queued is not None and queued[0] is action else None

    async def _drop_queued(self) -> None:
        queued, self._queued = self._queued, None
        if queued is not None:
            await queued[1].close()

    async def _queue_next(self, following: Say | PlayFile, behind: SayingPlayback) -> None:
        """Queue the prompt of the next action; a failure is reported when its action begins."""
        playback = self._playback(self._prompts.of(following), following.repetition)
        try:
            await behind.all_queued()
            playback.begin(await playback.ready(Urgency.SOON))
        except SessionFailure:
            return
        self._queued = (following, playback)

    def _after(self, action: AnyAction) -> AnyAction | None:
        actions = iter(self._actions)
        for one in actions:
            if one is action:
                return next(actions, None)
        return None
