"""The contract of the store: who is signed in to the console, and which requests were rejected."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from tests.support.stores import NOW, accepted, seconds, start_all, waiting

from offhook.codes import CallStatus, SessionStatus
from offhook.events import ActionStarted
from offhook.session.ports.console_records import SignIn
from offhook.session.ports.record import NodeRole, RequestRecord
from offhook.session.ports.stores import Store

SIGN_IN = SignIn(
    token_digest=b"\0token",
    key_digest=b"\xffkey",
    created_at=NOW,
    used_at=NOW,
    expires_at=NOW + seconds(60),
)


def rejected(name: str, at: float, sub_account_id: str = "acme") -> RequestRecord:
    return RequestRecord(
        call_flow_request_id=name,
        sub_account_id=sub_account_id,
        at=NOW + seconds(at),
        body=b"{}",
        http_status=422,
        answer=b"{}",
    )


async def test_a_sign_in_is_kept_until_it_is_deleted(store: Store) -> None:
    assert await store.sign_in(b"\0token") is None
    await store.put_sign_in(SIGN_IN)
    assert await store.sign_in(b"\0token") == SIGN_IN
    await store.touch_sign_in(b"\0token", NOW + seconds(30))
    await store.touch_sign_in(b"another", NOW + seconds(30))
    used = msgspec.structs.replace(SIGN_IN, used_at=NOW + seconds(30))
    assert await store.sign_in(b"\0token") == used
    await store.delete_sign_in(b"\0token")
    await store.delete_sign_in(b"\0token")
    assert await store.sign_in(b"\0token") is None


async def test_a_new_sign_in_clears_away_those_that_have_expired(store: Store) -> None:
    await store.put_sign_in(SIGN_IN)
    other = msgspec.structs.replace(
        SIGN_IN, token_digest=b"2", created_at=NOW + seconds(60), expires_at=NOW + seconds(120)
    )
    await store.put_sign_in(other)
    assert await store.sign_in(b"\0token") is None
    assert await store.sign_in(b"2") == other


async def test_rejected_requests_are_paged_newest_first(store: Store) -> None:
    await accepted(store, waiting())
    for record in (
        rejected("a", 1),
        rejected("b", 2),
        rejected("c", 3, "beta"),
        rejected("d", 4, "other"),
    ):
        await store.record_request(record)
    assert await store.any_request("c") == rejected("c", 3, "beta")
    assert await store.any_request("none") is None
    first, cursor = await store.rejected_requests(("acme", "beta"), limit=2)
    assert [each.call_flow_request_id for each in first] == ["c", "b"]
    second, end = await store.rejected_requests(("acme", "beta"), cursor=cursor, limit=2)
    assert ([each.call_flow_request_id for each in second], end) == (["a"], None)
    within, _ = await store.rejected_requests(
        ("acme", "beta"), since=NOW + seconds(2), until=NOW + seconds(3)
    )
    assert [each.call_flow_request_id for each in within] == ["b"]
    with pytest.raises(ValueError, match="cursor"):
        await store.rejected_requests(("acme",), cursor="!")


async def test_the_sessions_of_some_sub_accounts_are_listed_together(store: Store) -> None:
    made = [
        msgspec.structs.replace(
            waiting(),
            session_id=f"s{number}",
            sub_account_id=f"account{number}",
            created_at=NOW + seconds(number),
        )
        for number in range(3)
    ]
    await accepted(store, *made)
    found, _ = await store.every_session(owners=("account2", "account0", "account9"))
    assert [session.session_id for session in found] == ["s2", "s0"]
    owners = ("account2", "account1", "account0")
    newest = await store.newest_sessions(owners, NOW, limit=2)
    assert {session.session_id for session in newest} == {"s2", "s1"}
    newest = await store.newest_sessions(owners[1:], NOW + seconds(1), limit=2)
    assert {session.session_id for session in newest} == {"s1"}


async def test_outcomes_and_sip_codes_are_counted_in_steps_of_time(store: Store) -> None:
    node = await store.register_node("n1", NodeRole.VOICE, NOW)
    hour = NOW.replace(minute=0, second=0, microsecond=0)
    made = [
        msgspec.structs.replace(
            waiting(), session_id=f"s{place}", created_at=hour + timedelta(minutes=minutes)
        )
        for place, minutes in enumerate((5, 50, 70, 200))
    ]
    await accepted(store, *made)
    decisions = await store.claim(node, start_all, NOW, limit=4)
    owner = made[0].sub_account_id
    first = next(one.session for one in decisions if one.session.session_id == "s0")
    busy = msgspec.structs.replace(first.legs[0], status=CallStatus.BUSY, sip_code=486)
    over = msgspec.structs.replace(first, status=SessionStatus.BUSY, legs=(busy,))
    await store.save(node, over)
    span = (hour, hour + timedelta(minutes=180))
    counts = await store.outcome_counts((owner, "none"), *span, timedelta(hours=1))
    assert [tuple(one) for one in counts] == [
        (hour, SessionStatus.BUSY, 1),
        (hour, SessionStatus.RUNNING, 1),
        (hour + timedelta(hours=1), SessionStatus.RUNNING, 1),
    ]
    assert dict(await store.sip_code_counts((owner,), *span)) == {486: 1}
    assert dict(await store.sip_code_counts(("none",), *span)) == {}


async def test_what_runs_and_waits_is_read_at_once_with_its_last_events(store: Store) -> None:
    node = await store.register_node("n1", NodeRole.VOICE, NOW)
    made = [
        msgspec.structs.replace(
            waiting(),
            session_id=f"{owner}{number}",
            sub_account_id=owner,
            created_at=NOW + seconds(number),
        )
        for owner, count in (("busy", 4), ("quiet", 1), ("other", 1))
        for number in range(count)
    ]
    await accepted(store, *made)
    decisions = await store.claim(node, start_all, NOW, limit=10)
    begun = [
        ActionStarted(at=NOW + seconds(place), index=place, action="SAY") for place in range(5)
    ]
    for one in decisions:
        await store.save(node, one.session, events=begun)
    late = msgspec.structs.replace(made[0], session_id="late", created_at=NOW + seconds(60))
    await accepted(store, late)

    owners = ("busy", "quiet", "nobody")
    found = await store.live_sessions(owners, each=3, limit=10, events=2)
    names = sorted(one.session.session_id for one in found)
    assert names == ["busy1", "busy2", "busy3", "late", "quiet0"]
    by_name = {one.session.session_id: one for one in found}
    assert list(by_name["busy3"].events) == begun[-2:]
    assert by_name["busy3"].session.status is SessionStatus.RUNNING
    assert by_name["busy3"].node == "n1"
    assert (by_name["late"].node, len(by_name["late"].events)) == ("", 1)

    few = await store.live_sessions(owners, each=3, limit=3, events=2)
    assert {one.session.session_id for one in few} == {"busy3", "busy2", "quiet0"}
    assert await store.live_sessions((), each=3, limit=3, events=2) == []
