"""playFile: play an audio file from a URL."""

from __future__ import annotations

from offhook.execution.conversation import Conversation
from offhook.flow.actions import PlayFile


async def run(action: PlayFile, conversation: Conversation) -> str:
    """Play the file, fetched while the phone rang."""
    await conversation.answer_a()
    prompt = await conversation.during(conversation.prompts.of(action))
    await conversation.play(prompt, repetition=action.repetition)
    return "played"
