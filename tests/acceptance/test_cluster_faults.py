"""The fault table (docs/faults.md): several nodes, real PostgreSQL, NATS and SIPp; one fault each."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from tests.support import cluster, sipp
from tests.support.cluster import LONG, Cluster, stopped
from tests.support.receiver import Reply
from tests.support.server import SOURCE, voice_message

pytestmark = [
    pytest.mark.skipif(
        not (sipp.available and cluster.available), reason="sipp, postgresql or nats is missing"
    ),
    pytest.mark.timeout(240),
    pytest.mark.full,
]

RINGS, FULL = "+1999", "+1888"
SILENCE = 20.0
"""Seconds for which something is away: longer than a dead node takes to be judged."""
JUDGED_WITHIN = 15.0
"""Seconds within which the sessions of a dead node end (execution.md)."""


def bridge(number: str, other: str) -> dict[str, Any]:
    """The callflow that connects two phones."""
    call = {"action": "makeCall", "params": {"source": SOURCE, "destination": number}}
    second = {"action": "makeCall", "params": {"source": SOURCE, "destination": other}}
    return {"callflow": [call, second], "clientRequestId": number}


async def runs(world: Cluster, number: str) -> str:
    """Wait until a posted session runs; its id."""
    session = world.posted.acknowledged[number]
    query = "SELECT 1 FROM sessions WHERE session_id = $1 AND status = 'RUNNING'"
    await world.wait_for_rows(query, session)
    return session


async def test_kill_9_of_a_node_with_calls_at_every_stage(tmp_path: Path) -> None:
    """Accepted, claimed, ringing, talking, bridged, ended but not reported: all on one node that dies."""
    phones = {"": "answer", RINGS: "ring"}
    async with Cluster(tmp_path, nodes=1, phones=phones) as world:
        victim = world.nodes[0]
        world.receiver.on("/vss", Reply(status=500))
        (ended,) = await world.place(text="Bye.")
        await world.receiver.wait_for(lambda: bool(world.receiver.received), 30)
        (ringing,) = await world.place(prefix=RINGS)
        talking, *_ = await world.place(3, LONG)
        bridged = world.number()
        await world.post(victim, bridge(bridged, world.number()))
        await world.talking(7)
        victim.database.hold_after(b"COMMIT")
        (claimed,) = await world.place()
        await runs(world, claimed)
        (accepted,) = await world.place(at=0)
        await victim.kill()
        world.receiver.on("/vss", Reply())
        await world.join()
        began = time.monotonic()
        ends = await world.settled()
        took = time.monotonic() - began
    told = {n: ends.status[world.posted.acknowledged[n]] for n in world.posted.acknowledged}
    assert told[ended] == told[accepted] == "COMPLETED"
    assert {told[n] for n in (ringing, talking, bridged, claimed)} == {"ERROR"}
    assert claimed not in ends.dialled
    print(f"kill -9: ended and reported {took:.1f} s after the other node was ready")


async def test_a_node_that_is_stopped_for_a_minute(tmp_path: Path) -> None:
    async with Cluster(tmp_path) as world:
        await world.place(6, LONG)
        await world.talking(6)
        frozen = world.nodes[0]
        with stopped(frozen.pid):
            later = await world.place(10, at=1)
            await asyncio.sleep(SILENCE)
        after = await world.place(10)
        ends = await world.settled(90)
    told = {n: ends.status[world.posted.acknowledged[n]] for n in world.posted.acknowledged}
    assert {told[n] for n in later + after} == {"COMPLETED"}
    assert set(told.values()) <= {"COMPLETED", "ERROR"}


async def test_postgresql_is_stopped_and_goes_on(tmp_path: Path) -> None:
    """Every server process is stopped, with what was sent to it still in its sockets."""
    async with Cluster(tmp_path) as world:
        await world.place(6, LONG)
        await world.talking(6)
        with stopped(world.postgres.pid):
            burst = asyncio.create_task(world.place(40))
            await asyncio.sleep(SILENCE)
        await burst
        after = await world.place(10)
        ends = await world.settled(120)
    assert ends.counts().keys() == {"COMPLETED"}
    assert set(after) <= world.posted.acknowledged.keys()


async def test_postgresql_crashes_and_is_away(tmp_path: Path) -> None:
    async with Cluster(tmp_path) as world:
        await world.place(6, LONG)
        await world.talking(6)
        burst = asyncio.create_task(world.place(40))
        await asyncio.to_thread(world.postgres.stop, signal.SIGQUIT)
        await asyncio.sleep(SILENCE)
        await asyncio.to_thread(world.postgres.start)
        await burst
        after = await world.place(10)
        ends = await world.settled(120)
    assert ends.counts().keys() == {"COMPLETED"}
    assert set(after) <= world.posted.acknowledged.keys()


@pytest.mark.parametrize("key", [None, "key-of-the-request"])
async def test_an_accept_is_cut_off_in_its_commit(tmp_path: Path, key: str | None) -> None:
    """The database has it, the node does not know, and reaches it only after the usual patience."""
    async with Cluster(tmp_path, nodes=2) as world:
        node = world.nodes[0]
        body = voice_message(world.number(), "Hello.")
        mark = body["clientRequestId"].encode() if key is None else b"COMMIT"
        node.database.lose_answer_to(mark)
        posting = asyncio.create_task(world.post(node, body, key))
        await node.database.wait_for(lambda: node.database.lost_answers == 1)
        node.database.cut()
        await asyncio.sleep(8)
        node.database.heal()
        await posting
        again = await world.post(world.nodes[1], body, key) if key is not None else None
        ends = await world.settled()
    number = body["clientRequestId"]
    assert number not in world.posted.refused
    assert len(ends.status) == 1
    assert again in (None, 200)


async def test_a_node_is_cut_off_from_the_database(tmp_path: Path) -> None:
    async with Cluster(tmp_path) as world:
        await world.place(6, LONG)
        await world.talking(6)
        cut = world.nodes[0]
        cut.database.lose()
        burst = asyncio.create_task(world.place(10))
        await asyncio.sleep(SILENCE)
        cut.database.heal()
        await burst
        after = await world.place(10)
        ends = await world.settled(120)
    told = {n: ends.status[world.posted.acknowledged[n]] for n in world.posted.acknowledged}
    assert {told[n] for n in after} == {"COMPLETED"}
    assert set(told.values()) <= {"COMPLETED", "ERROR"}


@pytest.mark.parametrize("step", [-3600, 3600])
async def test_the_clock_of_a_node_is_stepped_by_an_hour(tmp_path: Path, step: int) -> None:
    """While calls are up, calls wait for their turn, and later when it is started with that clock."""
    async with Cluster(tmp_path, sub_account={"cps": 4.0}) as world:
        await world.place(4, LONG)
        await world.talking(4)
        waiting = asyncio.create_task(world.place(30))
        world.nodes[0].step_clock(step)
        await waiting
        await world.nodes[0].server.stop()
        await world.nodes[0].server.start()
        await world.place(10)
        ends = await world.settled()
        (row,) = await world.rows("SELECT max(created_at) - min(created_at) AS took FROM sessions")
    assert set(ends.counts()) == {"COMPLETED"}
    assert row["took"] < 600 * 1_000_000
    for one in world.receiver.at("/vss"):
        assert 0 <= one.payload["details"]["callA"]["callDuration"] < 600, one.payload
