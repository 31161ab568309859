"""hangup: disconnect all legs and end the session."""

from __future__ import annotations

from offhook.codes import CallStatus
from offhook.execution.conversation import Conversation
from offhook.flow.actions import Hangup


async def run(action: Hangup, conversation: Conversation) -> str:
    """Hang up; which status that makes is the table's business."""
    conversation.refuse_a(603, CallStatus.COMPLETED)
    await conversation.close_calls()
    return "hung up"
