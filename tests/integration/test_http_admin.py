"""The operator's own API, over the real record and directory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.http_world import (
    KEY,
    OPERATOR_KEY,
    RecordWorld,
    now,
    running_record_world,
    running_world,
)

from offhook import config
from offhook.config import Admin, Config
from offhook.session.api_keys import key_digest, new_api_key
from offhook.session.tenancy import KeyGrant


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[RecordWorld]:
    async with running_record_world(tmp_path) as running:
        yield running


@pytest.fixture
async def operator(world: RecordWorld) -> AsyncIterator[aiohttp.ClientSession]:
    async with world.client(OPERATOR_KEY) as session:
        yield session


async def call(
    client: aiohttp.ClientSession, method: str, url: str, body: object = None
) -> tuple[int, dict[str, Any]]:
    data = None if body is None else json.dumps(body)
    async with client.request(method, url, data=data) as response:
        return response.status, await response.json()


async def knock(world: RecordWorld, key: str) -> int:
    """The status a customer's key gets."""
    async with (
        world.client(key) as client,
        client.get(world.url("numbers", "new_corp")) as response,
    ):
        return response.status


NEW = {
    "accountId": "new",
    "numbers": [{"msisdn": "+6568332049", "referenceId": "PSTN2", "recordInbound": True}],
    "callerIds": ["+6512345678"],
    "coverage": ["SG", "+44"],
    "maxCalls": 5,
    "cps": 2,
}


async def made_key(
    world: RecordWorld, operator: aiohttp.ClientSession, **changes: object
) -> dict[str, Any]:
    body = {"name": "ci", "accountId": "new", **changes}
    status, answer = await call(operator, "POST", world.url("/admin/v1/keys"), body)
    assert status == 201, answer
    return answer


@pytest.mark.parametrize("key", ["wrong", KEY])
async def test_it_opens_to_the_operators_keys_only(world: RecordWorld, key: str) -> None:
    async with world.client(key) as client:
        status, answer = await call(client, "GET", world.url("/admin/v1/keys"))
    assert (status, answer["statusCode"]) == (401, 401)


async def test_without_configured_keys_it_does_not_exist() -> None:
    async with running_world() as world, world.client(OPERATOR_KEY) as client:
        world.directory.operator_has_keys = False
        status, _ = await call(client, "GET", world.url("/admin/v1/keys"))
    assert status == 404


async def test_a_configuration_that_is_read_again_changes_keys_and_what_only_the_file_may_change(
    world: RecordWorld, operator: aiohttp.ClientSession
) -> None:
    added = config.SubAccountSection(id="added_corp", account="added")
    changed = Config(admin=Admin(api_keys=("key-of-the-next-operator",)), subaccounts=(added,))
    world.directory.use(changed)
    status, _ = await call(operator, "GET", world.url("/admin/v1/keys"))
    assert status == 401
    async with world.client("key-of-the-next-operator") as next_operator:
        url = world.url("/admin/v1/subaccounts/added_corp")
        status, answer = await call(next_operator, "PUT", url, NEW)
        assert (status, answer["message"]) == (
            409,
            "The sub-account is part of the configuration file",
        )
        world.directory.use(Config())
        status, _ = await call(next_operator, "GET", world.url("/admin/v1/keys"))
        assert status == 404


async def test_the_operators_key_opens_no_sub_account(world: RecordWorld) -> None:
    assert await knock(world, OPERATOR_KEY) == 401


async def test_a_sub_account_is_created_used_changed_and_deleted(
    world: RecordWorld, operator: aiohttp.ClientSession
) -> None:
    url = world.url("/admin/v1/subaccounts/new_corp")
    status, answer = await call(operator, "PUT", url, NEW)
    assert status == 200
    assert answer == {
        **NEW,
        "subAccountId": "new_corp",
        "dtmfEventData": "object",
        "statusCode": 0,
        "statusMessage": "ok",
    }
    assert await call(operator, "GET", url) == (200, answer)
    key = (await made_key(world, operator))["key"]
    assert await knock(world, key) == 200
    _, listed = await call(operator, "GET", world.url("/admin/v1/subaccounts"))
    ids = [each["subAccountId"] for each in listed["subAccounts"]]
    assert ids == ["acme_corp", "new_corp", "other_corp"]
    status, deleted = await call(operator, "DELETE", url)
    assert (status, deleted["statusMessage"]) == (200, "deleted")
    assert await knock(world, key) == 404
    assert (await call(operator, "DELETE", url))[0] == 404


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"accountId": "a b"}, "accountId"),
        ({"numbers": [{"msisdn": "6512"}]}, "numbers[0].msisdn"),
        ({"callerIds": ["x"]}, "callerIds[0]"),
        ({"coverage": ["Singapore"]}, "coverage[0]"),
        (
            {"coverage": ["SG", "UK"]},
            "coverage[1]",
        ),
        ({"coverage": ["+999"]}, "coverage[0]"),
        ({"maxCalls": 0}, "maxCalls"),
        ({"cps": 0}, "cps"),
        ({"dtmfEventData": "maybe"}, "dtmfEventData"),
    ],
)
async def test_a_bad_sub_account_is_422_and_says_where(
    world: RecordWorld, operator: aiohttp.ClientSession, change: dict[str, object], named: str
) -> None:
    url = world.url("/admin/v1/subaccounts/new_corp")
    status, answer = await call(operator, "PUT", url, {**NEW, **change})
    assert status == 422
    assert answer["message"].startswith(f"{named}: ")


OPT_OUT = {
    "key": "9",
    "prompt": "Press nine if you want no more calls.",
    "confirmation": "You will get no more calls.",
    "voiceProfile": "en-US-JennyNeural",
    "webhook": "https://list.example/numbers",
    "httpAuthHeader": "s3cret",
}


async def test_the_way_to_opt_out_is_set_shown_without_its_secret_and_removed(
    world: RecordWorld, operator: aiohttp.ClientSession
) -> None:
    url = world.url("/admin/v1/subaccounts/new_corp")
    status, answer = await call(operator, "PUT", url, {**NEW, "optOut": OPT_OUT})
    assert status == 200
    shown = {name: value for name, value in OPT_OUT.items() if name != "httpAuthHeader"}
    assert answer["optOut"] == {**shown, "language": "en-US", "httpAuthHeaderAvailable": True}
    owner = world.directory.sub_account("new_corp")
    assert owner is not None
    assert owner.opt_out is not None
    assert owner.opt_out.http_auth_header == "s3cret"
    status, _ = await call(operator, "PUT", url, {**NEW, "optOut": answer["optOut"]})
    owner = world.directory.sub_account("new_corp")
    assert owner is not None
    assert owner.opt_out is not None
    assert owner.opt_out.http_auth_header == "s3cret"
    _, answer = await call(operator, "PUT", url, NEW)
    assert "optOut" not in answer


async def test_a_kept_secret_is_not_sent_to_another_url(
    world: RecordWorld, operator: aiohttp.ClientSession
) -> None:
    url = world.url("/admin/v1/subaccounts/new_corp")
    await call(operator, "PUT", url, {**NEW, "optOut": OPT_OUT})
    elsewhere = {"key": "9", "webhook": "https://other.example/", "httpAuthHeaderAvailable": True}
    _, answer = await call(operator, "PUT", url, {**NEW, "optOut": elsewhere})
    assert "httpAuthHeaderAvailable" not in answer["optOut"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"key": None}, "optOut.key"),
        ({"key": "10"}, "optOut.key"),
        ({"prompt": ""}, "optOut.prompt"),
        ({"confirmation": "x" * 3001}, "optOut.confirmation"),
        ({"voiceProfile": 1}, "optOut.voiceProfile"),
        ({"language": "?"}, "optOut.language"),
        ({"webhook": "ftp://x"}, "optOut.webhook"),
        ({"webhook": "http://127.0.0.1/"}, "optOut.webhook"),
        ({"httpAuthHeader": 1}, "optOut.httpAuthHeader"),
        ({"httpAuthHeaderAvailable": "yes"}, "optOut.httpAuthHeaderAvailable"),
    ],
)
async def test_a_bad_way_to_opt_out_is_422_and_says_where(
    world: RecordWorld, operator: aiohttp.ClientSession, change: dict[str, object], named: str
) -> None:
    url = world.url("/admin/v1/subaccounts/new_corp")
    body = {**NEW, "optOut": {**OPT_OUT, **change}}
    status, answer = await call(operator, "PUT", url, body)
    assert status == 422
    assert answer["message"].startswith(f"{named}: ")


async def test_the_files_sub_accounts_are_the_files(
    world: RecordWorld, operator: aiohttp.ClientSession
) -> None:
    url = world.url("/admin/v1/subaccounts/acme_corp")
    assert (await call(operator, "GET", url))[0] == 200
    assert (await call(operator, "PUT", url, NEW))[0] == 409
    assert (await call(operator, "DELETE", url))[0] == 409


async def test_a_key_is_shown_once_and_stored_as_a_hash(
    world: RecordWorld, operator: aiohttp.ClientSession
) -> None:
    made = await made_key(world, operator, scopes=["sessions:read"])
    _, listed = await call(operator, "GET", world.url("/admin/v1/keys"))
    [key] = listed["keys"]
    assert made["key"] not in json.dumps(listed)
    assert (key["keyId"], key["name"], key["scopes"]) == (made["keyId"], "ci", ["sessions:read"])
    [(digest, _)] = await world.store.keys()
    assert made["key"].encode() not in digest


async def test_a_keys_scopes_sub_accounts_and_expiry_bind_it(
    world: RecordWorld, operator: aiohttp.ClientSession
) -> None:
    await call(operator, "PUT", world.url("/admin/v1/subaccounts/new_corp"), NEW)
    reader = await made_key(world, operator, scopes=["sessions:read"])
    elsewhere = await made_key(world, operator, subAccountIds=["another"])
    assert await knock(world, reader["key"]) == 403
    assert await knock(world, elsewhere["key"]) == 404
    soon = (now() + timedelta(hours=1)).isoformat()
    assert await knock(world, (await made_key(world, operator, expiresAt=soon))["key"]) == 200


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"name": ""}, "name"),
        ({"scopes": ["everything"]}, "scopes[0]"),
        ({"scopes": []}, "scopes"),
        ({"subAccountIds": ["a b"]}, "subAccountIds[0]"),
        ({"expiresAt": "soon"}, "expiresAt"),
        ({"expiresAt": "2020-01-01"}, "expiresAt"),
    ],
)
async def test_a_bad_key_is_422_and_says_where(
    world: RecordWorld, operator: aiohttp.ClientSession, change: dict[str, object], named: str
) -> None:
    body = {"name": "ci", "accountId": "new", **change}
    status, answer = await call(operator, "POST", world.url("/admin/v1/keys"), body)
    assert status == 422
    assert answer["message"].startswith(f"{named}: ")


async def test_a_revoked_key_opens_nothing(
    world: RecordWorld, operator: aiohttp.ClientSession
) -> None:
    await call(operator, "PUT", world.url("/admin/v1/subaccounts/new_corp"), NEW)
    made = await made_key(world, operator)
    assert await knock(world, made["key"]) == 200
    url = world.url(f"/admin/v1/keys/{made['keyId']}")
    assert (await call(operator, "DELETE", url))[0] == 200
    assert await knock(world, made["key"]) == 401
    assert (await call(operator, "DELETE", url))[0] == 404
    _, listed = await call(operator, "GET", world.url("/admin/v1/keys"))
    assert "revokedAt" in listed["keys"][0]


@pytest.mark.parametrize(("overlap", "old_status"), [(0, 401), (3600, 200)])
async def test_a_rotated_key_is_replaced_at_once_or_after_an_overlap(
    world: RecordWorld, operator: aiohttp.ClientSession, overlap: int, old_status: int
) -> None:
    await call(operator, "PUT", world.url("/admin/v1/subaccounts/new_corp"), NEW)
    old = await made_key(world, operator, subAccountIds=["new_corp"])
    url = world.url(f"/admin/v1/keys/{old['keyId']}/rotate")
    status, new = await call(operator, "POST", url, {"overlapSeconds": overlap})
    assert status == 201
    assert new["key"] != old["key"]
    assert await knock(world, new["key"]) == 200
    assert await knock(world, old["key"]) == old_status
    grants = {grant.key_id: grant for _, grant in await world.store.keys()}
    assert grants[new["keyId"]].sub_account_ids == frozenset({"new_corp"})
    assert grants[new["keyId"]].expires_at is None
    if overlap:
        expires_at = grants[old["keyId"]].expires_at
        assert expires_at is not None
        assert expires_at <= now() + timedelta(seconds=overlap)


async def test_an_unknown_key_cannot_be_rotated(
    world: RecordWorld, operator: aiohttp.ClientSession
) -> None:
    url = world.url("/admin/v1/keys/nope/rotate")
    assert (await call(operator, "POST", url, {}))[0] == 404


async def test_the_last_use_of_a_key_is_recorded_when_the_server_stops(
    world: RecordWorld, operator: aiohttp.ClientSession
) -> None:
    await call(operator, "PUT", world.url("/admin/v1/subaccounts/new_corp"), NEW)
    made = await made_key(world, operator)
    await knock(world, made["key"])
    await world.server.stop(1)
    [key] = await world.store.list_keys()
    assert key.last_used_at is not None


# --- keys made by another process


async def test_a_key_that_another_process_made_is_good_for_the_first_request(
    world: RecordWorld,
) -> None:
    key = new_api_key()
    grant = KeyGrant(key_id="new", account_id="acme")
    await world.store.put_key(key_digest(key), grant, "made elsewhere", now())
    async with world.client(key) as client:
        responses = [client.get(world.url("sessions")) for _ in range(20)]
        statuses = [each.status for each in await asyncio.gather(*responses)]
    assert statuses == [200] * 20


async def test_made_up_keys_share_their_looks_at_the_store(tmp_path: Path) -> None:
    async with running_record_world(tmp_path) as world:
        looks = 0
        refresh = world.directory.refresh

        async def counted() -> None:
            nonlocal looks
            looks += 1
            await refresh()

        world.directory.refresh = counted  # type: ignore[method-assign]
        async with world.client(KEY) as client:
            headers = [{"authorization": f"Bearer {new_api_key()}"} for _ in range(200)]
            requests = [client.get(world.url("sessions"), headers=each) for each in headers]
            statuses = {each.status for each in await asyncio.gather(*requests)}
            other = [client.get(world.url("sessions"), headers={"authorization": "Bearer x"})]
            statuses |= {each.status for each in await asyncio.gather(*other)}
    assert statuses == {401}
    assert looks <= 100
