"""Answers the REGISTERs of phones: decides, stores, then says so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final, final

from offhook.clock import Clock
from offhook.faults import FaultLog
from offhook.session.ports.record import StoreUnavailable
from offhook.sip import IncomingRegister
from offhook.telephony.contact_updates import ContactUpdate, update
from offhook.telephony.endpoint import SipEndpoint
from offhook.telephony.phone_book import PhoneBook
from offhook.telephony.sip_users import SipUser

log = logging.getLogger(__name__)
faults = FaultLog(log)

MOST_AT_ONCE: Final = 200
"""REGISTERs that wait for the store; the next is answered 503."""
_LATER: Final = (("Retry-After", "5"),)


@final
class Registrar:
    """The registrar of one endpoint."""

    def __init__(
        self,
        endpoint: SipEndpoint,
        book: PhoneBook,
        clock: Clock,
        *,
        node: str,
        users: Callable[[], Mapping[str, SipUser]],
    ) -> None:
        """``node`` names this node in what is stored; ``users`` are those of this moment, by name."""
        self._endpoint = endpoint
        self._book = book
        self._clock = clock
        self._node = node
        self._users = users
        self._answering: set[asyncio.Task[None]] = set()
        self._order: dict[str, asyncio.Lock] = {}
        """One REGISTER of a user is decided at a time, because each counts the phones that are there."""

    def start(self) -> None:
        """Take the REGISTERs that the screen admits."""
        self._endpoint.on_register(self._take)

    async def close(self) -> None:
        """Wait for the answers that are being made."""
        await asyncio.gather(*self._answering, return_exceptions=True)

    def _take(self, wish: IncomingRegister) -> None:
        if len(self._answering) >= MOST_AT_ONCE:
            self._answer(wish, ContactUpdate(503, _LATER))
            return
        task = asyncio.get_running_loop().create_task(self._register(wish))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _register(self, wish: IncomingRegister) -> None:
        try:
            answer = await self._decide(wish)
        except StoreUnavailable as error:
            log.warning("a phone of %s is not registered: %s", wish.admitted_as, error)
            answer = ContactUpdate(503, _LATER)
        except Exception:
            faults.report("registering a phone")
            answer = ContactUpdate(500)
        self._answer(wish, answer)

    async def _decide(self, wish: IncomingRegister) -> ContactUpdate:
        name = wish.admitted_as or ""
        user = self._users().get(name)
        if user is None:
            return ContactUpdate(403)
        async with self._order.setdefault(name, asyncio.Lock()):
            known = self._book.of(name)
            decided = update(wish, user, known, node=self._node, now=self._clock.now())
            if decided.put or decided.drop:
                await self._book.change(name, decided.put, decided.drop, wish.source)
            self._tell(name, decided, {phone.contact for phone in known})
        return decided

    def _tell(self, name: str, decided: ContactUpdate, known: set[str]) -> None:
        for phone in decided.put:
            if phone.contact not in known:
                log.info(
                    "user %s: a phone registers from %s (%s)",
                    name,
                    phone.host,
                    phone.user_agent or "without a name",
                )
        if decided.drop:
            log.info("user %s: %d phone(s) unregistered", name, len(decided.drop))

    def _answer(self, wish: IncomingRegister, decided: ContactUpdate) -> None:
        with self._endpoint.command() as (agent, now):
            agent.answer_register(wish.handle, now, decided.status, decided.headers)
