"""The delivery worker against a real receiver on loopback."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from tests.support.outbox import WatchedOutbox, entry
from tests.support.receiver import Receiver, Reply

from offhook.net.http_client import HttpClient
from offhook.session.ports.record import OutboxEntry
from offhook.session.tenancy import Webhook, WebhookType
from offhook.store.queueing import ENDPOINT_LEASES
from offhook.webhook_secrets import new_secret
from offhook.webhooks import signing
from offhook.webhooks.delivery import DeliveryWorker
from offhook.webhooks.metrics import DeliveryMetrics

SECRET = new_secret()

Webhooks = dict[tuple[str, WebhookType], Webhook]


def webhook(url: str, **changes: str) -> Webhooks:
    type_ = WebhookType.VSS
    changed = msgspec.structs.replace(Webhook(type=type_, url=url), **changes)
    return {("acme_corp", type_): changed}


@asynccontextmanager
async def working(
    outbox: WatchedOutbox,
    webhooks: Webhooks,
    *,
    registry: CollectorRegistry | None = None,
    grace: float = 5.0,
    knows: Callable[[str], bool] = lambda _sub_account: True,
) -> AsyncIterator[DeliveryWorker]:
    """A worker that runs; a webhook it disables is disabled in ``webhooks``."""

    async def disable(sub_account: str, type_: WebhookType) -> None:
        del webhooks[(sub_account, type_)]

    client = HttpClient(allow_private=True)
    worker = DeliveryWorker(
        outbox,
        client,
        lambda sub_account, type_: webhooks.get((sub_account, type_)),
        owner="test",
        disable=disable,
        knows=knows,
        metrics=DeliveryMetrics(registry),
    )
    worker.start()
    try:
        yield worker
    finally:
        await worker.close(grace)
        await client.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as one:
        yield one


async def test_a_delivery_arrives_signed_authorised_and_unaltered(receiver: Receiver) -> None:
    body = '{"text":"größer ☎"}'.encode()
    one = entry(payload=body)
    outbox = WatchedOutbox(one)
    hooks = webhook(receiver.url("/vss"), http_auth_header="Basic abc", secret=SECRET)
    async with working(outbox, hooks):
        await outbox.wait_for(lambda: bool(outbox.results))
    (got,) = receiver.at("/vss")
    assert got.body == body
    assert got.headers["content-type"] == "application/json"
    assert got.headers["authorization"] == "Basic abc"
    now = float(got.headers["webhook-timestamp"])
    assert signing.verify(SECRET, got.headers, got.body, now=now) == one.delivery_id
    assert outbox.states() == {one.delivery_id: "delivered"}
    assert outbox.results[0].http_status == 200


async def test_a_retry_keeps_its_id(receiver: Receiver) -> None:
    one = entry()
    outbox = WatchedOutbox(one)
    replies = iter([Reply(status=503), Reply(cut=True)])
    receiver.on("/vss", lambda request, body: next(replies, Reply(status=204)))
    async with working(outbox, webhook(receiver.url("/vss"))):
        await outbox.wait_for(lambda: not outbox.pending)
    assert [result.http_status for result in outbox.results] == [503, None, 204]
    assert {got.headers["webhook-id"] for got in receiver.received} == {one.delivery_id}


async def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    outbox = WatchedOutbox(entry())
    receiver.on("/vss", Reply(status=302, headers={"Location": "/elsewhere"}))
    async with working(outbox, webhook(receiver.url("/vss"))):
        await outbox.wait_for(lambda: bool(outbox.results))
    assert outbox.results[0].http_status == 302
    assert outbox.results[0].state == "pending"
    assert not receiver.at("/elsewhere")


async def test_410_disables_the_webhook_and_what_follows_is_dropped(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = entry(), entry()
    outbox = WatchedOutbox(first)
    hooks = webhook(receiver.url("/vss"))
    receiver.on("/vss", Reply(status=410))
    async with working(outbox, hooks) as worker:
        await outbox.wait_for(lambda: bool(outbox.results))
        outbox.add(second)
        worker.wake()
        await outbox.wait_for(lambda: len(outbox.results) == 2)
    assert outbox.states() == {first.delivery_id: "dead", second.delivery_id: "dropped"}
    assert hooks == {}
    assert len(receiver.received) == 1
    assert "410" in caplog.text


async def test_without_a_webhook_it_is_dropped_and_counted() -> None:
    outbox = WatchedOutbox(entry("VCS"))
    registry = CollectorRegistry()
    async with working(outbox, {}, registry=registry):
        await outbox.wait_for(lambda: not outbox.pending)
    assert outbox.results[0].state == "dropped"
    assert not outbox.results[0].attempted
    labels = {"type": "VCS", "result": "dropped"}
    assert registry.get_sample_value("offhook_webhook_deliveries_total", labels) == 1


async def test_what_belongs_to_an_unknown_sub_account_is_left_to_other_servers() -> None:
    recent = entry()
    overdue = entry("VCS", at=datetime.now(UTC) - timedelta(minutes=2))
    outbox = WatchedOutbox(recent, overdue)
    async with working(outbox, {}, knows=lambda _sub_account: False):
        await outbox.wait_for(lambda: len(outbox.results) >= 2)
    assert outbox.states() == {recent.delivery_id: "pending", overdue.delivery_id: "dropped"}
    assert not any(result.attempted for result in outbox.results)


async def test_a_disabled_webhook_gets_nothing(receiver: Receiver) -> None:
    outbox = WatchedOutbox(entry())
    hook = Webhook(type=WebhookType.VSS, url=receiver.url("/vss"), enabled=False)
    async with working(outbox, {("acme_corp", WebhookType.VSS): hook}):
        await outbox.wait_for(lambda: not outbox.pending)
    assert outbox.results[0].state == "dropped"
    assert not receiver.received


async def test_however_much_the_receiver_answers_2xx_is_success(receiver: Receiver) -> None:
    outbox = WatchedOutbox(entry())
    receiver.on("/vss", Reply(body=b"x" * 100_000))
    async with working(outbox, webhook(receiver.url("/vss"))):
        await outbox.wait_for(lambda: not outbox.pending)
    assert outbox.results[0].state == "delivered"


async def test_the_legacy_callback_goes_to_its_own_url(receiver: Receiver) -> None:
    outbox = WatchedOutbox(entry("DTMF", url=receiver.url("/digits")))
    async with working(outbox, {}):
        await outbox.wait_for(lambda: not outbox.pending)
    assert len(receiver.at("/digits")) == 1
    assert "authorization" not in receiver.received[0].headers


async def test_dead_and_slow_endpoints_do_not_delay_other_endpoints(receiver: Receiver) -> None:
    hold = asyncio.Event()

    async def silent(request: object, body: bytes) -> Reply:
        await hold.wait()
        return Reply()

    receiver.on("/silent", silent)
    hooks = {
        ("silent", WebhookType.VSS): Webhook(type=WebhookType.VSS, url=receiver.url("/silent")),
        ("refusing", WebhookType.VSS): Webhook(type=WebhookType.VSS, url="http://127.0.0.1:9/"),
        ("good", WebhookType.VSS): Webhook(type=WebhookType.VSS, url=receiver.url("/good")),
    }
    outbox = WatchedOutbox(
        *(entry(sub_account="silent") for _ in range(1500)),
        *(entry(sub_account="refusing") for _ in range(500)),
        *(entry(sub_account="good") for _ in range(20)),
    )
    async with working(outbox, hooks, grace=0.1):
        await receiver.wait_for(lambda: len(receiver.at("/good")) == 20, timeout=9.0)
        assert len(receiver.at("/silent")) <= 8
        hold.set()
    good = [result for result in outbox.results if result.state == "delivered"]
    assert len(good) >= 20


async def test_many_are_leased_and_settled_in_batches(receiver: Receiver) -> None:
    outbox = WatchedOutbox(*(entry() for _ in range(1000)))
    async with working(outbox, webhook(receiver.url("/vss"))):
        await outbox.wait_for(lambda: not outbox.pending, timeout=30.0)
    assert len(receiver.received) == 1000
    assert max(outbox.leases) == ENDPOINT_LEASES
    assert len(outbox.batches) < 500


async def test_the_events_of_a_session_arrive_in_order(receiver: Receiver) -> None:
    def event(session: int, number: int) -> OutboxEntry:
        return entry(session=str(session), payload=f"{session}.{number}".encode())

    outbox = WatchedOutbox(*(event(session, n) for n in range(5) for session in range(10)))
    wait = random.Random(3)
    receiver.on("/vss", lambda request, body: Reply(after=wait.random() * 0.02))
    async with working(outbox, webhook(receiver.url("/vss"))):
        await outbox.wait_for(lambda: not outbox.pending)
    for session in range(10):
        came = [one.body.decode() for one in receiver.received if one.body[:1] == b"%d" % session]
        assert came == [f"{session}.{number}" for number in range(5)]


async def test_a_stop_gives_back_what_it_has_not_sent(receiver: Receiver) -> None:
    started = asyncio.Event()

    async def silent(request: object, body: bytes) -> Reply:
        started.set()
        await asyncio.Event().wait()
        return Reply()

    receiver.on("/vss", silent)
    outbox = WatchedOutbox(*(entry() for _ in range(30)))
    async with working(outbox, webhook(receiver.url("/vss")), grace=0.05):
        await started.wait()
    assert set(outbox.states().values()) == {"pending"}
    assert len(outbox.results) == 30
    assert sum(result.attempted for result in outbox.results) == 8


async def test_a_stop_waits_for_answers_on_their_way(receiver: Receiver) -> None:
    answer = asyncio.Event()

    async def slow(request: object, body: bytes) -> Reply:
        asyncio.get_running_loop().call_later(0.1, answer.set)
        await answer.wait()
        return Reply()

    receiver.on("/vss", slow)
    one = entry()
    outbox = WatchedOutbox(one)
    async with working(outbox, webhook(receiver.url("/vss"))):
        await receiver.wait_for(lambda: receiver.begun == 1)
        assert not answer.is_set()
    assert outbox.states() == {one.delivery_id: "delivered"}


async def test_a_store_that_is_away_for_a_moment_loses_nothing(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = WatchedOutbox(entry())

    def and_the_store_goes_away(request: object, body: bytes) -> Reply:
        outbox.away = True
        return Reply()

    receiver.on("/vss", and_the_store_goes_away)
    async with working(outbox, webhook(receiver.url("/vss"))):
        await receiver.wait_for(lambda: bool(receiver.received))
        await outbox.wait_for(lambda: "results wait" in caplog.text)
        outbox.away = False
        await outbox.wait_for(lambda: not outbox.pending)
    assert len(receiver.received) == 1


async def test_an_endpoint_that_fails_is_said_once_and_without_secrets(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    outbox = WatchedOutbox(*(entry() for _ in range(5)))
    fail = True
    receiver.on("/vss", lambda request, body: Reply(status=500 if fail else 200))
    url = receiver.url("/vss?token=s3cret").replace("http://", "http://me:pass@")
    async with working(outbox, webhook(url, secret=SECRET)):
        await outbox.wait_for(lambda: len(outbox.results) >= 5)
        fail = False
        await outbox.wait_for(lambda: not outbox.pending)
    lines = [record.getMessage() for record in caplog.records if "webhook" in record.name]
    assert lines == [
        f"webhook VSS of acme_corp cannot be delivered to 127.0.0.1:{receiver.port}: HTTP 500",
        "webhook VSS of acme_corp is delivered again",
    ]


@pytest.mark.parametrize("changes", [{"secret": "whsec_bad"}, {"http_auth_header": "a\r\nb: c"}])
async def test_a_misconfigured_webhook_harms_only_itself(
    receiver: Receiver, changes: dict[str, str]
) -> None:
    outbox = WatchedOutbox(entry(), entry(sub_account="good"))
    hooks = webhook(receiver.url("/bad"), **changes)
    hooks["good", WebhookType.VSS] = Webhook(type=WebhookType.VSS, url=receiver.url("/good"))
    async with working(outbox, hooks):
        await outbox.wait_for(lambda: len(outbox.results) == 2)
    assert [one.path for one in receiver.received] == ["/good"]
    assert sorted(outbox.states().values()) == ["delivered", "pending"]


async def test_what_waits_for_an_endpoint_falls_due_when_it_answers_again(
    receiver: Receiver,
) -> None:
    down = True
    receiver.on("/vss", lambda request, body: Reply(status=500 if down else 200))
    late = [entry(payload=b"%d" % number) for number in range(300)]
    outbox = WatchedOutbox(entry(payload=b"first"), entry(payload=b"second"))
    outbox.postpone(*late)
    async with working(outbox, webhook(receiver.url("/vss"))):
        await outbox.wait_for(lambda: len(outbox.results) >= 2)
        down = False
        await outbox.wait_for(lambda: not outbox.pending, timeout=30.0)
    arrived = [one.body for one in receiver.at("/vss") if one.http_status == 200]
    assert sorted(arrived) == sorted([b"first", b"second", *(one.payload for one in late)])
    assert sum(made for *_, made in outbox.made_due) >= len(late)


async def test_every_type_that_goes_to_the_endpoint_falls_due_and_no_other(
    receiver: Receiver,
) -> None:
    down = True
    receiver.on("/all", lambda request, body: Reply(status=500 if down else 200))
    hooks = {
        ("acme_corp", type_): Webhook(type=type_, url=receiver.url("/all"))
        for type_ in (WebhookType.VSS, WebhookType.VRU)
    }
    hooks["acme_corp", WebhookType.VNU] = Webhook(type=WebhookType.VNU, url=receiver.url("/other"))
    outbox = WatchedOutbox(entry(), entry())
    waiting = [entry("VSS"), entry("VRU"), entry("VNU"), entry("VSS", sub_account="other")]
    outbox.postpone(*waiting)
    async with working(outbox, hooks):
        await outbox.wait_for(lambda: len(outbox.results) >= 2)
        down = False
        await outbox.wait_for(lambda: len(outbox.pending) == 2)
    assert set(outbox.pending) == {waiting[2].delivery_id, waiting[3].delivery_id}


async def test_a_receiver_that_wants_to_be_left_alone_is_left_alone(receiver: Receiver) -> None:
    asked = 0

    def busy_twice(request: object, body: bytes) -> Reply:
        nonlocal asked
        asked += 1
        return Reply(status=429, headers={"Retry-After": "600"}) if asked <= 2 else Reply()

    receiver.on("/vss", busy_twice)
    outbox = WatchedOutbox(entry(), entry())
    async with working(outbox, webhook(receiver.url("/vss"))) as worker:
        await outbox.wait_for(lambda: len(outbox.results) == 2)
        outbox.add(entry())
        worker.wake()
        await outbox.wait_for(lambda: len(outbox.results) == 3)
    assert outbox.made_due == []
    assert len(outbox.pending) == 2


async def test_410_of_a_dtmf_callback_ends_that_delivery_and_disables_nothing(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.on("/digits", Reply(status=410))
    hooks = webhook(receiver.url("/vss"))
    hooks["acme_corp", WebhookType.VCS] = Webhook(type=WebhookType.VCS, url=receiver.url("/vcs"))
    kept = dict(hooks)
    gone = entry("DTMF", url=receiver.url("/digits"))
    other = entry("DTMF", url=receiver.url("/else"))
    outbox = WatchedOutbox(gone, other, entry())
    async with working(outbox, hooks):
        await outbox.wait_for(lambda: not outbox.pending)
    assert hooks == kept
    assert len(receiver.at("/digits")) == 1
    states = outbox.states()
    assert (states[gone.delivery_id], states[other.delivery_id]) == ("dropped", "delivered")
    assert "disabled" not in caplog.text


async def test_what_would_be_postponed_beyond_its_time_is_given_up(receiver: Receiver) -> None:
    """A call event has a minute: one that has waited most of it is not put off once more."""

    async def silent(request: object, body: bytes) -> Reply:
        await asyncio.Event().wait()
        return Reply()

    receiver.on("/vss", silent)
    hooks = {
        ("acme_corp", WebhookType.VCS): Webhook(type=WebhookType.VCS, url=receiver.url("/vss"))
    }
    nearly_over = datetime.now(UTC) - timedelta(seconds=59)
    outbox = WatchedOutbox(*(entry("VCS", at=nearly_over) for _ in range(60)))
    outbox.add(*(entry("VCS") for _ in range(4)))
    async with working(outbox, hooks, grace=0.05) as worker:
        endpoint = worker._endpoints.get("acme_corp", receiver.url("/vss"))
        endpoint.learn(10.0, answered=False)
        await outbox.wait_for(lambda: len(outbox.results) >= 30)
    states = {str(result.state) for result in outbox.results if not result.attempted}
    assert "dropped" in states


async def test_an_endpoint_that_takes_all_types_comes_back_and_deliveries_go_on(
    receiver: Receiver,
) -> None:
    """Also VCA, which is no delivery: most customers have one URL for everything."""
    replies = iter([Reply(status=503), Reply(status=503)])
    receiver.on("/all", lambda request, body: next(replies, Reply()))
    outbox = WatchedOutbox(entry())
    url = receiver.url("/all")
    hooks = {("acme_corp", type_): Webhook(type=type_, url=url) for type_ in WebhookType}
    async with working(outbox, hooks):
        await outbox.wait_for(lambda: not outbox.pending)
        await outbox.wait_for(lambda: bool(outbox.made_due))
    assert {type_ for _, type_, _, _ in outbox.made_due} == {"VCS", "VSS", "VRU", "VNU"}
    assert len(receiver.at("/all")) == 3
