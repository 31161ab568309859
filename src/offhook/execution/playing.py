"""Plays the prompts of say and playFile, the next one queued behind the one that is heard.

So that no silence falls between two prompts of a list beyond the packet clock, the following prompt is
handed to the line while the current one still plays, if it is ready by then.
"""

from __future__ import annotations

import asyncio

from offhook.execution.conversation import Conversation
from offhook.execution.failures import SessionFailure
from offhook.flow.actions import PlayFile, Say


async def play(action: Say | PlayFile, conversation: Conversation) -> None:
    """Play the prompt of ``action`` to leg A, to its end."""
    await conversation.answer_a()
    playback = conversation.take_queued(action)
    if playback is None:
        prompt = await conversation.during(conversation.prompts.of(action))
        playback = conversation.start_playback(prompt, repetition=action.repetition)
    ahead = asyncio.get_running_loop().create_task(_queue_next(conversation))
    try:
        await conversation.during(playback.finished())
    except BaseException:
        playback.stop()
        conversation.drop_queued()
        raise
    finally:
        ahead.cancel()


async def _queue_next(conversation: Conversation) -> None:
    """Queue the prompt of the next action; one that fails does so when its action begins."""
    following = next(iter(conversation.upcoming), None)
    if not isinstance(following, Say | PlayFile):
        return
    try:
        prompt = await conversation.prompts.of(following)
    except SessionFailure:
        return
    conversation.queue(following, prompt)
