"""Opting out of voice messages (``spec/execution.md``, "Opting out").

While a submitted voice message runs, and until the first VCA answer, the opt-out key on leg A raises
:class:`~offhook.execution.failures.OptedOut` in the step that runs. Then the number is put on the list of
the store, the operator's own list service is told, and the confirmation is spoken, all at the same time.
"""

from __future__ import annotations

import asyncio
import logging

from offhook.events import NumberListed
from offhook.execution.conversation import Conversation
from offhook.execution.failures import CallOver, Interrupted, Replaced, SessionFailure
from offhook.execution.player import Player
from offhook.faults import FaultLog
from offhook.flow.actions import AnyAction, Callflow, Hangup, Say
from offhook.session.opting_out import is_voice_message
from offhook.session.ports.opt_out_lists import OptOut, OptOuts, OptOutService, OptOutWay
from offhook.session.ports.record import StoreUnavailable
from offhook.session.tenancy import OptOutSettings, SubAccount

log = logging.getLogger(__name__)
faults = FaultLog(log)

LISTEN = 3.0
"""Seconds after the opt-out prompt in which the key still counts."""
RETRY_FIRST, RETRY_LAST = 0.2, 5.0
"""Seconds between attempts to store the number, doubling from the first to the last."""


class OptingOut:
    """Opting out in one session; does nothing where the sub-account or the callflow does not allow it."""

    def __init__(
        self, conversation: Conversation, player: Player, lists: OptOuts, service: OptOutService
    ) -> None:
        self._conversation = conversation
        self._player = player
        self._lists = lists
        self._service = service
        self._settings: OptOutSettings | None = None

    def begin(self, callflow: Callflow) -> None:
        """``callflow`` was submitted, not answered by a webhook: listen for the key if it is a voice
        message."""
        sub_account = self._conversation.sub_account
        if sub_account is not None and sub_account.opt_out and is_voice_message(callflow):
            self._settings = sub_account.opt_out
            self._conversation.listen_for(sub_account.opt_out.key)

    def end(self) -> None:
        """The first VCA answer, or another callflow, has come: the key no longer counts."""
        if self._settings is not None:
            self._settings = None
            self._conversation.listen_for(None)

    def prepared(self, actions: tuple[AnyAction, ...]) -> tuple[AnyAction, ...]:
        """The actions to prepare: the texts of opting out are spoken behind those of the callflow."""
        texts = [text for text in (self._prompt(), self._confirmation()) if text is not None]
        for text in texts:
            actions = (*actions, Hangup(), text)  # a hangup, so that nothing is queued ahead of it
        return actions

    async def offer(self) -> None:
        """The message is over: speak the prompt and wait for the key for a moment.

        Raises what :meth:`.Conversation.during` raises, so :class:`.OptedOut` for the key.
        """
        prompt = self._prompt()
        if prompt is not None and await self._spoken(prompt):
            await self._conversation.during(asyncio.sleep(LISTEN))

    async def confirm(self) -> bool:
        """The key was pressed: list the number, tell the operator's service, speak the confirmation.

        Returns whether the service, if there is one, took the number.
        """
        conversation = self._conversation
        sub_account = conversation.sub_account
        entry = OptOut(
            sub_account_id=conversation.session.sub_account_id,
            number=conversation.session.legs[0].destination,
            at=conversation.services.clock.now(),
            way=OptOutWay.KEY,
            session_id=conversation.session.session_id,
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(self._list(entry))
            told = group.create_task(self._tell(sub_account, entry))
            group.create_task(self._speak_confirmation())
        problem = told.result()
        if problem is not None:
            log.warning("the opt-out list of the operator did not take a number: %s", problem)
        conversation.record(
            NumberListed(at=conversation.services.clock.now(), number=entry.number, problem=problem)
        )
        return problem is None

    async def _list(self, entry: OptOut) -> None:
        """Store the number, however long the database is away."""
        pause = RETRY_FIRST
        while True:
            try:
                await self._lists.put_opt_out(entry)
            except StoreUnavailable as error:
                log.warning("an opt-out waits to be stored: %s", error)
            except Exception:
                faults.report("storing an opt-out")
                return
            else:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, RETRY_LAST)

    async def _tell(self, sub_account: SubAccount | None, entry: OptOut) -> str | None:
        if sub_account is None:
            return None
        try:
            return await self._service.tell(sub_account, entry)
        except Exception as error:
            faults.report("telling the operator's opt-out list")
            return repr(error)

    async def _speak_confirmation(self) -> None:
        confirmation = self._confirmation()
        try:
            if confirmation is not None:
                await self._spoken(confirmation)
        except (CallOver, Interrupted, Replaced):
            pass  # the number is listed all the same
        except Exception:
            faults.report("speaking the confirmation of an opt-out")

    async def _spoken(self, text: Say) -> bool:
        """Whether the text could be spoken; the session goes on without one that could not."""
        try:
            await self._player.play(text)
        except SessionFailure as failure:
            log.warning("a text of subaccounts.opt_out cannot be spoken: %s", failure)
            return False
        return True

    def _prompt(self) -> Say | None:
        return None if self._settings is None else _say(self._settings, self._settings.prompt)

    def _confirmation(self) -> Say | None:
        return None if self._settings is None else _say(self._settings, self._settings.confirmation)


def _say(settings: OptOutSettings, text: str | None) -> Say | None:
    if not text:
        return None
    profile = settings.voice_profile
    return Say(
        text=text,
        voice_profile=profile,
        language=None if profile is not None else settings.language,
    )
