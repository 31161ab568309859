"""Sends a command to the node that runs a session and waits for its answer."""

from __future__ import annotations

import asyncio

import msgspec

from offhook.aio import first_of
from offhook.session.control import (
    AnyCommand,
    Heard,
    control_topic,
    decode_heard,
    encode_command,
    heard_topic,
)
from offhook.session.ports.fabric import Fabric

REPEAT_SECONDS = 0.5
DEADLINE_SECONDS = 3.0


class Commander:
    """Publishes a command until it is answered: the fabric may lose it, or the answer."""

    def __init__(
        self,
        fabric: Fabric,
        *,
        repeat: float = REPEAT_SECONDS,
        deadline: float = DEADLINE_SECONDS,
    ) -> None:
        self._fabric = fabric
        self._repeat = repeat
        self._deadline = deadline

    async def send(self, session_id: str, command: AnyCommand) -> Heard | None:
        """The running node's answer; None when no node answered in time."""
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Heard] = loop.create_future()

        def listen(_topic: str, message: bytes) -> None:
            try:
                heard = decode_heard(message)
            except msgspec.MsgspecError:
                return
            if heard.command_id == command.command_id and not answered.done():
                answered.set_result(heard)

        unsubscribe = self._fabric.subscribe(heard_topic(session_id), listen)
        give_up = loop.time() + self._deadline
        try:
            while not answered.done() and loop.time() < give_up:
                self._fabric.publish(control_topic(session_id), encode_command(command))
                await first_of(answered, timeout=self._repeat)
            return answered.result() if answered.done() else None
        finally:
            unsubscribe()
            answered.cancel()
