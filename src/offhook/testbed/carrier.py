"""Answers the calls to the built-in phones, each as its number requires."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

from offhook.aio import first_of, wait_or
from offhook.clock import new_id
from offhook.config import TestbedPhone
from offhook.media.engine import PortsExhausted
from offhook.sip.agent_events import IncomingInvite
from offhook.telephony.incoming import IncomingCall
from offhook.telephony.line import Line
from offhook.testbed.ear import Ear, write_wav
from offhook.testbed.phones import REFUSALS
from offhook.testbed.screen_phones import ScreenPhones

log = logging.getLogger(__name__)

KEY_SPACING = 0.25
"""Seconds from one key press to the next."""


class Carrier:
    """The far end of the trunk ``testbed``."""

    def __init__(
        self,
        line: Line,
        phones: Mapping[str, TestbedPhone],
        recordings: Path | None = None,
        screens: ScreenPhones | None = None,
    ) -> None:
        self._screens = screens
        self._line = line
        self._phones = dict(phones)
        self._recordings = recordings
        self._calls: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to answer calls."""
        self._line.endpoint.on_incoming(self._on_invite)

    async def close(self) -> None:
        """Hang up all calls."""
        for task in self._calls:
            task.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    def _on_invite(self, invite: IncomingInvite) -> None:
        number = called_number(invite.request_uri)
        phone = self._phones.get(number)
        if phone is None:
            with self._line.endpoint.command() as (agent, now):
                agent.reject(invite.handle, now, 404)
        elif phone.outcome in REFUSALS:
            status, reason = REFUSALS[phone.outcome]
            headers = [("Reason", reason)] if reason else []
            with self._line.endpoint.command() as (agent, now):
                agent.reject(invite.handle, now, status, headers=headers)
        else:
            self._own(self._take(invite, phone))

    def _own(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _take(self, invite: IncomingInvite, phone: TestbedPhone) -> None:
        try:
            call = IncomingCall(self._line, new_id(), invite)
        except PortsExhausted:
            with self._line.endpoint.command() as (agent, now):
                agent.reject(invite.handle, now, 503)
            return
        try:
            call.ring()
            if phone.outcome == "no-answer":
                await call.wait_ended()
                return
            screens = self._screens
            screen = screens.holder(phone.number) if screens is not None else None
            if screens is not None and screen is not None:
                with screens.ringing(screen):
                    await _unless_ended(call, phone.answer_after)
                    if call.ended is None:
                        await screens.talk(screen, call)
                return
            await _unless_ended(call, phone.answer_after)
            if call.ended is None:
                await self._talk(call, phone)
        finally:
            await call.hang_up()

    async def _talk(self, call: IncomingCall, phone: TestbedPhone) -> None:
        ear = Ear(call.media, keep=self._recordings is not None)
        call.accept()
        await asyncio.gather(
            self._press(call, phone, ear),
            self._leave(call, phone),
        )
        await call.wait_ended()
        ear.close()
        if self._recordings is not None:
            path = self._recordings / f"{phone.number}-{call.call_id}.wav"
            await asyncio.to_thread(write_wav, path, ear.samples)
            log.info("what %s heard: %s", phone.number, path)

    async def _press(self, call: IncomingCall, phone: TestbedPhone, ear: Ear) -> None:
        if not phone.press:
            return
        await first_of(call.wait_ended(), ear.prompt_heard())
        for key in phone.press:
            if call.ended is not None:
                return
            call.media.send_digit(key)
            await _unless_ended(call, KEY_SPACING)

    async def _leave(self, call: IncomingCall, phone: TestbedPhone) -> None:
        if phone.hangup_after is not None:
            await _unless_ended(call, phone.hangup_after)
            await call.hang_up()


async def _unless_ended(call: IncomingCall, seconds: float) -> None:
    """Wait for ``seconds``, or less when the call ends."""
    await wait_or(call.wait_ended(), seconds)


def called_number(request_uri: str) -> str:
    """The user part of a ``sip:`` URI, its parameters cut off, as E.164 with ``+``."""
    user = request_uri.partition(":")[2].partition("@")[0].partition(";")[0]
    return user if user.startswith("+") else f"+{user}"
