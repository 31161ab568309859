"""say: speak a text."""

from __future__ import annotations

from offhook.execution.conversation import Conversation
from offhook.flow.actions import Say


async def run(action: Say, conversation: Conversation) -> str:
    """Play the prompt, prepared while the phone rang."""
    await conversation.answer_a()
    prompt = await conversation.during(conversation.prompts.of(action))
    await conversation.play(prompt, repetition=action.repetition)
    return "spoken"
