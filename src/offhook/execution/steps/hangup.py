"""hangup: disconnect all legs and end the session."""

from __future__ import annotations

from offhook.codes import CallStatus
from offhook.execution.conversation import Conversation
from offhook.execution.player import Player
from offhook.execution.steps.outcome import Outcome
from offhook.flow.actions import Hangup


async def run(action: Hangup, conversation: Conversation, player: Player) -> Outcome:
    """Hang up; the session's status follows from its legs."""
    conversation.refuse_a(603, CallStatus.COMPLETED)
    await conversation.close_calls()
    return Outcome(note="hung up")
