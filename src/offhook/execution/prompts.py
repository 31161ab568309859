"""Prepares the prompts of a callflow ahead of time, while the phone still rings."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from offhook.execution.failures import SessionFailure
from offhook.flow.actions import AnyAction, PlayFile, Say, SayAndCapture
from offhook.session.ports.speech import Prompt, PromptError, Speech

_Key = AnyAction | tuple[AnyAction, str]
"""The source of a prompt: an action, or one text of a sayAndCapture."""


class Prompts:
    """The prompts of one list of actions. Each is prepared once; a failure is raised when the prompt is
    requested."""

    def __init__(self, speech: Speech, owner: str) -> None:
        """``owner``: the session's sub-account."""
        self._speech = speech
        self._owner = owner
        self._begun: dict[_Key, asyncio.Task[Prompt]] = {}
        self._given_up: set[asyncio.Task[Prompt]] = set()

    def prepare(self, actions: Sequence[AnyAction]) -> None:
        """Begin everything these actions will play; the prompts of the previous list are released."""
        before, self._begun = self._begun, {}
        for action in actions:
            match action:
                case Say():
                    self._begin(action, self._say(action, action.text), before)
                case PlayFile():
                    self._begin(
                        action, self._speech.fetch(action.file_url, owner=self._owner), before
                    )
                case SayAndCapture():
                    for text in texts_of(action):
                        self._begin((action, text), self._say(action, text), before)
        for task in before.values():
            self._give_up(task)

    async def of(self, action: Say | PlayFile) -> Prompt:
        """The prompt of a prepared ``action``. Raises :class:`SessionFailure` with -2005 or -2006."""
        return await _result(self._begun[action])

    async def of_text(self, action: SayAndCapture, text: str) -> Prompt:
        """A message of a prepared ``action``. Raises :class:`SessionFailure` with -2005."""
        return await _result(self._begun[(action, text)])

    async def close(self) -> None:
        """Cancel the preparation that is still under way."""
        for task in self._begun.values():
            self._give_up(task)
        self._begun = {}
        await asyncio.gather(*self._given_up, return_exceptions=True)

    def _begin(
        self,
        key: _Key,
        work: Coroutine[Any, Any, Prompt],
        before: dict[_Key, asyncio.Task[Prompt]],
    ) -> None:
        known = self._begun.get(key) or before.pop(key, None)
        if known is None:
            self._begun[key] = asyncio.get_running_loop().create_task(work)
        else:
            work.close()
            self._begun[key] = known

    def _give_up(self, task: asyncio.Task[Prompt]) -> None:
        """The result is no longer needed."""
        if not task.cancel():
            task.exception()
            return
        self._given_up.add(task)
        task.add_done_callback(self._given_up.discard)

    def _say(self, action: Say | SayAndCapture, text: str) -> Coroutine[Any, Any, Prompt]:
        return self._speech.say(
            text,
            voice_profile=action.voice_profile,
            language=action.language,
            speed=action.speed,
            owner=self._owner,
        )


def texts_of(action: SayAndCapture) -> list[str]:
    """Every message of a capture that is spoken."""
    messages = (action.prompt_message, action.success_message, action.failure_message)
    return [text for text in messages if text]


async def _result(task: asyncio.Task[Prompt]) -> Prompt:
    try:
        return await asyncio.shield(task)
    except PromptError as error:
        raise SessionFailure(error.code, error.detail) from error
    finally:
        del task  # the error's traceback holds this frame, and the task holds the error
