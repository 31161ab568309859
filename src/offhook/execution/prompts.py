"""Prepares the prompts of a callflow ahead of time, while the phone still rings."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from offhook.execution.failures import SessionFailure
from offhook.flow.actions import AnyAction, PlayFile, Say, SayAndCapture
from offhook.session.ports import Prompt, PromptError, Speech


class Prompts:
    """The prompts of one list of actions. Each is begun once; a failure shows when it is asked for."""

    def __init__(self, speech: Speech) -> None:
        self._speech = speech
        self._begun: dict[AnyAction | tuple[AnyAction, str], asyncio.Task[Prompt]] = {}

    def prepare(self, actions: Sequence[AnyAction]) -> None:
        """Begin everything these actions will play."""
        for action in actions:
            match action:
                case Say():
                    self._begin(action, self._say(action, action.text))
                case PlayFile():
                    self._begin(action, self._speech.fetch(action.file_url))
                case SayAndCapture():
                    for text in texts_of(action):
                        self._begin((action, text), self._say(action, text))

    async def of(self, action: Say | PlayFile) -> Prompt:
        """The prompt of ``action``. Raises :class:`SessionFailure` with -2005 or -2006."""
        if action not in self._begun:
            self.prepare([action])
        return await _result(self._begun[action])

    async def of_text(self, action: SayAndCapture, text: str) -> Prompt:
        """One of the messages of ``action``. Raises :class:`SessionFailure` with -2005."""
        if (action, text) not in self._begun:
            self._begin((action, text), self._say(action, text))
        return await _result(self._begun[(action, text)])

    async def close(self) -> None:
        """Give up what is still being prepared."""
        tasks = list(self._begun.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(
        self,
        key: AnyAction | tuple[AnyAction, str],
        work: Coroutine[Any, Any, Prompt],
    ) -> None:
        if key in self._begun:
            work.close()
        else:
            self._begun[key] = asyncio.get_running_loop().create_task(work)

    def _say(self, action: Say | SayAndCapture, text: str) -> Coroutine[Any, Any, Prompt]:
        return self._speech.say(
            text,
            voice_profile=action.voice_profile,
            language=action.language,
            speed=action.speed,
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
