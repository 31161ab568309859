"""makeCall: dial somebody and wait for the answer."""

from __future__ import annotations

from offhook.execution.conversation import Conversation
from offhook.flow.actions import MakeCall


async def run(action: MakeCall, conversation: Conversation) -> str:
    """Leg A was routed and stored when the session was claimed; dial it."""
    await conversation.dial_a()
    return "answered"
