"""Commands over a fabric that may lose them."""

from __future__ import annotations

from offhook.clock import new_id
from offhook.fabric.memory import MemoryFabric
from offhook.http.commander import Commander
from offhook.session.control import (
    EndSession,
    Heard,
    control_topic,
    decode_command,
    encode_command,
    heard_topic,
)


async def opened() -> MemoryFabric:
    fabric = MemoryFabric()
    await fabric.start()
    return fabric


def answering(fabric: MemoryFabric, *, lose: int = 0, refused: str | None = None) -> list[str]:
    """A node that loses the first ``lose`` messages and answers the others."""
    got: list[str] = []

    def obey(_topic: str, message: bytes) -> None:
        command = decode_command(message)
        got.append(command.command_id)
        if len(got) > lose:
            heard = Heard(command_id=command.command_id, refused=refused)
            fabric.publish(heard_topic("s1"), encode_command(heard))

    fabric.subscribe(control_topic("s1"), obey)
    return got


async def test_a_command_that_is_heard_returns_the_answer() -> None:
    fabric = await opened()
    answering(fabric, refused="not now")
    command = EndSession(command_id=new_id())
    heard = await Commander(fabric).send("s1", command)
    assert heard == Heard(command_id=command.command_id, refused="not now")


async def test_a_lost_command_is_repeated_with_the_same_id() -> None:
    fabric = await opened()
    got = answering(fabric, lose=2)
    command = EndSession(command_id=new_id())
    heard = await Commander(fabric, repeat=0.01).send("s1", command)
    assert heard is not None
    assert got == [command.command_id] * 3


async def test_nobody_there_is_told_after_the_deadline() -> None:
    fabric = await opened()
    command = EndSession(command_id=new_id())
    assert await Commander(fabric, repeat=0.01, deadline=0.05).send("s1", command) is None


async def test_answers_to_others_and_noise_are_ignored() -> None:
    fabric = await opened()

    def babble(_topic: str, _message: bytes) -> None:
        for noise in (b"", b"[]", encode_command(Heard(command_id="another"))):
            fabric.publish(heard_topic("s1"), noise)

    fabric.subscribe(control_topic("s1"), babble)
    command = EndSession(command_id=new_id())
    assert await Commander(fabric, repeat=0.01, deadline=0.05).send("s1", command) is None
