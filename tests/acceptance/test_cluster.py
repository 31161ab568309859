"""Several machines on one PostgreSQL and one NATS: what they share, and who may come and go."""

from __future__ import annotations

import asyncio
import copy
import itertools
from pathlib import Path

import aiohttp
import pytest
from tests.support import cluster, sipp
from tests.support.cluster import ADMIN_KEY, LONG, SHORT, Cluster, ClusterNode
from tests.support.server import API_KEY, SUB_ACCOUNT, voice_message

pytestmark = [
    pytest.mark.skipif(
        not (sipp.available and cluster.available), reason="sipp, postgresql or nats is missing"
    ),
    pytest.mark.timeout(240),
]


async def test_commands_and_events_cross_to_the_machine_that_runs_the_call(tmp_path: Path) -> None:
    async with Cluster(tmp_path, nodes=1) as world:
        (number,) = await world.place(1, LONG)
        await world.talking([number])
        session = world.posted.acknowledged[number]
        await world.join()
        other = world.nodes[1].server
        path = f"/api/v1/subaccounts/{SUB_ACCOUNT}/sessions/{session}/events"
        headers = {"Authorization": f"Bearer {API_KEY}"}
        async with (
            aiohttp.ClientSession(other.url, headers=headers) as client,
            client.get(path) as stream,
        ):
            assert await other.delete_session(session) in (200, 202)
            told = (await stream.read()).decode()
        ends = await world.settled()
    assert "CALL_CONNECTED" in told
    assert "SESSION_ENDED" in told
    assert ends.counts() == {"COMPLETED": 1}


@pytest.mark.full
async def test_calls_a_second_and_channels_hold_over_three_machines(tmp_path: Path) -> None:
    """Each machine alone would allow as many again."""
    cps, channels = 6, 5
    async with Cluster(
        tmp_path, nodes=3, sub_account={"cps": float(cps)}, trunk={"channels": channels}
    ) as world:
        await world.place(40, "Hi.")
        ends = await world.settled()
        begins = world.phones[""].begins()
        most = world.phones[""].most_at_once()
        nodes = await world.rows("SELECT DISTINCT node FROM sessions")
    assert ends.counts() == {"COMPLETED": 40}
    assert most == channels
    for first, begin in itertools.product(range(40), repeat=2):
        if begin > first:
            took = begins[begin] - begins[first]
            assert begin - first <= cps + cps * (took + 0.5), "more than the bucket holds"
    assert len(nodes) > 1


@pytest.mark.full
async def test_calls_at_once_and_minutes_a_day_hold_over_three_machines(tmp_path: Path) -> None:
    most_calls, minutes = 4, 6
    limits = {"max_calls": most_calls, "daily_minutes": minutes}
    more = {"rates": {"increment": "60+60"}}
    async with Cluster(tmp_path, nodes=3, sub_account=limits, more=more) as world:
        await world.place(40, SHORT)
        ends = await world.settled(90)
        most = world.phones[""].most_at_once()
        late = [
            await world.post(node, voice_message(world.number(), SHORT)) for node in world.nodes
        ]
    dialled = len(ends.dialled)
    assert most == most_calls
    assert minutes <= dialled <= minutes + 2 * most_calls
    assert ends.counts() == {"COMPLETED": dialled, "ERROR": 40 - dialled}
    assert late == [429] * 3


@pytest.mark.full
async def test_nodes_join_drain_and_leave_while_calls_are_made(tmp_path: Path) -> None:
    async with Cluster(tmp_path) as world:
        posting = asyncio.create_task(world.place_steadily(160, rate=8.0))
        await world.wait_for(lambda: len(world.posted.acknowledged) >= 20, 30)
        await world.join()
        drained, leaving, joined = world.nodes
        names = [row["name"] for row in await world.rows("SELECT name FROM nodes")]
        name = next(n for n in names if n.endswith("/0") and str(drained.server.sip_port) in n)
        headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
        async with (
            aiohttp.ClientSession(joined.server.url, headers=headers) as client,
            client.post("/admin/v1/nodes", json={"name": name, "drain": True}) as answer,
        ):
            assert answer.status == 200, await answer.text()
        assert await leaving.server.stop() == 0
        await posting
        ends = await world.settled()
        (begun,) = await world.rows("SELECT max(drained_since) AS at FROM node_facts")
        after = await world.rows(
            "SELECT 1 FROM sessions WHERE node = $1 AND created_at > $2",
            *(name, begun["at"] + 6_000_000),
        )
    assert set(ends.counts()) == {"COMPLETED"}
    assert len(ends.status) >= 100
    assert not after, "the drained node began sessions"


@pytest.mark.full
async def test_a_new_customer_arrives_on_one_machine_after_the_other(tmp_path: Path) -> None:
    customer = {"id": "new_corp", "api_keys": ["key-of-the-new-customer"]}
    async with Cluster(tmp_path) as world:
        files = [copy.deepcopy(node.config) for node in world.nodes]
        for file in files:
            file["subaccounts"].append(file["subaccounts"][0] | customer)

        async def post(node: ClusterNode) -> int | None:
            body = voice_message(world.number(), SHORT)
            return await world.post(node, body, owner="new_corp", api_key=customer["api_keys"][0])

        async def knows(node: ClusterNode) -> None:
            async with asyncio.timeout(20):
                while await post(node) != 200:
                    await asyncio.sleep(0.05)

        first, second = world.nodes
        await first.server.reload(files[0])
        await knows(first)
        assert [await post(first) for _ in range(9)] == [200] * 9
        assert await post(second) == 401
        await world.receiver.wait_for(lambda: len(world.receiver.summaries()) >= 3, 30)
        await second.server.reload(files[1])
        await knows(second)
        ends = await world.settled()
    assert ends.counts() == {"COMPLETED": 11}
