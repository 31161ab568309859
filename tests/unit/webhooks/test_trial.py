"""A test event: of every type, signed, sent a single time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from multidict import CIMultiDict

from offhook.clock import SystemClock
from offhook.net.http_client import HttpRequester, HttpResponse
from offhook.session.tenancy import SubAccount, Webhook, WebhookType
from offhook.webhook_secrets import new_secret
from offhook.webhooks.trial import WebhookTrials

OWNER = SubAccount(sub_account_id="acme_corp", account_id="acme")
TYPES = {
    WebhookType.VCA: "CALL_ACTION",
    WebhookType.VCS: "CALL_STATUS",
    WebhookType.VSS: "SESSION_SUMMARY",
    WebhookType.VRU: "CALL_RECORDING_STATUS",
    WebhookType.VNU: "VIRTUAL_NUMBER_UPDATE",
}


class Answering(HttpRequester):
    """Answers with a status, and notes what it got."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.got: list[tuple[Mapping[str, str], bytes]] = []

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, **rest: Any
    ) -> HttpResponse:
        """See :meth:`offhook.net.http_client.HttpClient.request`."""
        self.got.append((headers, body))
        return HttpResponse(status=self.status, headers=CIMultiDict[str](), body=b"", url=url)


@pytest.mark.parametrize("kind", WebhookType)
async def test_every_type_of_webhook_gets_an_event_of_its_form(kind: WebhookType) -> None:
    server = Answering(200)
    hook = Webhook(
        type=kind, url="http://a.example/", secret=new_secret(), http_auth_header="Basic x"
    )
    reply = await WebhookTrials(server, SystemClock()).send(OWNER, hook)
    assert (reply.http_status, reply.body) == (200, b"")
    ((headers, body),) = server.got
    assert headers["webhook-id"].startswith("test-")
    assert headers["webhook-signature"].startswith("v1,")
    assert headers["authorization"] == "Basic x"
    assert msgspec.json.decode(body)["eventType"] == TYPES[kind]


async def test_a_refused_event_is_not_sent_again() -> None:
    server = Answering(503)
    hook = Webhook(type=WebhookType.VSS, url="http://a.example/", secret=new_secret())
    reply = await WebhookTrials(server, SystemClock()).send(OWNER, hook)
    assert (reply.body, reply.detail, len(server.got)) == (None, "HTTP 503", 1)


async def test_the_call_of_a_test_event_has_ended_after_it_began() -> None:
    server = Answering(200)
    hook = Webhook(type=WebhookType.VSS, url="http://a.example/", secret=new_secret())
    await WebhookTrials(server, SystemClock()).send(OWNER, hook)
    ((_, body),) = server.got
    (leg,) = msgspec.json.decode(body)["payload"]["details"].values()
    names = ("initiatedTimestamp", "connectedTimestamp", "disconnectedTimestamp")
    times = [leg[name] for name in names]
    assert times == sorted(set(times))
