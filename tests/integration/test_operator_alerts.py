"""The operator's alert webhook: real deliveries fail, and a real receiver is told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.outbox import WatchedOutbox, entry
from tests.support.receiver import Receiver, Reply
from tests.support.stores import NOW

from offhook.clock import Clock
from offhook.config import AlertsSection
from offhook.net.http_client import HttpClient
from offhook.session.ports.operating import TrunkState
from offhook.session.ports.phone_bindings import FirstCall
from offhook.session.ports.record import NodeRole
from offhook.session.ports.stores import Store
from offhook.session.tenancy import Webhook, WebhookType
from offhook.store.memory import MemoryStore
from offhook.webhook_secrets import new_secret
from offhook.webhooks import signing
from offhook.webhooks.alerts import DEAD_EVERY, LOOK_EVERY, TRIES, OperatorAlerts
from offhook.webhooks.delivery import DeliveryWorker

SECRET = new_secret()


class SteppedClock(Clock):
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return self.ahead


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as one:
        yield one


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    one = HttpClient(allow_private=True)
    yield one
    await one.close()


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def alerts(receiver: Receiver, client: HttpClient, clock: SteppedClock) -> OperatorAlerts:
    section = AlertsSection(url=receiver.url("/alerts"), secret=SECRET, http_auth_header="Bearer o")
    return OperatorAlerts(client, clock, section)


def told(receiver: Receiver) -> list[tuple[str, dict[str, Any]]]:
    bodies = [json.loads(one.body) for one in receiver.at("/alerts") if one.http_status == 200]
    return [(body["type"], body["data"]) for body in bodies]


async def test_a_failing_endpoint_and_its_recovery_are_told_once_each(
    receiver: Receiver, client: HttpClient, alerts: OperatorAlerts
) -> None:
    replies = iter([Reply(status=503), Reply(status=503)])
    receiver.on("/vss", lambda request, body: next(replies, Reply()))
    hook = Webhook(type=WebhookType.VSS, url=receiver.url("/vss"))
    outbox = WatchedOutbox(entry())
    worker = DeliveryWorker(
        outbox, client, lambda *_which: hook, owner="t", disable=_never, watch=alerts
    )
    worker.start()
    await outbox.wait_for(lambda: not outbox.pending)
    await worker.close(5)
    await alerts.look(MemoryStore())
    await alerts.send()
    (failing, data), recovered = told(receiver)
    assert failing == "endpoint.failing"
    assert (data["subAccountId"], data["type"], data["detail"]) == ("acme_corp", "VSS", "HTTP 503")
    assert recovered == ("endpoint.recovered", {"subAccountId": "acme_corp", "type": "VSS"})
    first = receiver.at("/alerts")[0]
    assert first.headers["authorization"] == "Bearer o"
    now = float(first.headers["webhook-timestamp"])
    assert signing.verify(SECRET, first.headers, first.body, now=now)


async def _never(_sub_account_id: str, _type: WebhookType) -> None:
    raise AssertionError("a webhook was disabled")


async def test_dead_letters_are_counted_and_told_every_ten_minutes(
    receiver: Receiver, alerts: OperatorAlerts, clock: SteppedClock
) -> None:
    store = MemoryStore()
    for _ in range(3):
        alerts.gave_up("acme_corp", "VSS")
    await alerts.look(store)
    alerts.gave_up("acme_corp", "VSS")
    await alerts.look(store)
    await alerts.send()
    assert told(receiver) == [
        ("deliveries.dead", {"subAccountId": "acme_corp", "type": "VSS", "count": 3})
    ]
    clock.ahead = DEAD_EVERY
    await alerts.look(store)
    await alerts.send()
    assert [data["count"] for _, data in told(receiver)] == [3, 1]


async def test_a_trunk_that_is_down_is_told_and_that_it_is_up_again(
    receiver: Receiver, alerts: OperatorAlerts
) -> None:
    store = MemoryStore()
    for up, detail in ((True, None), (False, "no answer"), (False, "no answer"), (True, None)):
        await store.put_trunk_state("n1", TrunkState(trunk="t", up=up, since=NOW, detail=detail))
        await alerts.look(store)
    await alerts.send()
    assert told(receiver) == [
        ("trunk.down", {"trunk": "t", "node": "n1", "detail": "no answer"}),
        ("trunk.up", {"trunk": "t", "node": "n1"}),
    ]


async def test_the_first_call_to_a_country_is_told_once(
    receiver: Receiver, alerts: OperatorAlerts, second: OperatorAlerts
) -> None:
    store = MemoryStore()
    first = FirstCall(
        sub_account_id="acme_corp",
        country="CU",
        at=datetime.now(UTC) + timedelta(seconds=1),
        session_id="s1",
    )
    await store.put_first_call(first)
    for each in (alerts, second, alerts, second):
        await each.look(store)
        await each.send()
    data = {"subAccountId": "acme_corp", "country": "CU", "sessionId": "s1"}
    assert told(receiver) == [("country.first_call", data)]


async def test_an_alert_is_tried_again_and_given_up_in_the_end(
    receiver: Receiver, alerts: OperatorAlerts
) -> None:
    receiver.on("/alerts", Reply(status=500))
    alerts.failing("acme_corp", "VSS", "h", "HTTP 500")
    alerts.failing("acme_corp", "VCS", "h", "HTTP 500")
    await alerts.look(MemoryStore())
    for _ in range(TRIES):
        await alerts.send()
    assert len({one.headers["webhook-id"] for one in receiver.at("/alerts")}) == 1
    receiver.on("/alerts", Reply())
    await alerts.send()
    assert [data["type"] for _, data in told(receiver)] == ["VCS"]


async def test_without_a_url_nothing_is_kept_or_sent(
    receiver: Receiver, client: HttpClient, clock: SteppedClock
) -> None:
    silent = OperatorAlerts(client, clock, AlertsSection())
    silent.failing("acme_corp", "VSS", "h", "HTTP 500")
    await silent.look(MemoryStore())
    silent.use(AlertsSection(url=receiver.url("/alerts")))
    await silent.send()
    assert receiver.received == []


@pytest.fixture
def second(receiver: Receiver, client: HttpClient, clock: SteppedClock) -> OperatorAlerts:
    """The alerts of another machine."""
    return OperatorAlerts(client, clock, AlertsSection(url=receiver.url("/alerts")))


async def test_of_two_machines_one_tells_it(
    receiver: Receiver, alerts: OperatorAlerts, second: OperatorAlerts, store: Store
) -> None:
    for up in (False, True, False):
        await store.put_trunk_state("n1", TrunkState(trunk="t", up=up, since=NOW))
        for each in (alerts, second):
            if up:
                each.recovered("acme_corp", "VSS")
            else:
                each.failing("acme_corp", "VSS", "h", "HTTP 503")
            await each.look(store)
            await each.send()
    begun, ended = ["trunk.down", "endpoint.failing"], ["trunk.up", "endpoint.recovered"]
    assert sorted(kind for kind, _ in told(receiver)) == sorted(begun + ended + begun)


async def test_what_ended_while_no_process_looked_is_told_as_over(
    receiver: Receiver, alerts: OperatorAlerts, second: OperatorAlerts
) -> None:
    store = MemoryStore()
    await store.put_trunk_state("n1", TrunkState(trunk="t", up=False, since=NOW))
    await alerts.look(store)
    await alerts.send()
    await store.put_trunk_state("n1", TrunkState(trunk="t", up=True, since=NOW))
    await second.look(store)
    await second.send()
    assert [kind for kind, _ in told(receiver)] == ["trunk.down", "trunk.up"]


async def test_a_silent_node_and_its_return_are_told(
    receiver: Receiver, alerts: OperatorAlerts, clock: SteppedClock
) -> None:
    store = MemoryStore()
    node = await store.register_node("n1", NodeRole.VOICE, clock.now())
    for step in range(5):
        clock.ahead = step * LOOK_EVERY
        await alerts.look(store)
    await store.heartbeat(node, clock.now())
    clock.ahead += LOOK_EVERY
    await alerts.look(store)
    await alerts.send()
    (silent, data), back = told(receiver)
    assert silent == "node.silent"
    assert (data["node"], data["role"], data["lastHeartbeat"][-1]) == ("n1", "voice", "Z")
    assert back == ("node.back", {"node": "n1", "role": "voice"})
