"""Commands from outside to running sessions. Each is obeyed once, even if it is repeated."""

from __future__ import annotations

from collections import OrderedDict

from offhook.execution.runner import Runner
from offhook.session.control import AnyCommand, ReplaceCallflow

REMEMBERED = 10_000
"""How many commands are remembered, to recognise repetitions."""


class Commands:
    """Obeys commands and remembers their results."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, str | None] = OrderedDict()

    def obey(self, command: AnyCommand, runner: Runner) -> str | None:
        """Obey the command unless that was done already; returns the reason for a refusal, None: obeyed."""
        if command.command_id not in self._answers:
            if isinstance(command, ReplaceCallflow):
                answer = runner.replace(command.callflow)
            else:
                answer = None
                runner.end("ended through the API")
            self._answers[command.command_id] = answer
            if len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)
        return self._answers[command.command_id]
