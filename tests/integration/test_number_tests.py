"""Test calls to numbers, over real SIP: one process calls, a node receives."""

from __future__ import annotations

import msgspec
import pytest
from tests.support.node_world import ACME, ANSWERS, BUSY, OURS, World, world

from offhook.execution.number_tests import DUTY, NumberTests
from offhook.session.number_states import NumberTerms, NumberTest
from offhook.session.ports.number_records import NumberState, Told
from offhook.session.ports.telephony import Telephony
from offhook.session.tenancy import VirtualNumber
from offhook.telephony.dialer import Dialer

EVERY = 600


async def known(made: World, **changes: object) -> None:
    """The node's number has test calls, and was told of."""
    number = msgspec.structs.replace(
        VirtualNumber(msisdn=OURS, trunk="server", test_call_every=EVERY), **changes
    )
    made.owner = msgspec.structs.replace(ACME, numbers=(number,))
    now = made.clock.now()
    facts = NumberTerms(made.config, made.sub_account)
    health = facts.health(made.owner, number, {}, None)
    state = NumberState(
        sub_account_id="acme",
        facts=facts.facts(made.owner, number, health, now),
        created_at=now,
        updated_at=now,
    )
    await made.store.tell_numbers(Told(sub_account_id="acme", put=[state]))


def calling(made: World, telephony: Telephony) -> NumberTests:
    """Makes test calls on these phone lines."""
    return NumberTests(
        store=made.store,
        telephony=telephony,
        sub_accounts=made.sub_accounts,
        terms=NumberTerms(made.config, made.sub_account),
        clock=made.clock,
    )


async def result(made: World) -> NumberTest | None:
    (state,) = await made.store.number_states("acme")
    return state.test


async def test_a_test_call_that_comes_in_again_is_no_session() -> None:
    async with world() as made:
        await known(made)
        await calling(made, Dialer(made.caller)).look()
        test = await result(made)
        assert test is not None
        assert (test.reached, test.detail) == (True, None)
        sessions, _ = await made.store.sessions("acme")
        assert list(sessions) == []


@pytest.mark.parametrize(
    ("number", "trunk", "detail"),
    [
        (ANSWERS, "carrier", "something else answered it"),
        (BUSY, "carrier", "486 Busy Here"),
        ("+12025550199", "carrier", "404 Not Found"),
        (OURS, "nowhere", "trunk nowhere is no longer configured"),
        (OURS, None, "no route leads to it"),
    ],
)
async def test_a_test_call_that_does_not_come_in_says_why(
    number: str, trunk: str | None, detail: str
) -> None:
    async with world() as made:
        await known(made, msisdn=number, trunk=trunk)
        await calling(made, made.telephony).look()
        test = await result(made)
        assert test is not None
        assert (test.reached, test.detail) == (False, detail)


async def test_a_number_is_called_again_only_when_its_time_has_come() -> None:
    async with world() as made:
        await known(made)
        tests = calling(made, Dialer(made.caller))
        await tests.look()
        first = await result(made)
        await tests.look()
        assert await result(made) == first
        made.owner = msgspec.structs.replace(
            ACME, numbers=(msgspec.structs.replace(made.owner.numbers[0], test_call_every=0),)
        )
        await tests.look()
        assert await result(made) != first


async def test_one_process_at_a_time_makes_test_calls() -> None:
    async with world() as made:
        await known(made)
        await made.store.take_duty(DUTY, "another", made.clock.now(), lease=60)
        await calling(made, Dialer(made.caller)).look()
        assert await result(made) is None


async def test_a_number_without_test_calls_is_not_called() -> None:
    async with world() as made:
        await known(made, test_call_every=None)
        await calling(made, Dialer(made.caller)).look()
        assert await result(made) is None


async def test_a_call_from_the_number_to_itself_without_a_test_call_is_a_session() -> None:
    async with world() as made:
        await known(made)
        await made.ring(source=OURS)
        sessions, _ = await made.store.sessions("acme")
        assert len(sessions) == 1
