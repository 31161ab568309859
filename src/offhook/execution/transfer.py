"""A transfer by leg B of a bridge: another number is called in its place (RFC 5589, blind transfer)."""

from __future__ import annotations

import asyncio
import re
from typing import final

import msgspec

from offhook.aio import first_of
from offhook.execution.conversation import Conversation
from offhook.flow.actions import MakeCall
from offhook.session.ports.telephony import Call

_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


@final
class Transfer:
    """What leg B asks for while it is bridged."""

    def __init__(self, conversation: Conversation, action: MakeCall) -> None:
        self._conversation = conversation
        self._action = action
        self._asked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.to: str | None = None
        """The number that takes the place of leg B, E.164; None: it was not asked for."""

    async def or_end(self, call: Call) -> None:
        """Wait until ``call``, leg B, is over or was transferred."""
        call.on_transfer(self._wants)
        await first_of(call.over, self._asked)

    def _wants(self, number: str) -> bool:
        """Whether the session may call ``number`` in the place of leg B."""
        conversation = self._conversation
        services, sub_account = conversation.services, conversation.sub_account
        if self.to is not None or _E164.fullmatch(number) is None or sub_account is None:
            return False
        if len(conversation.session.legs) >= services.max_legs or services.spent_out(sub_account):
            return False
        if not services.route(number, sub_account):
            return False
        self.to = number
        self._asked.set_result(None)
        return True

    def next_call(self) -> MakeCall:
        """The makeCall of the number that was asked for, as the one before."""
        assert self.to is not None
        return msgspec.structs.replace(self._action, destination=self.to, send_digits=None)
