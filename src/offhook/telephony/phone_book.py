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
from offhook.session.ports.phone_bindings import PhoneBinding, Phones
from offhook.session.ports.record import StoreUnavailable
from offhook.sip import Address
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
        self._flows: dict[tuple[str, str], Address] = {}
        """Where each phone that registered with this process did so, its connection included."""

    def of(self, user: str) -> Sequence[PhoneBinding]:
        """The phones of a user, the newest first."""
        return unexpired(self._by_user.get(user, ()), self._clock.now())

    def reachable(self, user: str) -> list[tuple[PhoneBinding, Address]]:
        """The phones of a user, and where each is called: over its own connection if it is here."""
        return [(phone, self._address_of(phone)) for phone in self.of(user)]

    def _address_of(self, phone: PhoneBinding) -> Address:
        address = Address(phone.transport, phone.host, phone.port)
        known = self._flows.get((phone.user, phone.contact))
        return known if known is not None and known[:3] == address[:3] else address

    async def change(
        self, user: str, put: Sequence[PhoneBinding], drop: Sequence[str], source: Address
    ) -> None:
        """Store a change durably, and tell the other processes.

        ``source`` is where the REGISTER came from. Raises :class:`StoreUnavailable`.
        """
        await self._store.put_phones(user, put, drop, self._clock.now())
        self._changes += 1
        for contact in drop:
            self._flows.pop((user, contact), None)
        for phone in put:
            self._flows[user, phone.contact] = source
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
            left = {(phone.user, phone.contact) for phones in found.values() for phone in phones}
            self._flows = {key: flow for key, flow in self._flows.items() if key in left}

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
