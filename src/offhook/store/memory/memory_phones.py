"""Registered phones in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from offhook.session.ports.phone_bindings import FirstCall, PhoneBinding, Phones
from offhook.store.memory.memory_records import MemoryPart


class MemoryPhones(MemoryPart, Phones):
    """Dictionaries by user and contact, and by sub-account and country."""

    async def put_phones(
        self, user: str, put: Sequence[PhoneBinding], drop: Sequence[str], now: datetime
    ) -> None:
        phones = self._data.phones
        for contact in drop:
            phones.pop((user, contact), None)
        for key in [key for key, phone in phones.items() if phone.expires_at <= now]:
            del phones[key]
        for phone in put:
            phones[user, phone.contact] = phone

    async def phones(self, now: datetime) -> Sequence[PhoneBinding]:
        found = [phone for phone in self._data.phones.values() if phone.expires_at > now]
        newest = sorted(found, key=lambda phone: (phone.registered_at, phone.contact), reverse=True)
        return sorted(newest, key=lambda phone: phone.user)

    async def put_first_call(self, call: FirstCall) -> bool:
        key = call.sub_account_id, call.country
        return self._data.first_calls.setdefault(key, call) is call

    async def first_calls(self, since: datetime) -> Sequence[FirstCall]:
        found = [call for call in self._data.first_calls.values() if call.at > since]
        return sorted(found, key=lambda call: (call.at, call.sub_account_id, call.country))[:1000]
