"""The registered phones of all users, as one voice process knows them.

The store has them, so that every worker and node can call a phone, and a restart forgets none. This reads
them again when a process says that it changed them, and every few seconds, because such a message may be
lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from offhook.aio import wait_or
from offhook.clock import Clock
from offhook.faults import FaultLog
from offhook.session.ports.fabric import Fabric
from offhook.session.ports.phones import PhoneBinding, Phones
from offhook.session.ports.record import StoreUnavailable
from offhook.telephony.contact_updates import unexpired

log = logging.getLogger(__name__)
faults = FaultLog(log)

TOPIC: Final = "phones"
READ_EVERY: Final = 5.0
"""Seconds between two readings without a message."""


class PhoneBook:
    """Reads and changes the registered phones."""

    def __init__(self, store: Phones, fabric: Fabric, clock: Clock) -> None:
        self._store = store
        self._fabric = fabric
        self._clock = clock
        self._by_user: dict[str, list[PhoneBinding]] = {}
        self._changes = 0
        """Changes of this process: a reading that one of them overtook is not used."""

    def of(self, user: str) -> Sequence[PhoneBinding]:
        """The phones of a user, the newest first."""
        return unexpired(self._by_user.get(user, ()), self._clock.now())

    def hosts(self) -> frozenset[str]:
        """Where phones are registered from."""
        return frozenset(phone.host for phones in self._by_user.values() for phone in phones)

    async def change(self, user: str, put: Sequence[PhoneBinding], drop: Sequence[str]) -> None:
        """Store a change durably, and tell the other processes. Raises :class:`StoreUnavailable`."""
        await self._store.put_phones(user, put, drop, self._clock.now())
        self._changes += 1
        kept = {phone.contact: phone for phone in self.of(user)}
        kept |= {phone.contact: phone for phone in put}
        self._by_user[user] = sorted(
            (phone for contact, phone in kept.items() if contact not in drop),
            key=lambda phone: phone.registered_at,
            reverse=True,
        )
        self._fabric.publish(TOPIC)

    async def read(self) -> None:
        """Read all again. Raises :class:`StoreUnavailable`."""
        changes = self._changes
        found: dict[str, list[PhoneBinding]] = {}
        for phone in await self._store.phones(self._clock.now()):
            found.setdefault(phone.user, []).append(phone)
        if changes == self._changes:
            self._by_user = found

    async def run(self) -> None:
        """Read when there may be news, until cancelled. While the store is away the last state stays."""
        changed = asyncio.Event()
        unsubscribe = self._fabric.subscribe(TOPIC, lambda _topic, _message: changed.set())
        try:
            while True:
                try:
                    await self.read()
                except StoreUnavailable:
                    pass
                except Exception:
                    faults.report("reading the registered phones")
                await wait_or(changed.wait(), READ_EVERY)
                changed.clear()
        finally:
            unsubscribe()
