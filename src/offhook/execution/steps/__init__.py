"""One file per action, named as in :mod:`offhook.flow.actions`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from offhook.execution.conversation import Conversation
from offhook.execution.player import Player
from offhook.execution.steps import hangup, make_call, play_file, say, say_and_capture
from offhook.execution.steps.outcome import Outcome
from offhook.flow.actions import Action, Hangup, MakeCall, PlayFile, Say, SayAndCapture

Step = Callable[[Any, Conversation, Player], Awaitable[Outcome]]
"""Runs one action of its type."""

STEPS: Mapping[type[Action], Step] = {
    MakeCall: make_call.run,
    Say: say.run,
    SayAndCapture: say_and_capture.run,
    PlayFile: play_file.run,
    Hangup: hangup.run,
}
