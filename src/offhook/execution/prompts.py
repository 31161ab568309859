"""Prepares the prompts of a callflow ahead of time, while the phone still rings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial

from offhook.execution.sayings import Make, Saying
from offhook.flow.actions import AnyAction, PlayFile, Say, SayAndCapture
from offhook.session.ports.speech import Prompt, Speech, Urgent

_Key = AnyAction | tuple[AnyAction, str]
"""The source of a prompt: an action, or one text of a sayAndCapture."""


class Prompts:
    """The prompts of one list of actions. Each is prepared once; a failure is raised when the prompt is
    requested."""

    def __init__(self, speech: Speech, owner: str) -> None:
        """``owner``: the session's sub-account."""
        self._speech = speech
        self._owner = owner
        self._begun: dict[_Key, Saying] = {}
        self._given_up: set[asyncio.Task[None]] = set()

    def prepare(self, actions: Sequence[AnyAction]) -> None:
        """Begin everything these actions will play; the prompts of the previous list are released.

        Texts are made in the order in which they are played, so that the first words are there first.
        """
        before, self._begun = self._begun, {}
        last: Saying | None = None
        for action in actions:
            match action:
                case Say():
                    last = self._begin(
                        action, partial(self._spoken, action, action.text), before, last
                    )
                case PlayFile():
                    self._begin(action, partial(self._fetched, action), before, None)
                case SayAndCapture():
                    for text in texts_of(action):
                        make = partial(self._spoken, action, text)
                        last = self._begin((action, text), make, before, last)
        for saying in before.values():
            self._give_up(saying)

    def of(self, action: Say | PlayFile) -> Saying:
        """The prompts of a prepared ``action``."""
        return self._begun[action]

    def of_text(self, action: SayAndCapture, text: str) -> Saying:
        """A message of a prepared ``action``."""
        return self._begun[(action, text)]

    async def close(self) -> None:
        """Cancel the preparation that is still under way."""
        for saying in self._begun.values():
            self._give_up(saying)
        self._begun = {}
        await asyncio.gather(*self._given_up, return_exceptions=True)

    def _begin(
        self,
        key: _Key,
        makes: Callable[[], Sequence[Make]],
        before: dict[_Key, Saying],
        after: Saying | None,
    ) -> Saying:
        known = self._begun.get(key) or before.pop(key, None)
        self._begun[key] = saying = known or Saying(makes(), after)
        return saying

    def _give_up(self, saying: Saying) -> None:
        """The result is no longer needed."""
        task = saying.give_up()
        if task is not None:
            self._given_up.add(task)
            task.add_done_callback(self._given_up.discard)

    def _fetched(self, action: PlayFile) -> Sequence[Make]:
        return [partial(self._file, action.file_url)]

    async def _file(self, url: str, _urgent: Urgent) -> AsyncIterator[Prompt]:
        yield await self._speech.fetch(url, owner=self._owner)

    def _spoken(self, action: Say | SayAndCapture, text: str) -> Sequence[Make]:
        profile, language = action.voice_profile, action.language

        def make(piece: str, urgent: Urgent) -> AsyncIterator[Prompt]:
            return self._speech.say_in_parts(
                piece,
                voice_profile=profile,
                language=language,
                speed=action.speed,
                owner=self._owner,
                urgent=urgent,
            )

        cut = self._speech.cut(text, voice_profile=profile, language=language)
        return [partial(make, piece) for piece in cut]


def texts_of(action: SayAndCapture) -> list[str]:
    """Every message of a capture that is spoken."""
    messages = (action.prompt_message, action.success_message, action.failure_message)
    return [text for text in messages if text]
