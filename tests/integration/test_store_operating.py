"""The contract of the store: what it keeps for operators."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from tests.support.stores import NOW, accepted, ended, start_all, waiting

from offhook.codes import SessionStatus
from offhook.session.ports.operating import LogLine, TrunkState
from offhook.session.ports.record import NodeRole, SessionFilter
from offhook.session.ports.stores import Store

DOWN = TrunkState(trunk="carrier", up=False, since=NOW, detail="no response")


def line(text: str, seconds: float = 0, session_id: str = "s") -> LogLine:
    at = NOW + timedelta(seconds=seconds)
    return LogLine(session_id=session_id, at=at, process="voice-0", level="warning", text=text)


async def test_the_last_state_of_a_trunk_counts_for_each_node(store: Store) -> None:
    up = TrunkState(trunk="carrier", up=True, since=NOW + timedelta(seconds=1))
    assert list(await store.trunk_states()) == []
    await store.put_trunk_state("n2", DOWN)
    await store.put_trunk_state("n1", DOWN)
    await store.put_trunk_state("n1", up)
    assert list(await store.trunk_states()) == [("n1", up), ("n2", DOWN)]


async def test_a_trouble_is_begun_and_ended_once(store: Store, other: Store) -> None:
    day = 86_400.0
    begun = [
        await each.begin_trouble("trunk t", NOW + timedelta(seconds=after), again_after=day)
        for each, after in ((store, 0), (other, 1), (store, day - 1), (other, day), (store, day))
    ]
    assert begun == [True, False, False, True, False]
    assert await other.begin_trouble("trunk u", NOW, again_after=day)
    assert [await each.end_trouble("trunk t") for each in (other, store)] == [True, False]


async def test_log_lines_are_read_in_the_order_of_time(store: Store) -> None:
    await store.put_log_lines([line("second", 2), line("same time", 2), line("first", 1)])
    await store.put_log_lines([line("\u2603 \0", 3, session_id="t")])
    await store.put_log_lines([])
    texts = [one.text for one in await store.log_lines("s")]
    assert texts[0] == "first"
    assert sorted(texts[1:]) == ["same time", "second"]
    assert [one.text.rstrip(" \0") for one in await store.log_lines("t")] == ["\u2603"]
    assert list(await store.log_lines("none")) == []


async def test_what_is_kept_of_a_session_goes_with_it(store: Store) -> None:
    node = await store.register_node("n1", NodeRole.VOICE, NOW)
    (session,) = await accepted(store, waiting())
    (decision,) = await store.claim(node, start_all, NOW, limit=1)
    await store.save(node, ended(decision.session))
    await store.put_log_lines([line("x", session_id=session.session_id)])
    await store.put_capture(session.session_id, NOW, b"first")
    await store.put_capture(session.session_id, NOW, b"\xa1\xb2\0")
    assert await store.capture(session.session_id) == b"\xa1\xb2\0"
    await store.purge(NOW + timedelta(days=91))
    assert await store.capture(session.session_id) is None
    assert list(await store.log_lines(session.session_id)) == []


async def test_the_sessions_of_all_sub_accounts_are_paged_newest_first(store: Store) -> None:
    made = [
        msgspec.structs.replace(
            waiting(),
            session_id=f"s{number}",
            sub_account_id=f"account{number % 3}",
            created_at=NOW + timedelta(seconds=number),
        )
        for number in range(7)
    ]
    await accepted(store, *made)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page, cursor = await store.every_session(cursor=cursor, limit=2)
        seen += [session.session_id for session in page]
        assert len(page) <= 2
        if cursor is None:
            break
    assert seen == [f"s{number}" for number in reversed(range(7))]
    chosen = SessionFilter(since=NOW + timedelta(seconds=5), status=SessionStatus.QUEUED)
    found, _ = await store.every_session(chosen)
    assert [session.session_id for session in found] == ["s6", "s5"]
    with pytest.raises(ValueError, match="cursor"):
        await store.every_session(cursor="!!")
