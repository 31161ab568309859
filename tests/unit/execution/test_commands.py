"""Commands are obeyed once, however often the fabric repeats them."""

from __future__ import annotations

from typing import cast

from offhook.execution import commands as commands_module
from offhook.execution.commands import Commands
from offhook.execution.runner import SessionRunner
from offhook.flow.actions import Callflow
from offhook.session.control import EndSession, ReplaceCallflow


class Told:
    """Stands for a runner; remembers what it was told."""

    def __init__(self) -> None:
        self.ends: list[str] = []
        self.replacements: list[Callflow] = []
        self.refusal: str | None = None

    def end(self, why: str) -> None:
        self.ends.append(why)

    def replace(self, callflow: Callflow) -> str | None:
        self.replacements.append(callflow)
        return self.refusal

    @property
    def runner(self) -> SessionRunner:
        return cast(SessionRunner, self)


def replacement(command_id: str) -> ReplaceCallflow:
    return ReplaceCallflow(
        command_id=command_id, call_flow_request_id="r", callflow=Callflow(actions=())
    )


def test_a_repeated_end_ends_once() -> None:
    told, commands = Told(), Commands()
    for _ in range(3):
        assert commands.obey(EndSession(command_id="1"), told.runner) is None
    assert told.ends == ["ended through the API"]


def test_a_repeated_replacement_gets_its_first_answer_again() -> None:
    told, commands = Told(), Commands()
    told.refusal = "the call is not up"
    assert commands.obey(replacement("1"), told.runner) == "the call is not up"
    told.refusal = None
    assert commands.obey(replacement("1"), told.runner) == "the call is not up"
    assert commands.obey(replacement("2"), told.runner) is None
    assert len(told.replacements) == 2


def test_only_so_many_are_remembered() -> None:
    told, commands = Told(), Commands()
    for number in range(commands_module.REMEMBERED + 1):
        commands.obey(EndSession(command_id=str(number)), told.runner)
    assert commands.obey(EndSession(command_id="1"), told.runner) is None
    assert len(told.ends) == commands_module.REMEMBERED + 1
    commands.obey(EndSession(command_id="0"), told.runner)
    assert len(told.ends) == commands_module.REMEMBERED + 2
