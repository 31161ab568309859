"""The contract of the store: opt-out lists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
import pytest
from tests.support.stores import NOW, accepted, begin, seconds, waiting

from offhook.flow.actions import MakeCall, SayAndCapture
from offhook.session.ports.opt_out_lists import OptOut, OptOutWay
from offhook.session.ports.record import ClaimDecision, NodeRole, Queued, Rates, Usage
from offhook.session.ports.stores import Store
from offhook.session.session import Session

LISTS = Rates(opt_out_lists=frozenset({"acme_corp"}))


def opt_out(number: str, age: float = 0, *, owner: str = "acme_corp") -> OptOut:
    return OptOut(
        sub_account_id=owner,
        number=number,
        at=NOW - seconds(age),
        way=OptOutWay.KEY,
        session_id="s",
    )


async def test_a_number_is_listed_once_with_its_first_date(store: Store, other: Store) -> None:
    entry = opt_out("+6590000001", age=60)
    assert await store.put_opt_out(entry)
    later = OptOut(sub_account_id="acme_corp", number="+6590000001", at=NOW, way=OptOutWay.API)
    assert not await other.put_opt_out(later)
    assert await other.opt_out("acme_corp", "+6590000001") == entry
    assert await other.opt_out("other", "+6590000001") is None


async def test_a_list_is_read_in_pages_newest_first(store: Store) -> None:
    entries = [opt_out(f"+659000000{age}", age=age) for age in range(5)]
    for entry in reversed(entries):
        await store.put_opt_out(entry)
    await store.put_opt_out(opt_out("+6590000009", owner="other"))
    found: list[OptOut] = []
    page, cursor = await store.opt_outs("acme_corp", limit=2)
    found += page
    while cursor is not None:
        page, cursor = await store.opt_outs("acme_corp", cursor=cursor, limit=2)
        found += page
    assert found == entries
    with pytest.raises(ValueError, match="invalid cursor"):
        await store.opt_outs("acme_corp", cursor="?")


async def test_a_number_that_is_removed_may_be_listed_again(store: Store) -> None:
    await store.put_opt_out(opt_out("+6590000001", age=60))
    assert not await store.delete_opt_out("other", "+6590000001")
    assert await store.delete_opt_out("acme_corp", "+6590000001")
    assert not await store.delete_opt_out("acme_corp", "+6590000001")
    again = opt_out("+6590000001")
    assert await store.put_opt_out(again)
    assert await store.opt_out("acme_corp", "+6590000001") == again


def flow_of(session: Session, *more: MakeCall | SayAndCapture) -> Session:
    callflow = msgspec.structs.replace(
        session.callflow, actions=(*session.callflow.actions[:2], *more)
    )
    return msgspec.structs.replace(session, callflow=callflow)


async def test_the_planner_learns_which_voice_messages_go_to_listed_numbers(store: Store) -> None:
    node = await store.register_node("n1", NodeRole.VOICE, NOW)
    listed, free, code, elsewhere = (
        waiting(destination="+6590000001"),
        waiting(destination="+6590000002"),
        flow_of(waiting(destination="+6590000001"), SayAndCapture(prompt_message="Your code?")),
        waiting("other", destination="+6590000001"),
    )
    await store.put_opt_out(opt_out("+6590000001"))
    await store.put_opt_out(opt_out("+6590000001", owner="other"))
    await accepted(store, listed, free, code, elsewhere)
    marked: dict[str, bool] = {}

    def leave(waiting: Sequence[Queued], usage: Usage, now: datetime) -> Sequence[ClaimDecision]:
        marked.update({each.session.session_id: each.opted_out for each in waiting})
        return []

    await store.claim(node, leave, NOW, limit=10, rates=LISTS)
    assert [marked[each.session_id] for each in (listed, free, code, elsewhere)] == [
        True,
        False,
        False,
        False,
    ]
    await store.claim(node, leave, NOW, limit=10)
    assert set(marked.values()) == {False}


async def test_an_opt_out_between_two_claims_counts_in_the_second(store: Store) -> None:
    node = await store.register_node("n1", NodeRole.VOICE, NOW)
    await accepted(store, waiting(destination="+6590000001"))
    seen: list[bool] = []

    def plan(waiting: Sequence[Queued], usage: Usage, now: datetime) -> Sequence[ClaimDecision]:
        seen.extend(each.opted_out for each in waiting)
        return [begin(each) for each in waiting if each.opted_out]

    await store.claim(node, plan, NOW, limit=10, rates=LISTS)
    await store.put_opt_out(opt_out("+6590000001"))
    await store.claim(node, plan, NOW, limit=10, rates=LISTS)
    assert seen == [False, True]
