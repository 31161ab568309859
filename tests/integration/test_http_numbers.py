"""``/numbers`` and the assignment of numbers, over the real record and directory."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import msgspec
import pytest
from tests.support.http_world import (
    OPERATOR_KEY,
    RecordWorld,
    now,
    running_record_world,
)
from tests.support.openapi import the_document

from offhook import config
from offhook.config import Config
from offhook.session.ports.operating import TrunkState
from offhook.session.ports.record import NodeRole

VENDOR = json.loads((Path(__file__).parents[1] / "support" / "vendor_schemas.json").read_text())
MEMBERS = set(VENDOR["GET numbers 200"]["properties"]["numbers"]["items"]["properties"])
RATES = config.RatesSection(
    currency="EUR",
    increment="60+60",
    prices=(config.RatePrice(prefix="+65", price="0.012", direction="inbound"),),
)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[RecordWorld]:
    routes = (config.RouteSection(prefix="+65", trunks=("carrier",)),)
    async with running_record_world(tmp_path) as running:
        running.deps.numbers.use(Config(rates=RATES, routes=routes))
        yield running


@pytest.fixture
async def client(world: RecordWorld) -> AsyncIterator[aiohttp.ClientSession]:
    async with world.client() as session:
        yield session


@pytest.fixture
async def operator(world: RecordWorld) -> AsyncIterator[aiohttp.ClientSession]:
    async with world.client(OPERATOR_KEY) as session:
        yield session


async def call(
    client: aiohttp.ClientSession, method: str, url: str, body: object = None, **headers: str
) -> tuple[int, dict[str, Any]]:
    data = None if body is None else json.dumps(body)
    async with client.request(method, url, data=data, headers=headers) as response:
        return response.status, await response.json()


def assignments(world: RecordWorld, number: str = "", sub_account_id: str = "acme_corp") -> str:
    path = f"/admin/v1/subaccounts/{sub_account_id}/numbers"
    return world.url(f"{path}/{number}" if number else path)


def validate_ours(answer: object, path: str, method: str = "get", status: str = "200") -> None:
    """Against our own OpenAPI."""
    document = the_document()
    content = document["paths"][path][method]["responses"][status]["content"]
    schema = {**content["application/json"]["schema"], "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer)


NUMBERS = "/api/v1/subaccounts/{subAccountId}/numbers"


# --- the inventory


async def test_the_inventory_has_every_member_of_the_vendors_schema(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    status, answer = await call(client, "GET", world.url("numbers"))
    assert status == 200
    jsonschema.validate(answer, VENDOR["GET numbers 200"])
    validate_ours(answer, NUMBERS)
    assert set(answer) == set(VENDOR["GET numbers 200"]["properties"])
    (number,) = answer["numbers"]
    assert set(number) == MEMBERS
    at = number.pop("dateCreated")
    assert number.pop("dateUpdated") == at == answer["lastUpdatedAt"]
    assert number == {
        "msisdn": "+6568332048",
        "countryCode": "SG",
        "operationalStatus": "Active",
        "referenceId": "PSTN1",
        "rentalPrice": 0,
        "incomingRate": 0.012,
        "billingUnit": 60,
        "billingCurrency": "EUR",
        "uri": world.url("numbers/6568332048"),
        "numberType": "FIXED_LINE",
        "numberHealthCheckEnabled": True,
        "numberHealth": {"isHealthy": True, "status": "NOT_CHECKED_YET"},
    }


async def test_its_uri_shows_the_number(world: RecordWorld, client: aiohttp.ClientSession) -> None:
    _, listed = await call(client, "GET", world.url("numbers"))
    status, answer = await call(client, "GET", listed["numbers"][0]["uri"])
    assert status == 200
    jsonschema.validate(answer, VENDOR["GET numbers/{number} 200"])
    validate_ours(answer, NUMBERS + "/{number}")
    assert answer["payload"]["msisdn"] == "+6568332048"
    assert set(answer["payload"]) == MEMBERS


async def test_a_number_is_found_in_any_spelling(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    for spelling in ["+65%206833-2048", "0065 6833 2048", "6568332048"]:
        status, answer = await call(client, "GET", world.url(f"numbers/{spelling}"))
        assert (status, answer["payload"]["msisdn"]) == (200, "+6568332048")


@pytest.mark.parametrize(
    ("number", "status", "message"),
    [
        ("6512345678", 404, "Number not found"),
        ("PSTN1", 422, "number: must be one phone number with its country code"),
        ("1", 422, "number: must be one phone number with its country code"),
        ("+6568332048,+6568332049", 422, "number: must be one phone number with its country code"),
        ("%00", 422, "number: must be one phone number with its country code"),
        ("6" * 65, 422, "number: "),
    ],
)
async def test_another_number_is_refused(
    world: RecordWorld, client: aiohttp.ClientSession, number: str, status: int, message: str
) -> None:
    got, answer = await call(client, "GET", world.url(f"numbers/{number}"))
    assert got == status
    assert answer["message"].startswith(message)
    jsonschema.validate(answer, VENDOR["GET numbers/{number} 404"])


async def test_an_unknown_query_parameter_is_422(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    for path in ["numbers?limit=1", "numbers/6568332048?x=1"]:
        assert (await call(client, "GET", world.url(path)))[0] == 422


# --- health


async def node_says(world: RecordWorld, node: str, *, up: bool) -> None:
    """What one node knows of the trunk."""
    detail = None if up else "no response"
    state = TrunkState(trunk="carrier", up=up, since=now(), detail=detail)
    await world.store.put_trunk_state(node, state)


async def health(world: RecordWorld, client: aiohttp.ClientSession) -> dict[str, Any]:
    _, answer = await call(client, "GET", world.url("numbers/6568332048"))
    shown: dict[str, Any] = answer["payload"]["numberHealth"]
    return shown


async def test_a_number_is_as_healthy_as_its_trunk(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    await node_says(world, "n1", up=True)
    shown = await health(world, client)
    assert (shown["isHealthy"], shown["status"]) == (True, "HEALTHY")
    assert "lastCheckedTime" in shown
    await node_says(world, "n1", up=False)
    shown = await health(world, client)
    assert (shown["isHealthy"], shown["status"]) == (False, "TRUNK_DOWN")


async def test_a_trunk_is_up_while_it_answers_one_live_node(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    live = await world.store.register_node("n2", NodeRole.VOICE, now())
    await world.store.register_node("n1", NodeRole.VOICE, now())
    await node_says(world, "n1", up=False)
    await node_says(world, "n2", up=True)
    assert (await health(world, client))["isHealthy"]
    await world.store.retire_node(live)
    assert not (await health(world, client))["isHealthy"]


# --- assignment

FULL = {
    "referenceId": "PSTN7",
    "active": False,
    "recordInbound": True,
    "numberType": "MOBILE",
    "expires": "2030-01-31",
    "rentalPrice": "1.5",
    "incomingRate": "0.02",
    "billingUnit": 6,
    "billingCurrency": "USD",
    "trunk": "carrier",
    "healthCheck": False,
    "testCallEvery": 600,
}


async def test_a_number_is_assigned_changed_and_withdrawn(
    world: RecordWorld, operator: aiohttp.ClientSession, client: aiohttp.ClientSession
) -> None:
    url = assignments(world, "+65 6833-2049")
    status, answer = await call(operator, "PUT", url, FULL)
    assert status == 200
    assert answer == {
        "msisdn": "+6568332049",
        **FULL,
        "statusCode": 0,
        "statusMessage": "ok",
    }
    _, listed = await call(operator, "GET", assignments(world))
    assert [each["msisdn"] for each in listed["numbers"]] == ["+6568332048", "+6568332049"]
    _, shown = await call(client, "GET", world.url("numbers/6568332049"))
    assert shown["payload"]["operationalStatus"] == "Inactive"
    assert shown["payload"]["numberHealth"]["status"] == "INACTIVE"
    await call(operator, "PUT", url, {})
    _, shown = await call(client, "GET", world.url("numbers/6568332049"))
    assert shown["payload"]["operationalStatus"] == "Active"
    assert shown["payload"]["rentalPrice"] == 0
    status, gone = await call(operator, "DELETE", url)
    assert (status, gone["statusMessage"]) == (200, "deleted")
    assert (await call(operator, "DELETE", url))[0] == 404
    assert (await call(client, "GET", world.url("numbers/6568332049")))[0] == 404


async def test_an_assigned_number_needs_no_body(
    world: RecordWorld, operator: aiohttp.ClientSession
) -> None:
    status, _ = await call(operator, "PUT", assignments(world, "6568332049"))
    assert status == 200


async def test_prices_of_a_number_are_its_own(
    world: RecordWorld, operator: aiohttp.ClientSession, client: aiohttp.ClientSession
) -> None:
    body = {"rentalPrice": "1.50", "incomingRate": "0.0175", "billingUnit": 6, "active": True}
    await call(operator, "PUT", assignments(world, "6568332049"), body)
    _, listed = await call(client, "GET", world.url("numbers"))
    shown = listed["numbers"][1]
    assert (shown["rentalPrice"], shown["incomingRate"], shown["billingUnit"]) == (1.5, 0.0175, 6)


async def test_a_number_that_ends_soon_is_expiring_and_then_inactive(
    world: RecordWorld, operator: aiohttp.ClientSession, client: aiohttp.ClientSession
) -> None:
    for days, status in ((40, "Active"), (20, "Expiring"), (0, "Inactive")):
        day = (now() + timedelta(days=days)).date().isoformat()
        await call(operator, "PUT", assignments(world, "6568332049"), {"expires": day})
        _, shown = await call(client, "GET", world.url("numbers/6568332049"))
        assert shown["payload"]["operationalStatus"] == status


async def test_a_number_belongs_to_one_sub_account(
    world: RecordWorld, operator: aiohttp.ClientSession
) -> None:
    await call(operator, "PUT", assignments(world, "6568332049"))
    other = assignments(world, "6568332049", "other_corp")
    status, answer = await call(operator, "PUT", other)
    assert (status, answer["message"]) == (409, "+6568332049 belongs to acme_corp")
    assert (await call(operator, "DELETE", other))[0] == 404
    new = {"accountId": "new", "numbers": [{"msisdn": "+6568332049"}]}
    status, _ = await call(operator, "PUT", world.url("/admin/v1/subaccounts/new_corp"), new)
    assert status == 409


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_number_of_the_file_is_the_files(
    world: RecordWorld, operator: aiohttp.ClientSession, method: str
) -> None:
    status, answer = await call(operator, method, assignments(world, "6568332048"))
    assert (status, answer["message"]) == (409, "The number is part of the configuration file")


async def test_a_number_of_a_stored_sub_account_is_withdrawn_as_well(
    world: RecordWorld, operator: aiohttp.ClientSession
) -> None:
    new = {"accountId": "new", "numbers": [{"msisdn": "+6568332049"}]}
    await call(operator, "PUT", world.url("/admin/v1/subaccounts/new_corp"), new)
    url = assignments(world, "6568332049", "new_corp")
    assert (await call(operator, "DELETE", url))[0] == 200
    _, listed = await call(operator, "GET", assignments(world, "", "new_corp"))
    assert listed["numbers"] == []


BAD_SETTINGS: list[tuple[dict[str, object], str]] = [
    ({"referenceId": "x" * 101}, "referenceId: "),
    ({"active": "yes"}, "active: "),
    ({"recordInbound": 1}, "recordInbound: "),
    ({"numberType": "SATELLITE"}, "numberType: "),
    ({"expires": "tomorrow"}, "expires: "),
    ({"expires": "2030-02-30"}, "expires: is no day of the calendar"),
    ({"rentalPrice": "-1"}, "rentalPrice: "),
    ({"incomingRate": "0,02"}, "incomingRate: "),
    ({"billingUnit": 0}, "billingUnit: "),
    ({"billingCurrency": "Euro"}, "billingCurrency: "),
    ({"trunk": "a b"}, "trunk: "),
    ({"healthCheck": None}, "healthCheck: "),
    ({"testCallEvery": 5}, "testCallEvery: "),
]


async def test_a_bad_assignment_is_422_and_says_where(
    world: RecordWorld, operator: aiohttp.ClientSession
) -> None:
    for change, named in BAD_SETTINGS:
        status, answer = await call(operator, "PUT", assignments(world, "6568332049"), change)
        assert (status, answer["message"][: len(named)]) == (422, named)


async def test_no_phone_number_is_422(world: RecordWorld, operator: aiohttp.ClientSession) -> None:
    for method, number in product(("PUT", "DELETE"), ("x", "123", "6" * 65)):
        status, answer = await call(operator, method, assignments(world, number))
        assert status == 422
        assert answer["message"].startswith("number: ")


async def test_numbers_of_an_unknown_sub_account_are_404(
    world: RecordWorld, operator: aiohttp.ClientSession
) -> None:
    for method, number in (("GET", ""), ("PUT", "6568332049"), ("DELETE", "6568332049")):
        status, _ = await call(operator, method, assignments(world, number, "nobody_corp"))
        assert status == 404


# --- links behind a proxy


@pytest.mark.parametrize(
    ("trusted", "headers", "start"),
    [
        (True, {"X-Forwarded-Proto": "https"}, "https://127.0.0.1:"),
        (
            True,
            {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "voice.example"},
            "https://voice.example/api",
        ),
        (True, {"X-Forwarded-Proto": "javascript"}, "http://127.0.0.1:"),
        (True, {"X-Forwarded-Host": "a.example/x?"}, "http://127.0.0.1:"),
        (True, {"X-Forwarded-Host": "evil.example, voice.example"}, "http://voice.example/api"),
        (False, {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil"}, "http://127.0.0.1:"),
    ],
)
async def test_links_follow_the_headers_of_trusted_proxies_only(
    tmp_path: Path, trusted: bool, headers: dict[str, str], start: str
) -> None:
    http = config.Http(trusted_proxies=("127.0.0.1/32",) if trusted else ())
    async with running_record_world(tmp_path) as running:
        changed = msgspec.structs.replace(running.deps.config, http=http)
    async with running_record_world(tmp_path, config=changed) as world, world.client() as client:
        _, answer = await call(client, "GET", world.url("numbers"), **headers)
    assert answer["numbers"][0]["uri"].startswith(start)


async def test_links_begin_with_the_public_url_where_it_is_set(tmp_path: Path) -> None:
    http = config.Http(public_url="https://voice.example/")
    async with running_record_world(tmp_path) as running:
        changed = msgspec.structs.replace(running.deps.config, http=http)
    async with running_record_world(tmp_path, config=changed) as world, world.client() as client:
        _, answer = await call(client, "GET", world.url("numbers"))
    assert answer["numbers"][0]["uri"].startswith("https://voice.example/api/v1/")
