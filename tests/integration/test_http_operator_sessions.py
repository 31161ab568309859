"""``/admin/v1/sessions``: an operator's key sees the sessions of all sub-accounts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.http_world import OPERATOR_KEY, RecordWorld, now, running_record_world
from tests.support.stores import accepted, waiting

from offhook.session.pcap import datagram, end_of, packets_of, pcap_file
from offhook.session.ports.capture_orders import CAPTURES_TOPIC, decode_order
from offhook.session.ports.operating import LogLine
from offhook.session.ports.telephony import SipMessage
from offhook.session.session import Session

NEAR, FAR = "udp:192.0.2.7:5060", "udp:192.0.2.1:5080"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[RecordWorld]:
    async with running_record_world(tmp_path) as running:
        yield running


@pytest.fixture
async def operator(world: RecordWorld) -> AsyncIterator[aiohttp.ClientSession]:
    async with world.client(OPERATOR_KEY) as session:
        yield session


@pytest.fixture
async def sessions(world: RecordWorld) -> list[Session]:
    """One of each of two sub-accounts, the second newer."""
    mine = waiting("acme_corp", destination="+12025550101")
    other = waiting("other_corp", destination="+12025550102", created_at=now())
    return await accepted(world.deps.store, mine, other)


async def get(
    world: RecordWorld, client: aiohttp.ClientSession, path: str, **query: str | int
) -> tuple[int, dict[str, Any]]:
    async with client.get(world.url(f"/admin/v1{path}"), params=query) as response:
        return response.status, await response.json()


async def test_the_list_has_all_sub_accounts_and_the_customers_filters(
    world: RecordWorld, operator: aiohttp.ClientSession, sessions: list[Session]
) -> None:
    mine, other = (session.session_id for session in sessions)

    async def ids(**query: str | int) -> list[str]:
        status, page = await get(world, operator, "/sessions", **query)
        assert status == 200, page
        return [session["sessionId"] for session in page["sessions"]]

    assert await ids() == [other, mine]
    assert await ids(subAccountId="acme_corp") == [mine]
    assert await ids(since="1h") == [other]
    assert await ids(status="RUNNING") == []
    assert await ids(limit=1) == [other]
    _, first = await get(world, operator, "/sessions", limit=1)
    assert await ids(limit=1, cursor=first["nextCursor"]) == [mine]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"cursor": "!!"}, "cursor"),
        ({"stauts": "FAILED"}, "stauts: unknown parameter"),
        ({"sipCode": "7"}, "sipCode"),
        ({"since": "yesterday"}, "since"),
    ],
)
async def test_a_bad_parameter_is_named(
    world: RecordWorld, operator: aiohttp.ClientSession, query: dict[str, str], told: str
) -> None:
    status, answer = await get(world, operator, "/sessions", **query)
    assert (status, told in answer["message"]) == (422, True), answer


async def test_a_customers_key_opens_none_of_it(
    world: RecordWorld, sessions: list[Session]
) -> None:
    paths = (
        "/sessions",
        f"/sessions/{sessions[0].session_id}",
        "/sessions/x/log",
        "/sessions/x/pcap",
    )
    async with world.client() as customer:
        assert [(await get(world, customer, path))[0] for path in paths] == [401] * 4


async def test_one_session_with_its_log_lines(
    world: RecordWorld, operator: aiohttp.ClientSession, sessions: list[Session]
) -> None:
    session_id = sessions[1].session_id
    line = LogLine(
        session_id=session_id, at=now(), process="voice-0", level="warning", text="it failed"
    )
    await world.deps.store.put_log_lines([line])
    status, shown = await get(world, operator, f"/sessions/{session_id}")
    assert (status, shown["subAccountId"]) == (200, "other_corp")
    status, log = await get(world, operator, f"/sessions/{session_id}/log")
    assert status == 200
    [told] = log["lines"]
    assert (told["process"], told["level"], told["text"]) == ("voice-0", "warning", "it failed")
    assert (await get(world, operator, "/sessions/nope/log"))[0] == 404


async def test_the_packets_of_a_session_are_one_file(
    world: RecordWorld, operator: aiohttp.ClientSession, sessions: list[Session]
) -> None:
    session_id, at = sessions[0].session_id, now()
    url = world.url(f"/admin/v1/sessions/{session_id}/pcap")
    async with operator.get(url) as response:
        assert response.status == 404
    message = SipMessage(at=at, sent=True, near=NEAR, far=FAR, text="INVITE sip:x SIP/2.0\r\n\r\n")
    await world.deps.store.put_sip_trace(session_id, [message])
    audio = datagram(at.timestamp() + 1, end_of(FAR), end_of(NEAR), b"\x80\0rtp")
    await world.deps.store.put_capture(session_id, at, pcap_file([audio]))
    async with operator.get(url) as response:
        assert response.content_type == "application/octet-stream"
        packets = list(packets_of(await response.read()))
    assert [packet.octets[28:34] for packet in packets] == [b"INVITE", b"\x80\0rtp"]


async def test_an_order_of_a_capture_goes_to_all_voice_nodes(
    world: RecordWorld, operator: aiohttp.ClientSession
) -> None:
    told: list[bytes] = []
    world.deps.fabric.subscribe(CAPTURES_TOPIC, lambda _topic, message: told.append(message))
    url = world.url("/admin/v1/captures")
    async with operator.post(url, json={"number": "+12025550101", "seconds": 5}) as response:
        answer = await response.json()
        assert response.status == 202, answer
    order = decode_order(told[0])
    assert (order.number, order.seconds, order.rtp) == ("+12025550101", 5, True)
    assert order.capture_id == answer["captureId"]
    for body in ({}, {"number": "+1", "sessionId": "x"}, {"number": "x"}, {"seconds": 601}):
        async with operator.post(url, json=body) as response:
            assert response.status == 422, body
    assert len(told) == 1
