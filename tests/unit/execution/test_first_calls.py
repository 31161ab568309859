"""The first call of a sub-account to a country is told once."""

from __future__ import annotations

import logging

import msgspec
import pytest
from tests.support.stores import NOW, claimed, waiting

from offhook.clock import SystemClock
from offhook.execution import first_calls
from offhook.execution.first_calls import FirstCalls
from offhook.session.ports.phone_bindings import FirstCall
from offhook.session.ports.record import StoreUnavailable
from offhook.session.session import Session
from offhook.store.memory import MemoryStore
from offhook.store.memory.memory_phones import MemoryPhones
from offhook.store.memory.memory_records import MemoryRecords

SAID = "calls country US for the first time"


class Away(MemoryPhones):
    """A store that is away at first."""

    away = True

    def __init__(self, records: MemoryRecords) -> None:
        super().__init__(records)
        self.asked: list[str] = []

    async def put_first_call(self, call: FirstCall) -> bool:
        self.asked.append(call.country)
        if self.away:
            raise StoreUnavailable("away")
        return await super().put_first_call(call)


def running() -> Session:
    return claimed(waiting(), "carrier")


async def noted(calls: FirstCalls, session: Session, destination: str | None = None) -> None:
    leg = session.legs[0]
    if destination is not None:
        leg = msgspec.structs.replace(leg, destination=destination)
    calls.dialled(session, leg)
    await calls.close()


async def test_it_is_told_once_over_all_nodes(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    for calls in (FirstCalls(store, SystemClock()), FirstCalls(store, SystemClock())):
        await noted(calls, running())
        await noted(calls, running())
    said = [record for record in caplog.records if SAID in record.message]
    assert [record.levelno for record in said] == [logging.WARNING]
    [call] = await store.first_calls(NOW)
    assert (call.sub_account_id, call.country) == ("acme_corp", "US")


async def test_each_country_counts_also_one_that_is_not_known() -> None:
    store = MemoryStore()
    calls = FirstCalls(store, SystemClock())
    for destination in ("+4930123456", "+442079460018", "+88312345678"):
        await noted(calls, running(), destination)
    assert {call.country for call in await store.first_calls(NOW)} == {"DE", "GB", "unknown"}


async def test_what_the_store_could_not_take_is_noted_with_the_next_call() -> None:
    store = Away(MemoryRecords())
    calls = FirstCalls(store, SystemClock())
    await noted(calls, running())
    store.away = False
    await noted(calls, running())
    assert len(await store.first_calls(NOW)) == 1


async def test_a_country_that_is_known_is_not_asked_of_the_store_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(first_calls, "REMEMBERED", 2)
    store = Away(MemoryRecords())
    store.away = False
    calls = FirstCalls(store, SystemClock())
    for destination in ("+4930123456", "+442079460018", "+4930123456", "+442079460018"):
        await noted(calls, running(), destination)
    assert store.asked == ["DE", "GB"]
    for destination in ("+12025550101", "+12025550101", "+4930123456"):
        await noted(calls, running(), destination)
    assert store.asked[2:] == ["US", "DE"], "so many are remembered and no more"
