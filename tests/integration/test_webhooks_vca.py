"""Asking for a decision, against a real receiver on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from tests.support.receiver import Receiver, Reply

from offhook.net.http_client import HttpClient
from offhook.session.ports.webhooks import Reply as VcaReply
from offhook.session.tenancy import Webhook, WebhookType
from offhook.webhook_secrets import new_secret
from offhook.webhooks import signing
from offhook.webhooks.vca import MAX_ANSWER, ask_webhook

SECRET = new_secret()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as one:
        yield one


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    one = HttpClient(allow_private=True)
    yield one
    await one.close()


def vca(receiver: Receiver) -> Webhook:
    return Webhook(
        type=WebhookType.VCA,
        url=receiver.url("/vca"),
        http_auth_header="Bearer t",
        secret=SECRET,
    )


async def test_the_answer_is_handed_on_as_it_came(receiver: Receiver, client: HttpClient) -> None:
    receiver.on("/vca", Reply(status=201, body=b'{"callflow":[]} // as it came'))
    outcome = await ask_webhook(client, vca(receiver), b'{"q":1}', event_id="event-1")
    assert outcome == VcaReply(http_status=201, body=b'{"callflow":[]} // as it came')
    (got,) = receiver.received
    assert got.headers["authorization"] == "Bearer t"
    assert got.headers["content-type"] == "application/json"
    now = float(got.headers["webhook-timestamp"])
    assert signing.verify(SECRET, got.headers, got.body, now=now) == "event-1"


@pytest.mark.parametrize(
    "trouble", [Reply(status=500), Reply(status=503), Reply(status=429), Reply(cut=True)]
)
async def test_passing_trouble_is_asked_again_with_the_same_id(
    receiver: Receiver, client: HttpClient, trouble: Reply
) -> None:
    replies = iter([trouble, trouble])
    receiver.on("/vca", lambda request, body: next(replies, Reply(body=b"done")))
    outcome = await ask_webhook(client, vca(receiver), b"{}", event_id="event-1")
    assert outcome == VcaReply(http_status=200, body=b"done")
    assert [got.headers["webhook-id"] for got in receiver.received] == ["event-1"] * 3


@pytest.mark.parametrize("status", [300, 301, 400, 401, 404, 410])
async def test_any_other_status_is_final(
    receiver: Receiver, client: HttpClient, status: int
) -> None:
    receiver.on("/vca", Reply(status=status, headers={"Location": "/elsewhere"}))
    outcome = await ask_webhook(client, vca(receiver), b"{}", event_id="e")
    assert outcome == VcaReply(body=None, detail=f"HTTP {status}", http_status=status)
    assert len(receiver.received) == 1


async def test_no_answer_in_time_is_final(receiver: Receiver, client: HttpClient) -> None:
    asked = asyncio.Event()

    async def silent(request: object, body: bytes) -> Reply:
        asked.set()
        await asyncio.Event().wait()
        return Reply()

    receiver.on("/vca", silent)
    outcome = await ask_webhook(client, vca(receiver), b"{}", event_id="e", budget=0.2)
    assert outcome.body is None
    assert "did not answer" in outcome.detail
    assert asked.is_set()


async def test_a_lasting_refusal_ends_with_the_budget(client: HttpClient) -> None:
    nobody = Webhook(type=WebhookType.VCA, url="http://127.0.0.1:9/")
    outcome = await ask_webhook(client, nobody, b"{}", event_id="e", budget=0.5)
    assert outcome.body is None
    assert outcome.http_status is None


async def test_a_retry_after_beyond_the_budget_is_not_waited_for(
    receiver: Receiver, client: HttpClient
) -> None:
    receiver.on("/vca", Reply(status=503, headers={"Retry-After": "3600"}))
    async with asyncio.timeout(9):
        outcome = await ask_webhook(client, vca(receiver), b"{}", event_id="e")
    assert outcome == VcaReply(body=None, detail="HTTP 503", http_status=503)


@pytest.mark.parametrize(("size", "too_long"), [(MAX_ANSWER, False), (MAX_ANSWER + 1, True)])
async def test_an_answer_has_a_greatest_length(
    receiver: Receiver, client: HttpClient, size: int, too_long: bool
) -> None:
    receiver.on("/vca", Reply(body=b"x" * size))
    outcome = await ask_webhook(client, vca(receiver), b"{}", event_id="e")
    assert outcome.body is not None
    assert (len(outcome.body), outcome.too_long) == (MAX_ANSWER, too_long)


async def test_a_bad_secret_is_no_reason_to_fall_over(
    receiver: Receiver, client: HttpClient
) -> None:
    hook = Webhook(type=WebhookType.VCA, url=receiver.url("/vca"), secret="nonsense")
    assert (await ask_webhook(client, hook, b"{}", event_id="e")).body is None
    assert not receiver.received


# --- the fallback


def with_fallback(receiver: Receiver) -> Webhook:
    return msgspec.structs.replace(vca(receiver), fallback_url=receiver.url("/fallback"))


async def ask_with_fallback(receiver: Receiver, client: HttpClient, budget: float) -> VcaReply:
    return await ask_webhook(
        client, with_fallback(receiver), b"{}", event_id="event-1", budget=budget
    )


@pytest.mark.parametrize("trouble", [Reply(status=404), Reply(status=503), Reply(cut=True)])
async def test_the_fallback_is_asked_where_the_webhook_does_not_answer(
    receiver: Receiver, client: HttpClient, trouble: Reply
) -> None:
    receiver.on("/vca", trouble)
    receiver.on("/fallback", Reply(body=b"from the fallback"))
    outcome = await ask_with_fallback(receiver, client, 1.5)
    assert outcome == VcaReply(http_status=200, body=b"from the fallback")
    [got] = receiver.at("/fallback")
    assert got.headers["webhook-id"] == "event-1"
    now = float(got.headers["webhook-timestamp"])
    assert signing.verify(SECRET, got.headers, got.body, now=now) == "event-1"


async def test_a_silent_webhook_leaves_the_fallback_four_tenths_of_the_time(
    receiver: Receiver, client: HttpClient
) -> None:
    loop = asyncio.get_running_loop()
    asked: list[float] = []

    async def silent(request: object, body: bytes) -> Reply:
        asked.append(loop.time())
        await asyncio.Event().wait()
        return Reply()

    receiver.on("/vca", silent)
    receiver.on("/fallback", silent)
    began = loop.time()
    outcome = await ask_with_fallback(receiver, client, 1.0)
    ended = loop.time()
    assert outcome.body is None
    assert outcome.detail.count("did not answer within") == 2
    assert asked[1] - began > 0.59
    assert ended - began < 9


async def test_an_answer_of_the_webhook_leaves_the_fallback_alone(
    receiver: Receiver, client: HttpClient
) -> None:
    receiver.on("/vca", Reply(body=b"not even JSON"))
    outcome = await ask_with_fallback(receiver, client, 5.0)
    assert outcome.body == b"not even JSON"
    assert receiver.at("/fallback") == []
