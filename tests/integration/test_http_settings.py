"""Webhooks, deliveries, scenarios and speech profiles, over the real record."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.http_world import OTHER_KEY, RecordWorld, now, running_record_world

from offhook.clock import new_id
from offhook.codes import RuntimeCode
from offhook.flow.actions import Say
from offhook.session.ports.record import (
    DeliveryResult,
    DeliveryState,
    OutboxEntry,
    OutboxType,
)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[RecordWorld]:
    async with running_record_world(tmp_path) as running:
        yield running


@pytest.fixture
async def client(world: RecordWorld) -> AsyncIterator[aiohttp.ClientSession]:
    async with world.client() as session:
        yield session


async def call(
    client: aiohttp.ClientSession, method: str, url: str, body: object = None
) -> tuple[int, dict[str, Any]]:
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body)
    async with client.request(method, url, data=data) as response:
        return response.status, await response.json()


VCA = {
    "type": "VCA",
    "url": "https://acme.example/vca",
    "enabled": True,
    "active": True,
    "httpAuthHeaderAvailable": True,
}
VSS = {"type": "VSS", "url": "https://acme.example/vss", "httpAuthHeader": "Basic c2VjcmV0"}


async def test_webhooks_are_listed_without_their_secrets(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    assert await call(client, "GET", world.url("webhooks")) == (
        200,
        {
            "subAccountId": "acme_corp",
            "count": 1,
            "webhooks": [VCA],
            "statusCode": 0,
            "statusMessage": "ok",
        },
    )


async def test_a_webhook_is_created_and_known_to_every_process(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    changed: list[str] = []
    world.deps.fabric.subscribe("tenancy", lambda topic, _: changed.append(topic))
    status, answer = await call(client, "POST", world.url("webhooks"), VSS)
    assert (status, answer["count"]) == (200, 2)
    created = next(hook for hook in answer["webhooks"] if hook["type"] == "VSS")
    secret = created.pop("secret")
    assert created == {
        "type": "VSS",
        "url": "https://acme.example/vss",
        "enabled": True,
        "active": True,
        "httpAuthHeaderAvailable": True,
    }
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    [(owner, stored)] = await world.store.webhooks()
    assert (owner, stored.http_auth_header, stored.secret) == (
        "acme_corp",
        "Basic c2VjcmV0",
        secret,
    )
    _, listed = await call(client, "GET", world.url("webhooks"))
    assert "c2VjcmV0" not in json.dumps(listed)
    assert secret not in json.dumps(listed)
    assert changed == ["tenancy"]


async def test_posting_a_type_again_replaces_it_and_keeps_its_signing_secret(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    await call(client, "POST", world.url("webhooks"), VSS)
    [(_, first)] = await world.store.webhooks()
    again = {"type": "VSS", "url": "https://acme.example/other", "active": False}
    status, answer = await call(client, "POST", world.url("webhooks"), again)
    assert (status, answer["count"]) == (200, 2)
    assert "secret" not in json.dumps(answer)
    [(_, second)] = await world.store.webhooks()
    assert (second.url, second.enabled, second.http_auth_header, second.secret) == (
        "https://acme.example/other",
        False,
        None,
        first.secret,
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"type": "VXX"},
            "type: Invalid enum value 'VXX', expected one of VCA, VCS, VSS, VRU, VNU",
        ),
        ({"type": None}, "type: Expected `str`, got `null`"),
        ({"url": 7}, "url: Expected `str`, got `int`"),
        ({"url": ""}, "url: Expected `str` of length >= 1"),
        ({"url": "http://127.0.0.1/x"}, "url: leads to a private address"),
        ({"enabled": "yes"}, "enabled: Expected `bool | null`, got `str`"),
        ({"enabled": "true"}, "enabled: Expected `bool | null`, got `str`"),
        ({"enabled": 1}, "enabled: Expected `bool | null`, got `int`"),
        (
            {"httpAuthHeader": "a\r\nX-Evil: 1"},
            "httpAuthHeader: may hold visible ASCII characters and blanks only",
        ),
        ({"secret": "whsec_short"}, "secret: must be whsec_ and the base64 of 24 to 64 bytes"),
        ({"secret": "A" * 44}, "secret: must be whsec_ and the base64 of 24 to 64 bytes"),
    ],
)
async def test_a_bad_webhook_is_422_and_says_what_is_wrong(
    world: RecordWorld, client: aiohttp.ClientSession, change: dict[str, object], message: str
) -> None:
    status, answer = await call(client, "POST", world.url("webhooks"), {**VSS, **change})
    assert (status, answer["message"], answer["statusMessage"]) == (422, message, message)
    assert await world.store.webhooks() == []


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"{", 400, "Invalid JSON request body"),
        (b"\xff", 400, "Invalid JSON request body"),
        (b'{"x":' + b"[" * 100_000, 400, "Invalid JSON request body"),
        (b"", 422, "body: is missing but it is required"),
        (b"[]", 422, "body: Expected `object`, got `array`"),
        (b'{"type":"VSS"}', 422, "url: is missing but it is required"),
    ],
)
async def test_what_is_no_webhook_is_refused(
    world: RecordWorld, client: aiohttp.ClientSession, body: bytes, status: int, message: str
) -> None:
    got = await call(client, "POST", world.url("webhooks"), body)
    assert (got[0], got[1]["message"]) == (status, message)


async def test_a_body_over_256_kib_is_413(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    huge = json.dumps({**VSS, "url": "x" * 300_000})
    status, answer = await call(client, "POST", world.url("webhooks"), huge.encode())
    assert (status, answer["statusCode"]) == (413, -1001)


async def test_a_deleted_webhook_is_gone(world: RecordWorld, client: aiohttp.ClientSession) -> None:
    await call(client, "POST", world.url("webhooks"), VSS)
    assert await call(client, "DELETE", world.url("webhooks/VSS")) == (
        200,
        {
            "subAccountId": "acme_corp",
            "type": "VSS",
            "url": "https://acme.example/vss",
            "enabled": True,
            "httpAuthHeaderAvailable": True,
            "statusCode": 0,
            "statusMessage": "deleted",
        },
    )
    status, answer = await call(client, "DELETE", world.url("webhooks/VSS"))
    assert (status, answer["message"]) == (404, "No VSS webhook")
    status, answer = await call(client, "DELETE", world.url("webhooks/VXX"))
    assert (status, answer["message"]) == (
        422,
        "type: Invalid enum value 'VXX', expected one of VCA, VCS, VSS, VRU, VNU",
    )


async def test_only_the_operator_removes_what_his_file_says(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    status, answer = await call(client, "DELETE", world.url("webhooks/VCA"))
    assert status == 409
    assert answer["message"] == "The VCA webhook is part of the operator's configuration"


FALLBACK = {"type": "VCA", "url": "https://a.example/1", "fallbackUrl": "https://b.example/2"}


async def test_a_vca_webhook_has_a_fallback(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    _, answer = await call(client, "POST", world.url("webhooks"), FALLBACK)
    assert answer["webhooks"][0]["fallbackUrl"] == "https://b.example/2"
    [(_, stored)] = await world.store.webhooks()
    assert stored.fallback_url == "https://b.example/2"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": "VSS"}, "fallbackUrl: only a VCA webhook has one"),
        ({"fallbackUrl": "http://127.0.0.1/x"}, "fallbackUrl: leads to a private address"),
    ],
)
async def test_a_bad_fallback_is_refused(
    world: RecordWorld, client: aiohttp.ClientSession, change: dict[str, str], message: str
) -> None:
    status, answer = await call(client, "POST", world.url("webhooks"), {**FALLBACK, **change})
    assert (status, answer["message"]) == (422, message)


async def test_a_rotated_secret_leaves_the_old_one_valid_for_a_time(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    await call(client, "POST", world.url("webhooks"), VSS)
    [(_, before)] = await world.store.webhooks()
    status, answer = await call(
        client, "POST", world.url("webhooks/VSS/secret"), {"overlapSeconds": 3600}
    )
    [(_, after)] = await world.store.webhooks()
    at = now()
    assert status == 200
    assert after.secrets(at) == (answer["secret"], before.secret)
    assert after.secrets(at + timedelta(hours=2)) == (answer["secret"],)
    assert (after.url, after.http_auth_header) == (before.url, before.http_auth_header)
    _, listed = await call(client, "GET", world.url("webhooks"))
    shown = next(hook for hook in listed["webhooks"] if hook["type"] == "VSS")
    assert shown["previousSecretUntil"] == answer["previousSecretUntil"]
    assert "whsec_" not in json.dumps(listed)
    await call(client, "POST", world.url("webhooks"), {**VSS, "url": "https://acme.example/new"})
    [(_, moved)] = await world.store.webhooks()
    assert moved.secrets(at) == after.secrets(at)


async def test_without_an_overlap_the_old_secret_ends_at_once(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    await call(client, "POST", world.url("webhooks"), VSS)
    mine = "whsec_" + base64.b64encode(b"k" * 32).decode()
    url = world.url("webhooks/VSS/secret")
    _, answer = await call(client, "POST", url, {"overlapSeconds": 0, "secret": mine})
    [(_, stored)] = await world.store.webhooks()
    assert answer["secret"] == mine
    assert stored.secrets(now()) == (mine,)
    assert (await call(client, "POST", url, {"secret": "x"}))[0] == 422
    assert (await call(client, "POST", world.url("webhooks/VNU/secret"), {}))[0] == 404


# --- deliveries


async def stored_delivery(world: RecordWorld) -> str:
    """A delivery that was made and failed for good."""
    at = now()
    entry = OutboxEntry(
        delivery_id=new_id(),
        sub_account_id="acme_corp",
        type=OutboxType.VSS,
        payload=b'{"n":1}',
        created_at=at,
        give_up_at=at + timedelta(hours=1),
        session_id=None,
    )
    session_id = await queued_session(world)
    session = await world.store.session("acme_corp", session_id)
    assert session is not None
    assert await world.store.cancel_queued(
        *world.deps.cancel(session, world.deps.directory.sub_accounts()[0], at)[:2], [entry]
    )
    await world.store.lease_deliveries("test", at, lease=60, limit=10)
    failed = DeliveryResult(
        delivery_id=entry.delivery_id, at=at, http_status=500, detail="no", state=DeliveryState.DEAD
    )
    await world.store.finish_deliveries([failed])
    return entry.delivery_id


async def queued_session(world: RecordWorld) -> str:
    body = {
        "callflow": [
            {
                "action": "makeCall",
                "params": {"source": "+6512341234", "destination": "+12025550101"},
            }
        ]
    }
    async with world.client() as client:
        _, answer = await call(client, "POST", world.url("callflows"), body)
    session_id: str = answer["sessionId"]
    return session_id


async def test_a_dead_delivery_is_listed_and_sent_again(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    woken: list[str] = []
    world.deps.fabric.subscribe("outbox", lambda topic, _: woken.append(topic))
    delivery_id = await stored_delivery(world)
    _, listed = await call(client, "GET", world.url("webhooks/VSS/deliveries"))
    [delivery] = listed["deliveries"]
    assert (delivery["deliveryId"], delivery["state"]) == (delivery_id, "dead")
    assert [attempt["httpStatus"] for attempt in delivery["attempts"]] == [500]
    _, dead = await call(client, "GET", world.url("webhooks/VSS/deliveries?state=dead"))
    assert dead["deliveries"] == listed["deliveries"]
    _, others = await call(client, "GET", world.url("webhooks/VSS/deliveries?state=delivered"))
    assert others["deliveries"] == []
    path = f"webhooks/VSS/deliveries/{delivery_id}/redeliver"
    status, answer = await call(client, "POST", world.url(path))
    assert (status, answer["deliveryId"]) == (202, delivery_id)
    assert woken
    [again] = await world.store.lease_deliveries("test", now(), lease=60, limit=10)
    assert again.entry.delivery_id == delivery_id


async def test_a_delivery_of_another_sub_account_cannot_be_sent_again(world: RecordWorld) -> None:
    delivery_id = await stored_delivery(world)
    async with world.client(OTHER_KEY) as other:
        path = f"webhooks/VSS/deliveries/{delivery_id}/redeliver"
        status, _ = await call(other, "POST", world.url(path, "other_corp"))
        _, listed = await call(other, "GET", world.url("webhooks/VSS/deliveries", "other_corp"))
    assert status == 404
    assert listed["deliveries"] == []


# --- scenarios

SCENARIO = {
    "callflow": [
        {"action": "makeCall", "params": {"source": "+6512341234", "destination": "{{to}}"}},
        {"action": "say", "params": {"text": "Hello {{name}}", "language": "en-GB"}},
    ],
    "parameters": [{"name": "to", "required": True, "pattern": r"\+\d+"}, {"name": "name"}],
}


async def test_a_scenario_is_put_listed_used_and_deleted(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    url = world.url("scenarios/reminder")
    assert (await call(client, "GET", url))[0] == 404
    status, put = await call(client, "PUT", url, SCENARIO)
    assert (status, put["callflow"]) == (200, SCENARIO["callflow"])
    assert put["parameters"] == SCENARIO["parameters"]
    assert await call(client, "GET", url) == (200, put)
    _, listed = await call(client, "GET", world.url("scenarios"))
    assert [each["name"] for each in listed["scenarios"]] == ["reminder"]
    run = {
        "callflow": [
            {
                "action": "executeScenario",
                "params": {"scenarioName": "reminder", "to": "+12025550101"},
            }
        ]
    }
    assert (await call(client, "POST", world.url("callflows"), run))[0] == 200
    status, deleted = await call(client, "DELETE", url)
    assert (status, deleted["statusMessage"]) == (200, "deleted")
    assert (await call(client, "GET", url))[0] == 404
    status, answer = await call(client, "POST", world.url("callflows"), run)
    assert (status, answer["statusCode"]) == (422, -1020)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"callflow": []}, "callflow"),
        ({"callflow": "x"}, "callflow"),
        ({"parameters": [{"name": "a b"}]}, "parameters[0].name"),
        ({"parameters": [{}]}, "parameters[0].name"),
        ({"parameters": [{"name": "a", "required": 0}]}, "parameters[0].required"),
        ({"parameters": [{"name": "a"}, {"name": "a"}]}, "parameters"),
        ({"parameters": [{"name": "a", "pattern": "("}]}, "parameters"),
        ({"parameters": [{"name": "a", "pattern": "(?x)(a+) +b"}]}, "parameters"),
        ({"parameters": [{"name": "a", "pattern": "(?x:(a+) +)b"}]}, "parameters"),
    ],
)
async def test_a_bad_scenario_is_422_and_says_where(
    world: RecordWorld, client: aiohttp.ClientSession, change: dict[str, object], named: str
) -> None:
    status, answer = await call(
        client, "PUT", world.url("scenarios/reminder"), {**SCENARIO, **change}
    )
    assert status == 422
    assert answer["message"].startswith(f"{named}: ")


async def test_a_scenario_is_filled_in_when_the_request_is_accepted(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    url = world.url("scenarios/reminder")
    await call(client, "PUT", url, SCENARIO)
    run = {"action": "executeScenario", "params": {"scenarioName": "reminder"}}
    run["params"] |= {"to": "+12025550101", "name": "Ann"}  # type: ignore[operator]
    body = {"callflow": [run], "clientRequestId": "r1"}
    status, accepted = await call(client, "POST", world.url("callflows"), body)
    assert (status, accepted["statusCode"]) == (200, 1)
    await call(client, "DELETE", url)
    stored = await world.store.session("acme_corp", accepted["sessionId"])
    assert stored is not None
    assert stored.callflow.actions[1] == Say(text="Hello Ann", language="en-GB")
    assert stored.client_request_id == "r1"
    assert stored.callflow.error is None


async def test_a_request_that_does_not_fit_its_scenario_is_stored_with_its_error(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    await call(client, "PUT", world.url("scenarios/reminder"), SCENARIO)
    run = {"action": "executeScenario", "params": {"scenarioName": "reminder", "to": "nobody"}}
    status, accepted = await call(client, "POST", world.url("callflows"), {"callflow": [run]})
    assert (status, accepted["statusCode"]) == (200, 1)
    stored = await world.store.session("acme_corp", accepted["sessionId"])
    assert stored is not None
    assert stored.callflow.error is not None
    assert stored.callflow.error.code is RuntimeCode.SCENARIO_PARAMETERS


async def test_a_scenario_name_is_bounded(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    for name in ("a%20b", "x" * 101, "%00"):
        status, answer = await call(client, "PUT", world.url(f"scenarios/{name}"), SCENARIO)
        assert status == 422
        assert answer["message"].startswith("name: ")


# --- voices


async def test_speech_profiles_are_listed(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    _, answer = await call(client, "GET", world.url("speech-profiles"))
    assert answer == {
        "speechProfiles": [
            {
                "speechProfileCode": "en-US-JennyNeural",
                "localeCode": "en-US",
                "localeDescription": "English (United States)",
                "gender": "F",
                "engine": "espeak-ng",
                "voice": "gmw/en-US+f2",
            }
        ],
        "statusCode": 0,
        "statusMessage": "ok",
    }
