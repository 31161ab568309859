"""say: speak a text."""

from __future__ import annotations

from offhook.execution.conversation import Conversation
from offhook.execution.playing import play
from offhook.flow.actions import Say


async def run(action: Say, conversation: Conversation) -> str:
    """Play the prompt, prepared while the phone rang."""
    await play(action, conversation)
    return "spoken"
