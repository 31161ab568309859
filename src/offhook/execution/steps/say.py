"""say: speak a text."""

from __future__ import annotations

from offhook.execution.consent import answer_a
from offhook.execution.conversation import Conversation
from offhook.execution.player import Player
from offhook.execution.steps.outcome import Outcome
from offhook.flow.actions import Say


async def run(action: Say, conversation: Conversation, player: Player) -> Outcome:
    """Play the prompt, prepared while the phone rang."""
    await answer_a(conversation)
    await player.play(action)
    return Outcome(note="spoken")
