"""Virtual numbers in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from offhook.session.number_states import NumberTest
from offhook.session.ports.number_records import Numbers, NumberState, Told
from offhook.session.tenancy import VirtualNumber
from offhook.store.memory.memory_records import MemoryPart


class MemoryNumbers(MemoryPart, Numbers):
    """Dictionaries by number."""

    async def assign_number(self, sub_account_id: str, number: VirtualNumber) -> None:
        self._data.numbers[number.msisdn] = (sub_account_id, number)
        self._data.tenancy_version += 1

    async def withdraw_number(self, sub_account_id: str, msisdn: str) -> bool:
        owner, _ = self._data.numbers.get(msisdn, (None, None))
        if owner != sub_account_id:
            return False
        del self._data.numbers[msisdn]
        self._data.tenancy_version += 1
        return True

    async def assigned_numbers(self) -> Sequence[tuple[str, VirtualNumber]]:
        return [entry for _, entry in sorted(self._data.numbers.items())]

    async def take_duty(self, name: str, owner: str, now: datetime, *, lease: float) -> bool:
        has, until = self._data.duties.get(name, (owner, now))
        if has != owner and until > now:
            return False
        self._data.duties[name] = (owner, now + timedelta(seconds=lease))
        return True

    async def number_states(self, sub_account_id: str | None = None) -> Sequence[NumberState]:
        return [
            state
            for (owner, _), state in sorted(self._data.number_states.items())
            if sub_account_id in (None, owner)
        ]

    async def number_receivers(self) -> Sequence[tuple[str, str]]:
        return list(self._data.number_receivers.items())

    async def tell_numbers(self, told: Told) -> None:
        owner, states = told.sub_account_id, self._data.number_states
        for state in told.put:
            before = states.get((owner, state.msisdn), state)
            states[owner, state.msisdn] = msgspec.structs.replace(
                state, created_at=before.created_at, test=before.test
            )
        for msisdn in told.gone:
            states.pop((owner, msisdn), None)
        if told.receiver is None:
            self._data.number_receivers.pop(owner, None)
        else:
            self._data.number_receivers[owner] = told.receiver
        self._data.add_deliveries(told.outbox)

    async def begin_test(self, sub_account_id: str, msisdn: str, now: datetime) -> None:
        self._data.tests_under_way[sub_account_id, msisdn] = (now, False)

    async def test_arrived(self, msisdn: str, since: datetime, now: datetime) -> bool:
        for (owner, number), (begun, _) in self._data.tests_under_way.items():
            if number == msisdn and begun >= since:
                self._data.tests_under_way[owner, number] = (begun, True)
                return True
        return False

    async def end_test(
        self, sub_account_id: str, msisdn: str, now: datetime, *, detail: str
    ) -> NumberTest | None:
        key = sub_account_id, msisdn
        _, reached = self._data.tests_under_way.pop(key, (now, False))
        state = self._data.number_states.get(key)
        if state is None:
            return None
        test = NumberTest(at=now, reached=reached, detail=None if reached else detail)
        self._data.number_states[key] = msgspec.structs.replace(state, test=test)
        return test
