"""The errors of a simulation that did not run as the test's author intended. All are AssertionErrors, so
that pytest reports a failure and not an error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from offhook.flow.problems import Problem


class SimulationError(AssertionError):
    """The run differs from what the test's author intended; the text says where."""

    sessions: Sequence[Any] = ()
    """The sessions of a run that reached its end: each a :class:`offhook.testing.SimulatedSession`."""


class CallflowRejected(SimulationError):
    """The callflow was not accepted: Offhook would have answered this code and nothing would ring."""

    def __init__(self, problems: Sequence[Problem], http_status: int, answer: str) -> None:
        first = problems[0]
        lines = [f"{one.code} at {one.path}: {one.message}" for one in problems]
        super().__init__("\n  ".join(["the callflow is rejected", *lines]))
        self.code = first.code
        """``statusCode`` of the answer."""
        self.message = first.message
        """``statusMessage`` of the answer."""
        self.problems = tuple(problems)
        """All problems, in the order of judgement; each has ``code``, ``path`` and ``message``."""
        self.http_status = http_status
        self.answer = answer
        """The JSON that Offhook answers."""


class ScriptNotFollowed(SimulationError):
    """A phone's script has a step that never happened."""


class Runaway(SimulationError):
    """The callflow never ends: the VCA webhook was asked again and again."""
