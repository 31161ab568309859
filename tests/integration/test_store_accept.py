"""The contract of the store, the API's side: the same for SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest
from tests.support.stores import (
    CONNECTED,
    NOW,
    accepted,
    ended,
    leg,
    request_for,
    running,
    seconds,
    start_all,
    waiting,
    webhook_entry,
)

from offhook.codes import CallStatus, RuntimeCode, SessionStatus
from offhook.events import SessionQueued
from offhook.session.ports.record import (
    IdempotencyConflict,
    NodeRole,
    SessionFilter,
)
from offhook.session.ports.stores import Store
from offhook.session.session import CallQuality, SessionError


async def test_an_accepted_session_is_read_back_as_it_was(store: Store, other: Store) -> None:
    session = waiting(valid_until=NOW + seconds(60))
    request = request_for(session)
    assert await store.accept(session, [SessionQueued(at=NOW)], request) == request
    assert await other.session("acme_corp", session.session_id) == session
    assert await other.events(session.session_id) == [(1, SessionQueued(at=NOW))]
    assert await other.request("acme_corp", request.call_flow_request_id) == request


async def test_records_of_another_sub_account_cannot_be_read(store: Store) -> None:
    (session,) = await accepted(store, waiting())
    assert await store.session("other", session.session_id) is None
    assert await store.request("other", session.call_flow_request_id) is None
    assert await store.sessions("other") == ([], None)


@pytest.mark.parametrize("id_", ["", "\0", "\ud800", "x" * 100_000, "' OR 1=1 --"])
async def test_an_unknown_id_finds_no_record(store: Store, id_: str) -> None:
    assert await store.session("acme_corp", id_) is None
    assert await store.request(id_, id_) is None
    assert await store.events(id_) == []
    assert await store.deliveries(id_) == []
    assert await store.sessions(id_, SessionFilter(client_request_id=id_)) == ([], None)


@pytest.mark.parametrize("key", ["\0", "\ud800"])
async def test_a_request_that_cannot_be_stored_does_not_fail_the_others_in_its_batch(
    store: Store, key: str
) -> None:
    sessions = [waiting() for _ in range(20)]
    calls = [store.accept(each, [], request_for(each)) for each in sessions]
    odd = waiting()
    calls.insert(10, store.accept(odd, [], request_for(odd, key=key)))
    results = await asyncio.gather(*calls, return_exceptions=True)
    refused = [index for index, each in enumerate(results) if isinstance(each, Exception)]
    assert refused in ([], [10])
    found, _ = await store.sessions("acme_corp")
    assert len(found) == 21 - len(refused)


async def test_a_rejected_request_is_kept_without_a_session(store: Store) -> None:
    request = request_for(body=b"\xff\x00 no JSON")
    assert await store.record_request(request) == request
    assert await store.request("acme_corp", request.call_flow_request_id) == request
    assert await store.sessions("acme_corp") == ([], None)


async def test_every_field_of_a_session_survives(store: Store) -> None:
    node = await store.register_node("n1", NodeRole.VOICE, NOW)
    (session,) = await running(store, node)
    full = msgspec.structs.replace(
        session,
        status=SessionStatus.ERROR,
        ended_at=NOW + seconds(7),
        last_action="SAY",
        legs=(
            leg(
                reference_id="PSTN1",
                initiated_at=NOW,
                connected_at=NOW,
                disconnected_at=NOW,
                status=CallStatus.COMPLETED,
                sip_code=200,
                quality=CallQuality(mos=4.3, packet_loss_rate=0.01, jitter=3),
            ),
        ),
        error=SessionError(
            code=RuntimeCode.SYNTHESIS_FAILED, action="SAY", detail="\x00 \U0001f600"
        ),
    )
    await store.save(node, full)
    assert await store.session("acme_corp", session.session_id) == full


async def test_storing_the_same_ids_again_changes_nothing(store: Store) -> None:
    session = waiting()
    for _ in range(2):
        await store.accept(session, [SessionQueued(at=NOW)], request_for(session))
    found, _ = await store.sessions("acme_corp")
    assert found == [session]
    assert len(await store.events(session.session_id)) == 1


class TestIdempotency:
    async def test_the_same_key_and_body_answer_the_first_request(self, store: Store) -> None:
        first, second = waiting(), waiting()
        request = request_for(first, key="k")
        await store.accept(first, [], request)
        again = await store.accept(second, [SessionQueued(at=NOW)], request_for(second, key="k"))
        assert again == request
        assert await store.sessions("acme_corp") == ([first], None)
        assert await store.request("acme_corp", second.call_flow_request_id) is None

    async def test_the_same_key_with_another_body_is_a_conflict(self, store: Store) -> None:
        first, second = waiting(), waiting()
        await store.accept(first, [], request_for(first, key="k"))
        with pytest.raises(IdempotencyConflict):
            await store.accept(second, [], request_for(second, key="k", body=b"{}"))
        assert await store.sessions("acme_corp") == ([first], None)

    async def test_a_rejected_request_answers_again_as_well(self, store: Store) -> None:
        first = request_for(key="k")
        await store.record_request(first)
        assert await store.record_request(request_for(key="k")) == first

    async def test_another_sub_accounts_key_is_another_key(self, store: Store) -> None:
        first, second = waiting(), waiting("other")
        await store.accept(first, [], request_for(first, key="k"))
        request = request_for(second, key="k", body=b"{}")
        assert await store.accept(second, [], request) == request

    @pytest.mark.parametrize(("later", "same"), [(86_399, True), (86_400, False)])
    async def test_a_key_counts_for_24_hours(self, store: Store, later: int, same: bool) -> None:
        first, second = request_for(key="k"), request_for(key="k", at=NOW + seconds(later))
        await store.record_request(first)
        assert await store.record_request(second) == (first if same else second)
        if not same:
            third = request_for(key="k", at=NOW + seconds(later + 60))
            assert await store.record_request(third) == second

    async def test_of_many_at_once_one_is_stored(self, store: Store, other: Store) -> None:
        sessions = [waiting() for _ in range(40)]
        answers = await asyncio.gather(
            *(
                (store, other)[index % 2].accept(session, [], request_for(session, key="k"))
                for index, session in enumerate(sessions)
            )
        )
        (stored,), _ = await store.sessions("acme_corp")
        assert {answer.session_id for answer in answers} == {stored.session_id}

    async def test_a_conflict_does_not_fail_the_others_in_its_batch(self, store: Store) -> None:
        await store.record_request(request_for(key="k"))
        sessions = [waiting() for _ in range(20)]
        calls = [store.accept(each, [], request_for(each)) for each in sessions]
        calls.insert(10, store.record_request(request_for(key="k", body=b"{}")))
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(each) for each in results if isinstance(each, Exception)] == [
            IdempotencyConflict
        ]
        assert len((await store.sessions("acme_corp"))[0]) == 20


class TestListing:
    async def test_newest_first_in_pages(self, store: Store) -> None:
        made = [waiting(created_at=NOW + seconds(index // 2)) for index in range(7)]
        await accepted(store, *made)
        expected = sorted(made, key=lambda each: (each.created_at, each.session_id), reverse=True)
        found, cursor = await store.sessions("acme_corp", limit=3)
        pages = [found]
        while cursor is not None:
            found, cursor = await store.sessions("acme_corp", cursor=cursor, limit=3)
            pages.append(found)
        assert [len(page) for page in pages] == [3, 3, 1]
        assert [session for page in pages for session in page] == expected

    async def test_filters(self, store: Store) -> None:
        made = [waiting(created_at=NOW + seconds(index)) for index in range(4)]
        await accepted(store, *made)
        canceled = ended(made[1], SessionStatus.CANCELED)
        assert await store.cancel_queued(canceled, [], [])
        found, _ = await store.sessions("acme_corp", SessionFilter(status=SessionStatus.CANCELED))
        assert found == [canceled]
        found, _ = await store.sessions("acme_corp", SessionFilter(since=NOW + seconds(2)))
        assert found == [made[3], made[2]]
        found, _ = await store.sessions("acme_corp", SessionFilter(until=NOW + seconds(1)))
        assert found == [made[0]]

    @pytest.mark.parametrize("cursor", ["", "x", "AAAA", "é", "OTk5OTk5OTk5OTk5OTk5OTk5OTk6YQ"])
    async def test_an_invalid_cursor_is_refused(self, store: Store, cursor: str) -> None:
        with pytest.raises(ValueError, match="cursor"):
            await store.sessions("acme_corp", cursor=cursor)


class TestCancelQueued:
    async def test_a_waiting_session_is_canceled_with_its_summary(self, store: Store) -> None:
        (session,) = await accepted(store, waiting())
        canceled = ended(session, SessionStatus.CANCELED)
        entry = webhook_entry(type_="VSS", session=session)
        assert await store.cancel_queued(canceled, [CONNECTED], [entry])
        assert await store.session("acme_corp", session.session_id) == canceled
        assert (await store.events(session.session_id))[-1] == (2, CONNECTED)
        (view,) = await store.deliveries(session.session_id)
        assert view.delivery_id == entry.delivery_id
        assert not await store.cancel_queued(canceled, [CONNECTED], [])

    async def test_a_claimed_one_is_not(self, store: Store) -> None:
        node = await store.register_node("n1", NodeRole.VOICE, NOW)
        (session,) = await running(store, node)
        assert not await store.cancel_queued(ended(session, SessionStatus.CANCELED), [], [])
        assert await store.session("acme_corp", session.session_id) == session

    async def test_a_canceled_one_is_not_claimed(self, store: Store) -> None:
        (session,) = await accepted(store, waiting())
        await store.cancel_queued(ended(session, SessionStatus.CANCELED), [], [])
        node = await store.register_node("n1", NodeRole.VOICE, NOW)
        assert await store.claim(node, start_all, NOW, limit=10) == []


async def test_purge_deletes_what_is_older(store: Store) -> None:
    node = await store.register_node("n1", NodeRole.VOICE, NOW)
    old = waiting(created_at=NOW - timedelta(days=91))
    stuck = waiting(created_at=NOW - timedelta(days=91))
    young = waiting(created_at=NOW - timedelta(days=31))
    await store.accept(old, [], request_for(old, at=old.created_at, key="old"))
    await store.accept(young, [], request_for(young, at=young.created_at))
    await store.claim(node, start_all, NOW, limit=2)
    await accepted(store, stuck)
    for session in (old, young):
        await store.save(node, ended(session), [CONNECTED], [webhook_entry(session=session)])
    assert await store.purge(NOW) == 3
    assert await store.session("acme_corp", old.session_id) is None
    assert await store.events(old.session_id) == []
    assert await store.deliveries(old.session_id) == []
    assert await store.session("acme_corp", young.session_id) is not None
    assert await store.session("acme_corp", stuck.session_id) is not None
    assert await store.request("acme_corp", young.call_flow_request_id) is None
    assert await store.request("acme_corp", stuck.call_flow_request_id) is not None
    assert len(await store.deliveries(young.session_id)) == 1
