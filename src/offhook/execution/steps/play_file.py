"""playFile: play an audio file from a URL."""

from __future__ import annotations

from offhook.execution.consent import answer_a
from offhook.execution.conversation import Conversation
from offhook.execution.player import Player
from offhook.execution.steps.outcome import Outcome
from offhook.flow.actions import PlayFile


async def run(action: PlayFile, conversation: Conversation, player: Player) -> Outcome:
    """Play the file, fetched while the phone rang; say so in the record if it ends early."""
    await answer_a(conversation)
    await player.play(action)
    remark = await player.remark(action)
    return Outcome(note=f"played: {remark}" if remark else "played")
