"""Campaigns over the API and the real record; nothing calls here."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.http_world import OTHER_KEY, RecordWorld, running_record_world
from tests.support.stores import NOW, seconds, start_all

from offhook.session import states
from offhook.session.campaign import (
    NOT_VALID,
    Campaign,
    CampaignState,
    Settled,
    TargetState,
)
from offhook.session.campaign_templates import callflow_of
from offhook.session.ports.campaign_records import TargetCall
from offhook.session.ports.record import NodeRole

SOURCE = "+6512341234"
FLOW = [
    {"action": "makeCall", "params": {"source": SOURCE, "destination": "{{number}}"}},
    {"action": "say", "params": {"text": "Hello {{name}}.", "voiceProfile": "en-US-JennyNeural"}},
]
ANN = {"number": "+6590000001", "parameters": {"name": "Ann"}}
OK = {"statusCode": 0, "statusMessage": "ok"}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[RecordWorld]:
    async with running_record_world(tmp_path) as running:
        yield running


@pytest.fixture
async def client(world: RecordWorld) -> AsyncIterator[aiohttp.ClientSession]:
    async with world.client() as session:
        yield session


async def call(
    client: aiohttp.ClientSession,
    method: str,
    url: str,
    body: object = None,
    content_type: str = "application/json",
) -> tuple[int, dict[str, Any]]:
    sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    data = None if sent is None else io.BytesIO(sent)
    headers = {"Content-Type": content_type} if data is not None else {}
    async with client.request(method, url, data=data, headers=headers) as response:
        return response.status, await response.json()


async def made(
    world: RecordWorld, client: aiohttp.ClientSession, **members: object
) -> dict[str, Any]:
    status, answer = await call(
        client, "POST", world.url("campaigns"), {"callflow": FLOW, **members}
    )
    assert status == 201, answer
    return answer


async def uploaded(
    world: RecordWorld, client: aiohttp.ClientSession, campaign: str, text: bytes
) -> tuple[int, dict[str, Any]]:
    url = world.url(f"campaigns/{campaign}/targets")
    return await call(client, "POST", url, text, "text/csv; charset=utf-8")


async def test_a_campaign_with_its_list_runs_at_once(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    heard: list[str] = []
    world.deps.fabric.subscribe("campaigns", lambda topic, _: heard.append(topic))
    hours = [{"days": ["mon"], "opens": "09:00", "closes": "20:00"}]
    members: dict[str, Any] = {
        "name": "July",
        "pace": 2.5,
        "maxCalls": 7,
        "callingHours": hours,
        "retries": {"busyAfter": 60, "noAnswerAfter": None, "most": 1},
    }
    answer = await made(world, client, **members, targets=[ANN, "6590000002", 6590000003, "x"])
    campaign = answer["campaignId"]
    assert answer == {
        **members,
        "campaignId": campaign,
        "state": "RUNNING",
        "createdAt": answer["createdAt"],
        "startedAt": answer["startedAt"],
        "total": 3,
        "waiting": 3,
        "calling": 0,
        "done": 0,
        "attempts": 0,
        "outcomes": {},
        "callflow": FLOW,
        "problems": [{"line": 4, "what": "no phone number with its country code"}],
        **OK,
    }
    assert heard == ["campaigns"]
    status, shown = await call(client, "GET", world.url(f"campaigns/{campaign}"))
    assert (status, shown) == (200, {k: v for k, v in answer.items() if k != "problems"})
    _, listed = await call(client, "GET", world.url("campaigns"))
    assert [each["campaignId"] for each in listed["campaigns"]] == [campaign]


async def test_a_makecall_without_destination_calls_the_number(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    flow = [{"action": "makeCall", "params": {"source": SOURCE}}]
    answer = await made(world, client, callflow=flow)
    assert answer["callflow"][0]["params"]["destination"] == "{{number}}"
    assert answer["state"] == "DRAFT"


async def test_a_list_is_uploaded_in_pieces_and_then_started(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    campaign = (await made(world, client))["campaignId"]
    rows = [f"+65900{n:05d},N{n}" for n in range(2500)]
    text = "\n".join(["number,name", *rows, "none,X"]).encode()
    status, answer = await uploaded(world, client, campaign, text)
    assert (status, answer) == (
        200,
        {
            "campaignId": campaign,
            "added": 2500,
            "duplicates": 0,
            "rejected": 1,
            "problems": [{"line": 2502, "what": "no phone number with its country code"}],
            **OK,
        },
    )
    _, again = await uploaded(world, client, campaign, text)
    assert (again["added"], again["duplicates"]) == (0, 2500)
    url = world.url(f"campaigns/{campaign}/targets")
    status, more = await call(client, "POST", url, [ANN["number"], "+6599999999"])
    assert (status, more["added"]) == (200, 1)
    status, started = await call(client, "POST", world.url(f"campaigns/{campaign}/start"))
    assert (status, started["state"], started["total"]) == (200, "RUNNING", 2501)


async def test_orders_and_the_states_that_allow_them(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    campaign = (await made(world, client, targets=[ANN], start=False))["campaignId"]

    async def order(name: str) -> tuple[int, str]:
        status, answer = await call(client, "POST", world.url(f"campaigns/{campaign}/{name}"))
        return status, answer.get("state") or answer["message"]

    assert await order("pause") == (409, "A campaign that is DRAFT cannot pause")
    assert await order("start") == (200, "RUNNING")
    assert await order("start") == (409, "A campaign that is RUNNING cannot start")
    assert await order("pause") == (200, "PAUSED")
    assert await order("resume") == (200, "RUNNING")
    assert await order("cancel") == (200, "CANCELED")
    assert await order("resume") == (409, "A campaign that is CANCELED cannot resume")
    status, refused = await uploaded(world, client, campaign, b"number\n+6590000009\n")
    assert (status, refused["message"]) == (409, "The campaign has ended")


async def running_calls(world: RecordWorld, campaign_id: str) -> Campaign:
    """A campaign whose numbers are all being called; their sessions wait in the queue."""
    await world.store.lease_campaigns("w", NOW, lease=1e6)
    campaign = await world.store.campaign("acme_corp", campaign_id)
    assert campaign is not None
    owner = world.directory.sub_account("acme_corp")
    assert owner is not None
    calls = [
        TargetCall(
            position=target.position,
            attempts=0,
            session=states.accept(
                callflow_of(
                    campaign.template,
                    target.number,
                    target.parameters,
                    owner,
                    world.deps.profiles,
                    NOW,
                ),
                "acme_corp",
                call_flow_request_id=f"r{target.position}",
                at=NOW,
            ),
            events=(),
        )
        for target in await world.store.targets(campaign_id)
    ]
    await world.store.call_targets("w", campaign, calls)
    return campaign


async def test_a_cancel_ends_the_sessions_that_are_still_queued(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    targets = [ANN, {**ANN, "number": "+6590000002"}]
    campaign = (await made(world, client, targets=targets))["campaignId"]
    await running_calls(world, campaign)
    node = await world.store.register_node("n", NodeRole.VOICE, NOW)
    await world.store.claim(node, start_all, NOW, limit=1)
    status, _ = await call(client, "POST", world.url(f"campaigns/{campaign}/cancel"))
    assert status == 200
    _, listed = await call(client, "GET", world.url("sessions"))
    assert sorted(each["sessionStatus"] for each in listed["sessions"]) == ["CANCELED", "RUNNING"]


async def test_results_as_pages_and_as_csv(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    targets = [{**ANN, "number": f"+659000000{n}"} for n in range(3)]
    campaign_id = (await made(world, client, targets=targets))["campaignId"]
    campaign = await running_calls(world, campaign_id)
    one, two, three = await world.store.targets(campaign_id)
    over = Settled(
        position=one.position, session_id=one.session_id, outcome="COMPLETED", ended_at=NOW
    )
    again = Settled(
        position=two.position,
        session_id=two.session_id,
        outcome="BUSY",
        ended_at=NOW,
        again_at=NOW + seconds(600),
    )
    unfit = Settled(
        position=three.position,
        session_id=three.session_id,
        outcome=NOT_VALID,
        detail="=1+1",
        ended_at=NOW,
    )
    await world.store.settle_targets("w", campaign, [over, again, unfit])
    url = world.url(f"campaigns/{campaign_id}/targets")
    _, page = await call(client, "GET", url + "?limit=2")
    assert page["targets"][0] == {
        "position": 1,
        "number": "+6590000000",
        "parameters": {"name": "Ann"},
        "state": "DONE",
        "attempts": 1,
        "outcome": "COMPLETED",
        "sessionId": one.session_id,
        "endedAt": "2026-07-03T05:59:32.226Z",
    }
    assert page["targets"][1]["dueAt"] == "2026-07-03T06:09:32.226Z"
    _, rest = await call(client, "GET", url + f"?limit=2&cursor={page['nextCursor']}")
    assert ([each["number"] for each in rest["targets"]], rest.get("nextCursor")) == (
        ["+6590000002"],
        None,
    )
    _, busy = await call(client, "GET", url + "?targetState=WAITING&outcome=BUSY")
    assert [each["number"] for each in busy["targets"]] == ["+6590000001"]
    async with client.get(world.url(f"campaigns/{campaign_id}/results")) as response:
        assert response.headers["Content-Type"].startswith("text/csv")
        rows = list(csv.reader(io.StringIO(await response.text())))
    assert rows[0] == ["number", "state", "outcome", "attempts", "endedAt", "sessionId", "detail"]
    assert rows[1][:4] == ["+6590000000", "DONE", "COMPLETED", "1"]
    assert rows[3][2::4] == [NOT_VALID, "'=1+1"]
    _, shown = await call(client, "GET", world.url(f"campaigns/{campaign_id}"))
    assert (shown["done"], shown["outcomes"]) == (2, {"COMPLETED": 1, NOT_VALID: 1})


async def test_a_campaign_of_another_account_is_not_there(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    campaign = (await made(world, client, targets=[ANN]))["campaignId"]
    async with world.client(OTHER_KEY) as stranger:
        url = world.url(f"campaigns/{campaign}", "other_corp")
        assert (await call(stranger, "GET", url))[0] == 404


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"callflow": []}, "callflow: "),
        ({"callflow": [{"action": "say"}]}, "callflow[0].action: must be makeCall"),
        ({"callflow": [{"action": "makeCall"}]}, "callflow[0].params: must be an object"),
        (
            {"callflow": [{"action": "makeCall", "params": {"destination": "+6590000001"}}]},
            "callflow[0].params.destination: must be {{number}}, or absent",
        ),
        ({"callflow": [*FLOW, {"action": "nothing"}]}, "callflow of the first number: "),
        ({"callflow": FLOW * 26}, "callflow: "),
        ({"targets": [{"number": "+6590000001"}]}, "callflow of the first number: "),
        ({"targets": ["x"]}, "targets: none of them"),
        ({"targets": [{"name": "Ann"}]}, "targets[0].number: is missing"),
        ({"targets": [True]}, "targets[0]: "),
        ({"pace": 0}, "pace: "),
        ({"pace": 1001}, "pace: "),
        ({"pace": "5"}, "pace: "),
        ({"maxCalls": 0}, "maxCalls: "),
        ({"name": ""}, "name: "),
        ({"name": "x" * 101}, "name: "),
        ({"clientRequestId": "x" * 256}, "clientRequestId: "),
        ({"retries": {"most": 21}}, "retries.most: "),
        ({"retries": {"busyAfter": 0}}, "retries.busyAfter: "),
        ({"retries": {"noAnswerAfter": 604_801}}, "retries.noAnswerAfter: "),
        ({"callingHours": [{"opens": "24:00", "closes": "25:00"}]}, "callingHours"),
        ({"start": "yes"}, "start: "),
    ],
)
async def test_bad_members_are_named(
    world: RecordWorld, client: aiohttp.ClientSession, change: dict[str, Any], message: str
) -> None:
    body = {"callflow": FLOW, "targets": [ANN], **change}
    status, answer = await call(client, "POST", world.url("campaigns"), body)
    assert (status, answer["message"][: len(message)]) == (422, message)
    _, listed = await call(client, "GET", world.url("campaigns"))
    assert listed["campaigns"] == []


@pytest.mark.parametrize(
    ("method", "path", "status", "named"),
    [
        ("GET", "campaigns?limit=0", 422, "limit"),
        ("GET", "campaigns?cursor=%3F", 422, "cursor"),
        ("GET", "campaigns?state=RUNNING", 422, "state"),
        ("GET", "campaigns/none", 404, "Campaign not found"),
        ("GET", "campaigns/none/targets", 404, "Campaign not found"),
        ("GET", "campaigns/none/results", 404, "Campaign not found"),
        ("POST", "campaigns/none/start", 404, "Campaign not found"),
        ("POST", "campaigns/ID/stop", 422, "order"),
        ("GET", "campaigns/ID/targets?limit=1001", 422, "limit"),
        ("GET", "campaigns/ID/targets?cursor=x", 422, "cursor"),
        ("GET", "campaigns/ID/targets?targetState=done", 422, "targetState"),
        ("GET", "campaigns/ID/targets?outcome=busy", 422, "outcome"),
        ("GET", "campaigns/ID/results?targetState=x", 422, "targetState"),
        ("POST", "campaigns/ID/start", 409, "The campaign's list is empty"),
    ],
)
async def test_bad_parameters_are_named(
    world: RecordWorld,
    client: aiohttp.ClientSession,
    method: str,
    path: str,
    status: int,
    named: str,
) -> None:
    campaign = (await made(world, client))["campaignId"]
    found, answer = await call(client, method, world.url(path.replace("ID", campaign)))
    assert (found, answer["message"][: len(named)]) == (status, named)


@pytest.mark.parametrize(
    ("body", "content_type", "status", "message"),
    [
        (
            b"number\n1",
            "text/plain",
            422,
            "Content-Type: must be one of text/csv, application/json",
        ),
        (b"", "text/csv", 422, "body: there is no header line"),
        (b"\xff", "text/csv", 422, "body: not UTF-8"),
        (b"{", "application/json", 422, "body: not JSON"),
        (b"number\n" + b"x" * (8 * 1024 * 1024), "text/csv", 413, "Invalid JSON request body"),
    ],
)
async def test_bad_uploads_are_refused(
    world: RecordWorld,
    client: aiohttp.ClientSession,
    body: bytes,
    content_type: str,
    status: int,
    message: str,
) -> None:
    campaign = (await made(world, client))["campaignId"]
    url = world.url(f"campaigns/{campaign}/targets")
    found, answer = await call(client, "POST", url, body, content_type)
    assert (found, answer["message"][: len(message)]) == (status, message)
    assert (await world.store.campaign_counts(campaign)).total == 0


async def test_the_callflow_of_the_first_number_is_judged_at_the_start(
    world: RecordWorld, client: aiohttp.ClientSession
) -> None:
    campaign = (await made(world, client))["campaignId"]
    await uploaded(world, client, campaign, b"number\n+6590000001\n")
    status, answer = await call(client, "POST", world.url(f"campaigns/{campaign}/start"))
    assert (status, answer["message"]) == (
        422,
        "callflow of the first number: parameter name is required",
    )
    found = await world.store.campaign("acme_corp", campaign)
    assert found is not None
    assert found.state is CampaignState.DRAFT
    assert TargetState.WAITING in {t.state for t in await world.store.targets(campaign)}
