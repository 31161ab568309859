"""playFile: play an audio file from a URL."""

from __future__ import annotations

from offhook.execution.conversation import Conversation
from offhook.execution.playing import play
from offhook.flow.actions import PlayFile


async def run(action: PlayFile, conversation: Conversation) -> str:
    """Play the file, fetched while the phone rang."""
    await play(action, conversation)
    return "played"
