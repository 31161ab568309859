"""The contract of the store: virtual numbers, test calls, duties."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec
from tests.support.stores import NOW, seconds

from offhook.clock import new_id
from offhook.session.number_states import NumberFacts, OperationalStatus
from offhook.session.ports.number_records import NumberState, Told
from offhook.session.ports.record import OutboxEntry, OutboxType
from offhook.session.ports.stores import Store
from offhook.session.tenancy import SubAccount, VirtualNumber

NUMBER = VirtualNumber(
    msisdn="+6568332048",
    reference_id="PSTN1",
    rental_price=Decimal("1.50"),
    incoming_rate=Decimal("0.012"),
    billing_unit=6,
    expires=date(2027, 1, 31),
    trunk="carrier",
    test_call_every=600,
)


def state(msisdn: str = "+6568332048", at: float = 0, **changes: object) -> NumberState:
    """A number of acme as it was told at a time."""
    facts = NumberFacts(
        msisdn=msisdn,
        country_code="SG",
        operational_status=OperationalStatus.ACTIVE,
        reference_id="PSTN1",
        rental_price=Decimal("1.50"),
        incoming_rate=Decimal("0.012"),
        billing_unit=60,
        billing_currency="EUR",
        number_type="FIXED_LINE",
        health_check_enabled=True,
    )
    facts = msgspec.structs.replace(facts, **changes)
    when = NOW + seconds(at)
    return NumberState(sub_account_id="acme", facts=facts, created_at=when, updated_at=when)


def news() -> OutboxEntry:
    """A VNU delivery."""
    return OutboxEntry(
        delivery_id=new_id(),
        sub_account_id="acme",
        type=OutboxType.VNU,
        payload=b"{}",
        created_at=NOW,
        give_up_at=NOW + seconds(3600),
    )


# --- assignments


async def test_an_assigned_number_comes_back_as_it_was_put(store: Store) -> None:
    before = await store.tenancy_version()
    await store.assign_number("acme", NUMBER)
    assert list(await store.assigned_numbers()) == [("acme", NUMBER)]
    assert await store.tenancy_version() > before


async def test_a_number_belongs_to_the_sub_account_it_was_given_last(store: Store) -> None:
    await store.assign_number("acme", NUMBER)
    await store.assign_number("other", NUMBER)
    assert [owner for owner, _ in await store.assigned_numbers()] == ["other"]
    assert not await store.withdraw_number("acme", NUMBER.msisdn)
    assert await store.withdraw_number("other", NUMBER.msisdn)
    assert not await store.withdraw_number("other", NUMBER.msisdn)
    assert list(await store.assigned_numbers()) == []


async def test_a_deleted_sub_account_leaves_no_numbers(store: Store) -> None:
    await store.put_sub_account(SubAccount(sub_account_id="acme", account_id="acme"))
    await store.assign_number("acme", NUMBER)
    await store.tell_numbers(Told(sub_account_id="acme", put=[state()], receiver="r1"))
    assert await store.delete_sub_account("acme")
    assert not await store.delete_sub_account("acme")
    left = [await store.assigned_numbers(), await store.number_states()]
    assert [list(each) for each in (*left, await store.number_receivers())] == [[], [], []]


# --- what customers were told


async def test_what_was_told_is_stored_with_its_deliveries(store: Store) -> None:
    first, second = state(), state("+6568332049")
    await store.tell_numbers(
        Told(sub_account_id="acme", put=[second, first], receiver="r1", outbox=[news(), news()])
    )
    assert list(await store.number_states("acme")) == [first, second]
    assert list(await store.number_states()) == [first, second]
    assert list(await store.number_states("other")) == []
    assert list(await store.number_receivers()) == [("acme", "r1")]
    found, _ = await store.deliveries_of_type("acme", OutboxType.VNU)
    assert len(found) == 2


async def test_a_change_keeps_the_day_of_the_assignment(store: Store) -> None:
    await store.tell_numbers(Told(sub_account_id="acme", put=[state()]))
    changed = state(at=60, operational_status=OperationalStatus.UNHEALTHY)
    await store.tell_numbers(Told(sub_account_id="acme", put=[changed]))
    (found,) = await store.number_states("acme")
    assert found.created_at == NOW
    assert found.updated_at == NOW + seconds(60)
    assert found.facts == changed.facts


async def test_a_number_that_is_gone_leaves_nothing(store: Store) -> None:
    await store.tell_numbers(Told(sub_account_id="acme", put=[state()], receiver="r1"))
    await store.tell_numbers(Told(sub_account_id="acme", gone=["+6568332048"]))
    assert list(await store.number_states()) == []
    assert list(await store.number_receivers()) == []


# --- test calls


async def test_a_test_call_that_arrived_is_reached(store: Store) -> None:
    await store.tell_numbers(Told(sub_account_id="acme", put=[state()]))
    await store.begin_test("acme", "+6568332048", NOW)
    assert await store.test_arrived("+6568332048", NOW - seconds(60), NOW + seconds(1))
    test = await store.end_test("acme", "+6568332048", NOW + seconds(2), detail="486 Busy")
    assert test is not None
    assert (test.reached, test.at, test.detail) == (True, NOW + seconds(2), None)
    (found,) = await store.number_states("acme")
    assert found.test == test


async def test_a_test_call_that_did_not_arrive_says_how_it_ended(store: Store) -> None:
    await store.tell_numbers(Told(sub_account_id="acme", put=[state()]))
    await store.begin_test("acme", "+6568332048", NOW)
    test = await store.end_test("acme", "+6568332048", NOW + seconds(2), detail="404 Not Found")
    assert test is not None
    assert (test.reached, test.detail) == (False, "404 Not Found")


async def test_an_earlier_arrival_does_not_count_for_the_next_test_call(store: Store) -> None:
    await store.tell_numbers(Told(sub_account_id="acme", put=[state()]))
    await store.begin_test("acme", "+6568332048", NOW)
    await store.test_arrived("+6568332048", NOW, NOW)
    await store.end_test("acme", "+6568332048", NOW + seconds(1), detail="")
    await store.begin_test("acme", "+6568332048", NOW + seconds(60))
    test = await store.end_test("acme", "+6568332048", NOW + seconds(61), detail="404")
    assert test is not None
    assert not test.reached


async def test_a_call_to_oneself_without_a_test_call_is_no_test_call(store: Store) -> None:
    await store.tell_numbers(Told(sub_account_id="acme", put=[state()]))
    assert not await store.test_arrived("+6568332048", NOW - seconds(60), NOW)
    await store.begin_test("acme", "+6568332048", NOW)
    assert not await store.test_arrived("+6568332048", NOW + seconds(1), NOW + seconds(61))
    assert not await store.test_arrived("+6568332049", NOW - seconds(60), NOW)
    await store.end_test("acme", "+6568332048", NOW + seconds(2), detail="")
    assert not await store.test_arrived("+6568332048", NOW - seconds(60), NOW + seconds(3))


async def test_news_of_a_number_leave_its_test_call_as_it_is(store: Store) -> None:
    await store.tell_numbers(Told(sub_account_id="acme", put=[state()]))
    await store.begin_test("acme", "+6568332048", NOW)
    test = await store.end_test("acme", "+6568332048", NOW, detail="404")
    await store.tell_numbers(Told(sub_account_id="acme", put=[state(at=5)]))
    (found,) = await store.number_states("acme")
    assert found.test == test


async def test_a_number_that_went_away_during_its_test_call_has_no_result(store: Store) -> None:
    await store.begin_test("acme", "+6568332048", NOW)
    assert await store.end_test("acme", "+6568332048", NOW, detail="404") is None


# --- duties


async def test_one_process_at_a_time_has_a_duty(store: Store) -> None:
    assert await store.take_duty("numbers", "a", NOW, lease=10)
    assert not await store.take_duty("numbers", "b", NOW + seconds(9), lease=10)
    assert await store.take_duty("numbers", "a", NOW + seconds(9), lease=10)
    assert not await store.take_duty("numbers", "b", NOW + seconds(18), lease=10)
    assert await store.take_duty("numbers", "b", NOW + seconds(19), lease=10)
    assert not await store.take_duty("numbers", "a", NOW + seconds(20), lease=10)
