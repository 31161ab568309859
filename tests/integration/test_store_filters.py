"""The contract of the store: which sessions a list holds."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from tests.support.stores import NOW, accepted, claimed, ended, leg, running, start_all, waiting

from offhook.codes import CallStatus, SessionStatus
from offhook.session.ports.record import NodeRole, SessionFilter
from offhook.session.ports.stores import Store
from offhook.session.session import Direction, Session


async def found(store: Store, chosen: SessionFilter) -> list[Session]:
    """What a list holds, newest first, read in pages of two."""
    sessions, cursor = await store.sessions("acme_corp", chosen, limit=2)
    every = list(sessions)
    while cursor is not None:
        sessions, cursor = await store.sessions("acme_corp", chosen, cursor=cursor, limit=2)
        every += sessions
    return every


def identified(number: int, request: str | None = None, batch: str | None = None) -> Session:
    """A session with the customer's own ids."""
    session = waiting(created_at=NOW + timedelta(seconds=number))
    callflow = msgspec.structs.replace(
        session.callflow, client_request_id=request, client_batch_id=batch
    )
    return msgspec.structs.replace(session, callflow=callflow)


async def test_by_the_customers_own_ids(store: Store) -> None:
    first, second, third = (
        identified(1, "r1", "b"),
        identified(2, "r2", "b"),
        identified(3, "b", None),
    )
    await accepted(store, first, second, third)
    assert await found(store, SessionFilter(client_request_id="r2")) == [second]
    assert await found(store, SessionFilter(client_batch_id="b")) == [second, first]
    assert await found(store, SessionFilter(client_batch_id="b", client_request_id="r1")) == [first]
    assert await found(store, SessionFilter(client_batch_id="b", client_request_id="b")) == []
    assert (await store.sessions("other", SessionFilter(client_batch_id="b")))[0] == []


async def test_by_the_number_of_any_leg(store: Store) -> None:
    node = await store.register_node("n1", NodeRole.VOICE, NOW)
    (session,) = await running(store, node)
    (other,) = await accepted(store, waiting(destination="+447900000001"))
    assert await found(store, SessionFilter(number="+447900000001")) == [other]
    bridged = msgspec.structs.replace(
        session, legs=(*session.legs, leg("b", destination="+33123456789"))
    )
    assert await found(store, SessionFilter(number="+33123456789")) == []
    await store.save(node, bridged)
    assert await found(store, SessionFilter(number="+33123456789")) == [bridged]
    assert await found(store, SessionFilter(number="+12025550101")) == [bridged]


async def test_by_the_number_that_called_in(store: Store) -> None:
    node = await store.register_node("n1", NodeRole.VOICE, NOW)
    call = leg("carrier", direction=Direction.INBOUND, source="+4915112345678")
    session = msgspec.structs.replace(claimed(waiting()), legs=(call,))
    await store.start(node, session, [])
    assert await found(store, SessionFilter(number="+4915112345678")) == [session]


async def test_by_the_sip_code_of_any_leg(store: Store) -> None:
    node = await store.register_node("n1", NodeRole.VOICE, NOW)
    busy, answered = await running(store, node, 2)
    refused = msgspec.structs.replace(busy.legs[0], status=CallStatus.BUSY, sip_code=486)
    busy = ended(msgspec.structs.replace(busy, legs=(refused,)), SessionStatus.BUSY)
    await store.save(node, busy)
    assert await found(store, SessionFilter(sip_code=486)) == [busy]
    assert await found(store, SessionFilter(sip_code=486, status=SessionStatus.COMPLETED)) == []
    assert await found(store, SessionFilter(sip_code=486, status=SessionStatus.BUSY)) == [busy]
    lost = msgspec.structs.replace(answered.legs[0], sip_code=200)
    over = ended(msgspec.structs.replace(answered, legs=(lost,)), SessionStatus.ERROR)
    await store.retire_node(node)
    assert await store.end_orphan(over, [], [])
    assert await found(store, SessionFilter(sip_code=200)) == [over]


@pytest.mark.parametrize("number", [None, "+12025550101"])
async def test_by_status_and_time_together(store: Store, number: str | None) -> None:
    node = await store.register_node("n1", NodeRole.VOICE, NOW)
    made = [waiting(created_at=NOW + timedelta(seconds=each)) for each in range(6)]
    await accepted(store, *made)
    decisions = await store.claim(node, start_all, NOW, limit=4)
    for decision in decisions[1:]:
        await store.save(node, ended(decision.session))
    chosen = SessionFilter(
        status=SessionStatus.COMPLETED,
        number=number,
        since=NOW + timedelta(seconds=1),
        until=NOW + timedelta(seconds=3),
    )
    ids = [session.session_id for session in await found(store, chosen)]
    assert ids == [made[2].session_id, made[1].session_id]
    everything = SessionFilter(number=number)
    assert len(await found(store, everything)) == 6


async def test_a_purged_session_is_not_found(store: Store) -> None:
    node = await store.register_node("n1", NodeRole.VOICE, NOW)
    old = msgspec.structs.replace(identified(0, "r", "b"), created_at=NOW - timedelta(days=91))
    await accepted(store, old)
    await store.claim(node, start_all, NOW, limit=1)
    refused = leg(status=CallStatus.BUSY, sip_code=486)
    over = ended(msgspec.structs.replace(claimed(old), legs=(refused,)), SessionStatus.BUSY)
    await store.save(node, over)
    assert await found(store, SessionFilter(sip_code=486)) == [over]
    await store.purge(NOW)
    for chosen in (
        SessionFilter(),
        SessionFilter(client_request_id="r"),
        SessionFilter(client_batch_id="b"),
        SessionFilter(number="+12025550101"),
        SessionFilter(sip_code=486),
    ):
        assert await found(store, chosen) == []
