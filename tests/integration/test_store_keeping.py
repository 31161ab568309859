"""The contract of the store: retention by kind of record, and erasing one phone number."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from tests.support.stores import (
    CONNECTED,
    NOW,
    accepted,
    ended,
    request_for,
    start_all,
    waiting,
    webhook_entry,
)

from offhook.clock import new_id
from offhook.session.campaign import Campaign, CampaignOrder, CampaignState, NewTarget
from offhook.session.ports.keeping import Retention
from offhook.session.ports.record import DeliveryResult, DeliveryState, NodeRole, SessionFilter
from offhook.session.ports.stores import Store
from offhook.session.session import Session

ERASED, OTHER = "+12025550177", "+12025550102"


async def ended_session(store: Store, *, days: int = 0, destination: str = OTHER) -> Session:
    """A session that has ended, with an event and a webhook that was delivered."""
    node = await store.register_node("n1", NodeRole.VOICE, NOW)
    at = NOW - timedelta(days=days)
    session = waiting(created_at=at, destination=destination)
    await store.accept(session, [], request_for(session, at=at))
    (decision,) = await store.claim(node, start_all, NOW, limit=1)
    entry = webhook_entry(session=session, at=at)
    await store.save(node, ended(decision.session), [CONNECTED], [entry])
    await store.lease_deliveries("w", NOW, lease=60, limit=10)
    done = DeliveryResult(
        delivery_id=entry.delivery_id,
        at=NOW,
        http_status=200,
        detail="HTTP 200",
        state=DeliveryState.DELIVERED,
    )
    await store.finish_deliveries([done])
    return session


async def test_events_and_deliveries_may_go_before_their_sessions(store: Store) -> None:
    old, young = [await ended_session(store, days=days) for days in (11, 9)]
    await store.purge(NOW, Retention(events=10))
    assert await store.events(old.session_id) == []
    assert len(await store.deliveries(old.session_id)) == 1
    await store.purge(NOW, Retention(deliveries=10))
    assert await store.deliveries(old.session_id) == []
    assert await store.session("acme_corp", old.session_id) is not None
    assert await store.events(young.session_id) != []
    assert len(await store.deliveries(young.session_id)) == 1


async def test_a_delivery_that_is_still_tried_is_kept(store: Store) -> None:
    (session,) = await accepted(store, waiting())
    entry = webhook_entry(session=session, at=NOW - timedelta(days=99))
    node = await store.register_node("n1", NodeRole.VOICE, NOW)
    (decision,) = await store.claim(node, start_all, NOW, limit=1)
    await store.save(node, decision.session, [], [entry])
    await store.purge(NOW, Retention(deliveries=10))
    assert len(await store.deliveries(session.session_id)) == 1


async def test_sessions_of_a_number_are_erased_with_all_that_belongs_to_them(store: Store) -> None:
    gone = await ended_session(store, destination=ERASED)
    kept = await ended_session(store)
    found, _ = await store.sessions("acme_corp", SessionFilter(number=ERASED))
    assert [each.session_id for each in found] == [gone.session_id]
    await store.erase_sessions(found)
    assert await store.session("acme_corp", gone.session_id) is None
    assert await store.events(gone.session_id) == []
    assert await store.deliveries(gone.session_id) == []
    assert await store.request("acme_corp", gone.call_flow_request_id) is None
    assert (await store.sessions("acme_corp", SessionFilter(number=ERASED)))[0] == []
    assert await store.session("acme_corp", kept.session_id) is not None
    assert await store.request("acme_corp", kept.call_flow_request_id) is not None


async def test_a_live_session_is_not_erased(store: Store) -> None:
    (session,) = await accepted(store, waiting(destination=ERASED))
    await store.erase_sessions([session])
    assert await store.session("acme_corp", session.session_id) is not None


async def test_rejected_requests_that_name_a_number_are_erased(store: Store) -> None:
    bodies = [b'{"destination": "12025550177"}', b'{"destination": "+12025550102"}']
    requests = [msgspec.structs.replace(request_for(), body=body) for body in bodies]
    for request in requests:
        await store.record_request(request)
    (live,) = await accepted(store, waiting(destination=ERASED))
    assert (await store.erase_requests("other_corp", ERASED)).erased == 0
    assert (await store.erase_requests("acme_corp", ERASED)).erased == 1
    first, second = [
        await store.request("acme_corp", request.call_flow_request_id) for request in requests
    ]
    assert first is None
    assert second is not None
    assert await store.request("acme_corp", live.call_flow_request_id) is not None


async def test_a_number_is_taken_out_of_the_lists_of_campaigns(store: Store) -> None:
    lists: list[Campaign] = []
    for _ in range(2):
        campaign = Campaign(
            campaign_id=new_id(),
            sub_account_id="acme_corp",
            state=CampaignState.DRAFT,
            template="{}",
            pace=1,
            created_at=NOW,
        )
        await store.create_campaign(campaign)
        targets = [NewTarget(number=number, parameters={"name": "x"}) for number in (ERASED, OTHER)]
        await store.add_targets(campaign, targets)
        lists.append(campaign)
    await store.order_campaign(lists[0], CampaignOrder.CANCEL, NOW)
    assert await store.erase_targets("other_corp", ERASED) == 0
    assert await store.erase_targets("acme_corp", ERASED) == 1
    first, second = await store.targets(lists[0].campaign_id)
    assert (first.number, first.parameters) == ("erased-1", {})
    assert (second.number, second.parameters) == (OTHER, {"name": "x"})
    assert [each.number for each in await store.targets(lists[1].campaign_id)] == [ERASED, OTHER]
