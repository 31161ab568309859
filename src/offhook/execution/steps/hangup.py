"""hangup: disconnect all legs and end the session."""

from __future__ import annotations

from offhook.execution.conversation import Conversation
from offhook.flow.actions import Hangup


async def run(action: Hangup, conversation: Conversation) -> str:
    """Hang up; which status that makes is the table's business."""
    await conversation.close_calls()
    return "hung up"
