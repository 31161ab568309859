"""The contract of the store: the outbox, and what belongs to tenancy."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from tests.support.stores import NOW, running, seconds, webhook_entry

from offhook.flow.scenarios import ScenarioParameter
from offhook.session.ports.record import (
    Delivery,
    DeliveryAttempt,
    DeliveryRecord,
    DeliveryResult,
    DeliveryState,
    KeyRecord,
    Node,
    NodeRole,
    OutboxEntry,
    OutboxType,
)
from offhook.session.ports.stores import Store
from offhook.session.tenancy import (
    KeyGrant,
    Scenario,
    SubAccount,
    VirtualNumber,
    Webhook,
    WebhookType,
)
from offhook.store.queueing import ENDPOINT_LEASES

LEASE = 30.0


@pytest.fixture
async def node(store: Store) -> Node:
    """A registered voice node."""
    return await store.register_node("n1", NodeRole.VOICE, NOW)


async def pending(store: Store, node: Node, *entries: OutboxEntry) -> None:
    """Store entries with a session's change."""
    (session,) = await running(store, node)
    await store.save(node, session, (), entries)


async def leased(store: Store, after: float = 0, limit: int = 100) -> list[Delivery]:
    """What is due by then."""
    at = NOW + seconds(after)
    return list(await store.lease_deliveries("w1", at, lease=LEASE, limit=limit))


def result(entry: OutboxEntry, state: str = "delivered", **changes: object) -> DeliveryResult:
    """An attempt's result."""
    made = DeliveryResult(
        delivery_id=entry.delivery_id,
        at=NOW,
        http_status=200,
        detail="OK",
        state=DeliveryState(state),
    )
    return msgspec.structs.replace(made, **changes)


class TestLeases:
    async def test_an_entry_is_leased_to_one(self, store: Store, other: Store, node: Node) -> None:
        entry = webhook_entry()
        await pending(store, node, entry)
        assert await leased(store, after=-1) == []
        assert await leased(store) == [Delivery(entry=entry, attempts=0)]
        assert await leased(other, after=LEASE - 1) == []

    async def test_another_takes_over_when_the_lease_is_over(
        self, store: Store, other: Store, node: Node
    ) -> None:
        entry = webhook_entry()
        await pending(store, node, entry)
        await leased(store)
        assert await leased(other, after=LEASE) == [Delivery(entry=entry, attempts=0)]

    async def test_many_who_lease_at_once_never_get_the_same(
        self, store: Store, other: Store, node: Node
    ) -> None:
        await pending(store, node, *(webhook_entry(f"sub{n % 5}") for n in range(50)))
        found = await asyncio.gather(*(leased(which, limit=9) for which in (store, other) * 5))
        ids = [delivery.entry.delivery_id for part in found for delivery in part]
        assert len(ids) == len(set(ids)) == 50

    async def test_thousands_of_deliveries_to_a_dead_endpoint_do_not_delay_others(
        self, store: Store, node: Node
    ) -> None:
        early = NOW - seconds(600)
        await pending(store, node, *(webhook_entry("dead", at=early) for _ in range(300)))
        await pending(store, node, webhook_entry("alive"), webhook_entry("dead", "VSS"))
        found = {(d.entry.sub_account_id, d.entry.type) for d in await leased(store, limit=10)}
        assert found == {("dead", "VCS"), ("alive", "VCS"), ("dead", "VSS")}

    async def test_what_waits_for_an_endpoint_can_fall_due_early_in_its_order(
        self, store: Store, node: Node
    ) -> None:
        entries = [webhook_entry("a", at=NOW - seconds(9 - number)) for number in range(9)]
        others = [webhook_entry("a", "VSS"), webhook_entry("b")]
        await pending(store, node, *entries, *others)
        await leased(store)
        later = [NOW + seconds(3600 - number) for number in range(9)]
        results = [
            result(one, "pending", next_at=at) for one, at in zip(entries, later, strict=True)
        ]
        results += [result(one, "pending", next_at=later[0]) for one in others]
        await store.finish_deliveries(results)
        kind = entries[0].type
        assert await store.make_due("a", kind, "http://x/", NOW) == 0
        assert await store.make_due("a", kind, None, NOW, limit=5) == 5
        assert await store.make_due("a", kind, None, NOW, limit=5) == 4
        assert await store.make_due("a", kind, None, NOW, limit=5) == 0
        found = [delivery.entry.delivery_id for delivery in await leased(store, limit=4)]
        found += [delivery.entry.delivery_id for delivery in await leased(store)]
        assert found[:4] == [one.delivery_id for one in entries[:4]]
        assert set(found) == {one.delivery_id for one in entries}

    async def test_a_delivery_that_is_leased_or_done_does_not_fall_due(
        self, store: Store, node: Node
    ) -> None:
        under_way, done = webhook_entry(), webhook_entry()
        await pending(store, node, under_way, done)
        await leased(store)
        await store.finish_deliveries([result(done)])
        sub_account = under_way.sub_account_id
        assert await store.make_due(sub_account, under_way.type, None, NOW) == 0
        assert await leased(store) == []

    async def test_one_endpoint_has_so_many_under_way_at_most(
        self, store: Store, node: Node
    ) -> None:
        await pending(store, node, *(webhook_entry() for _ in range(ENDPOINT_LEASES + 20)))
        first = await leased(store, limit=50)
        second = await leased(store, limit=50)
        assert len(first) + len(second) == ENDPOINT_LEASES
        assert await leased(store) == []
        await store.finish_deliveries([result(first[0].entry)])
        assert len(await leased(store)) == 1

    async def test_more_endpoints_than_the_limit_take_turns(self, store: Store, node: Node) -> None:
        await pending(store, node, *(webhook_entry(f"sub{n % 6}") for n in range(24)))
        owners = [
            delivery.entry.sub_account_id
            for _ in range(3)
            for delivery in await leased(store, limit=2)
        ]
        assert sorted(owners) == [f"sub{n}" for n in range(6)]


class TestResults:
    async def test_delivered_is_the_end(self, store: Store, node: Node) -> None:
        (session,) = await running(store, node)
        entry = webhook_entry(session=session)
        await store.save(node, session, (), [entry])
        await leased(store)
        await store.finish_deliveries([result(entry)])
        assert await leased(store, after=3600) == []
        assert await store.deliveries(session.session_id) == [
            DeliveryRecord(
                delivery_id=entry.delivery_id,
                type=OutboxType.VCS,
                url=None,
                state=DeliveryState.DELIVERED,
                created_at=NOW,
                next_at=None,
                attempts=(DeliveryAttempt(at=NOW, http_status=200, detail="OK"),),
                payload=b'{"namespace":"VOICE"}',
            )
        ]

    async def test_what_failed_is_due_again_at_its_time(self, store: Store, node: Node) -> None:
        (session,) = await running(store, node)
        entry = webhook_entry(session=session)
        await store.save(node, session, (), [entry])
        for attempts in range(3):
            (delivery,) = await leased(store, after=60 * attempts)
            assert delivery.attempts == attempts
            again = NOW + seconds(60 * (attempts + 1))
            failed = result(entry, "pending", http_status=None, detail="\u2028refused")
            await store.finish_deliveries([msgspec.structs.replace(failed, next_at=again)])
            assert await leased(store, after=60 * attempts + 59) == []
            assert await store.next_delivery_at() == again
        (view,) = await store.deliveries(session.session_id)
        assert [attempt.detail for attempt in view.attempts] == ["\u2028refused"] * 3
        assert view.state is DeliveryState.PENDING
        assert view.next_at == again

    async def test_a_lease_given_back_is_no_attempt(self, store: Store, node: Node) -> None:
        entry = webhook_entry()
        await pending(store, node, entry)
        await leased(store)
        back = result(entry, "pending", attempted=False, next_at=NOW)
        await store.finish_deliveries([back])
        assert await leased(store) == [Delivery(entry=entry, attempts=0)]

    async def test_a_result_that_comes_after_the_end_changes_nothing(
        self, store: Store, node: Node
    ) -> None:
        (session,) = await running(store, node)
        entry = webhook_entry(session=session)
        await store.save(node, session, (), [entry])
        await store.finish_deliveries([result(entry)])
        late = result(entry, "pending", next_at=NOW)
        await store.finish_deliveries([late, result(entry, "dead")])
        (view,) = await store.deliveries(session.session_id)
        assert view.state is DeliveryState.DELIVERED
        assert len(view.attempts) == 1

    async def test_two_results_of_one_entry_both_count(self, store: Store, node: Node) -> None:
        (session,) = await running(store, node)
        entry = webhook_entry(session=session)
        await store.save(node, session, (), [entry])
        failed = result(entry, "pending", http_status=500, next_at=NOW)
        await asyncio.gather(
            store.finish_deliveries([failed]), store.finish_deliveries([result(entry, "dead")])
        )
        (view,) = await store.deliveries(session.session_id)
        assert view.state is DeliveryState.DEAD
        assert [attempt.http_status for attempt in view.attempts] == [500, 200]

    async def test_the_next_delivery(self, store: Store, node: Node) -> None:
        assert await store.next_delivery_at() is None
        later = NOW + seconds(50)
        await pending(store, node, webhook_entry("b"), webhook_entry("a", at=later))
        assert await store.next_delivery_at() == NOW
        await leased(store)
        assert await store.next_delivery_at() == NOW + seconds(LEASE)

    async def test_a_dead_one_can_be_sent_again(self, store: Store, node: Node) -> None:
        entry = webhook_entry()
        await pending(store, node, entry)
        until = NOW + timedelta(days=2)
        assert not await store.redeliver("acme_corp", entry.delivery_id, NOW, until)
        await store.finish_deliveries([result(entry, "dead")])
        assert not await store.redeliver("other", entry.delivery_id, NOW, until)
        assert await store.redeliver("acme_corp", entry.delivery_id, NOW, until)
        (delivery,) = await leased(store)
        assert delivery.entry == msgspec.structs.replace(entry, give_up_at=until)
        assert delivery.attempts == 1

    async def test_deliveries_of_a_type_in_pages(self, store: Store, node: Node) -> None:
        entries = [webhook_entry(at=NOW + seconds(n)) for n in range(5)]
        await pending(store, node, *entries, webhook_entry(type_="VSS"))
        found, cursor = await store.deliveries_of_type("acme_corp", OutboxType.VCS, limit=3)
        rest, end = await store.deliveries_of_type(
            "acme_corp", OutboxType.VCS, cursor=cursor, limit=3
        )
        ids = [view.delivery_id for view in (*found, *rest)]
        assert ids == [entry.delivery_id for entry in reversed(entries)]
        assert end is None

    @pytest.mark.parametrize("state", [DeliveryState.DEAD, DeliveryState.DELIVERED])
    async def test_deliveries_in_one_state(
        self, store: Store, node: Node, state: DeliveryState
    ) -> None:
        ended, waiting, under_way = entries = [webhook_entry() for _ in range(3)]
        await pending(store, node, *entries)
        await leased(store)
        await store.finish_deliveries(
            [result(ended, state.value), result(waiting, "pending", at=NOW)]
        )
        found, _ = await store.deliveries_of_type("acme_corp", OutboxType.VCS, state=state)
        assert [view.delivery_id for view in found] == [ended.delivery_id]
        found, _ = await store.deliveries_of_type(
            "acme_corp", OutboxType.VCS, state=DeliveryState.PENDING
        )
        assert {view.delivery_id for view in found} == {
            waiting.delivery_id,
            under_way.delivery_id,
        }


class TestTenancy:
    async def test_sub_accounts(self, store: Store, other: Store) -> None:
        sub_account = SubAccount(
            sub_account_id="acme_corp",
            account_id="acme",
            numbers=(VirtualNumber(msisdn="+6568332048", reference_id="PSTN1"),),
            caller_ids=frozenset({"+6512341234"}),
            coverage=("SG", "+44"),
            max_calls=5,
            cps=1.5,
            webhooks={WebhookType.VSS: Webhook(type=WebhookType.VSS, url="https://a.example/")},
            scenarios={"s": Scenario(name="s", callflow="[]")},
        )
        version = await store.tenancy_version()
        await store.put_sub_account(sub_account)
        assert await other.sub_accounts() == [sub_account]
        assert await other.tenancy_version() > version
        changed = msgspec.structs.replace(sub_account, max_calls=6)
        await store.put_sub_account(changed)
        assert await other.sub_accounts() == [changed]
        assert await store.delete_sub_account("acme_corp")
        assert not await store.delete_sub_account("acme_corp")
        assert await other.sub_accounts() == []
        assert await other.tenancy_version() >= version + 3

    async def test_webhooks(self, store: Store) -> None:
        webhook = Webhook(type=WebhookType.VCA, url="https://a.example/", http_auth_header="x")
        await store.put_webhook("acme_corp", webhook)
        disabled = msgspec.structs.replace(webhook, enabled=False)
        version = await store.tenancy_version()
        await store.put_webhook("acme_corp", disabled)
        assert await store.webhooks() == [("acme_corp", disabled)]
        assert await store.tenancy_version() > version
        assert await store.delete_webhook("acme_corp", WebhookType.VCA)
        assert not await store.delete_webhook("acme_corp", WebhookType.VCA)

    async def test_scenarios(self, store: Store) -> None:
        scenario = Scenario(
            name="reminder",
            callflow='[{"action":"hangup"}]',
            parameters=(ScenarioParameter(name="who", required=True, pattern="[a-z]+"),),
        )
        await store.put_scenario("acme_corp", scenario)
        assert await store.scenarios() == [("acme_corp", scenario)]
        assert await store.delete_scenario("acme_corp", "reminder")
        assert not await store.delete_scenario("acme_corp", "reminder")

    async def test_keys(self, store: Store) -> None:
        now = datetime.now(UTC)
        grant = KeyGrant(
            key_id="k1", account_id="acme", sub_account_ids=frozenset({"b", "a"}), expires_at=None
        )
        expired = KeyGrant(key_id="k2", account_id="acme", expires_at=now - seconds(1))
        await store.put_key(b"1" * 32, grant, "first", now)
        await store.put_key(b"2" * 32, expired, "second", now)
        assert await store.keys() == [(b"1" * 32, grant)]
        await store.touch_keys({"k1": now + seconds(5), "file:1": now})
        version = await store.tenancy_version()
        assert await store.revoke_key("k1", now + seconds(9))
        assert await store.tenancy_version() > version
        assert not await store.revoke_key("k1", now)
        assert await store.keys() == []
        first, second = await store.list_keys()
        assert first == KeyRecord(
            grant=grant,
            name="first",
            created_at=now,
            last_used_at=now + seconds(5),
            revoked_at=now + seconds(9),
        )
        assert second.grant == expired
