"""The contract of the store: registered phones, and the countries that were called."""

from __future__ import annotations

import msgspec
from tests.support.stores import NOW, seconds

from offhook.session.ports.phone_bindings import FirstCall, PhoneBinding
from offhook.session.ports.stores import Store


def phone(name: str, user: str = "alice", *, age: float = 10, left: float = 60) -> PhoneBinding:
    return PhoneBinding(
        user=user,
        contact=f"sip:{name}@192.168.1.2:5060",
        call_id=f"call-{name}",
        cseq=1,
        transport="udp",
        host="198.51.100.7",
        port=61_000,
        path=("<sip:edge.example;lr>",),
        user_agent="Zoiper",
        registered_at=NOW - seconds(age),
        expires_at=NOW + seconds(left),
        node="node-a",
    )


async def test_registered_phones_are_found_by_every_node_until_they_expire(
    store: Store, other: Store
) -> None:
    desk, soft, bob = phone("desk", age=20), phone("soft"), phone("x", "bob", left=30)
    await store.put_phones("alice", [desk, soft], [], NOW)
    await other.put_phones("bob", [bob], [], NOW)
    assert list(await other.phones(NOW)) == [soft, desk, bob]
    assert list(await other.phones(NOW + seconds(30))) == [soft, desk]
    assert list(await other.phones(NOW + seconds(60))) == []


async def test_a_phone_is_refreshed_and_forgotten(store: Store) -> None:
    desk, soft = phone("desk", age=20), phone("soft")
    await store.put_phones("alice", [desk, soft], [], NOW)
    longer = msgspec.structs.replace(desk, cseq=2, expires_at=NOW + seconds(600))
    await store.put_phones("alice", [longer], [soft.contact, "sip:unknown@x"], NOW)
    assert list(await store.phones(NOW)) == [longer]


async def test_expired_phones_are_forgotten_with_the_next_registration(store: Store) -> None:
    await store.put_phones("alice", [phone("old", left=5)], [], NOW)
    await store.put_phones("bob", [phone("x", "bob")], [], NOW + seconds(5))
    assert [each.user for each in await store.phones(NOW)] == ["bob"]


async def test_the_first_call_to_a_country_is_noted_once(store: Store, other: Store) -> None:
    first = FirstCall(sub_account_id="acme_corp", country="CU", at=NOW, session_id="s1")
    again = msgspec.structs.replace(first, at=NOW + seconds(1), session_id="s2")
    assert await store.put_first_call(first)
    assert not await other.put_first_call(again)
    elsewhere = msgspec.structs.replace(again, country="SG")
    assert await other.put_first_call(elsewhere)
    assert list(await store.first_calls(NOW - seconds(1))) == [first, elsewhere]
    assert list(await store.first_calls(NOW)) == [elsewhere]
