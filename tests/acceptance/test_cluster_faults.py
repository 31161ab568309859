"""The fault table (docs/faults.md): several nodes, real PostgreSQL, NATS and SIPp; one fault each."""

from __future__ import annotations

import asyncio
import contextlib
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


def fill(path: Path) -> None:
    """Write into the file until its disk is full."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


async def test_kill_9_of_a_node_with_calls_at_every_stage(tmp_path: Path) -> None:
    """Accepted, claimed, ringing, talking, bridged, ended but not reported: all on one node that dies."""
    phones = {"": "answer", RINGS: "ring"}
    async with Cluster(tmp_path, nodes=1, phones=phones) as world:
        victim = world.nodes[0]
        world.receiver.on("/vss", Reply(status=500))
        (ended,) = await world.place(text="Bye.")
        await world.receiver.wait_for(lambda: bool(world.receiver.received), 30)
        (ringing,) = await world.place(prefix=RINGS)
        (talking,) = await world.place(1, LONG)
        bridged = world.number()
        await world.post(victim, bridge(bridged, world.number()))
        await world.talking([talking])
        await world.talking([bridged], legs=2)
        number = world.number()
        victim.database.hold_commit_of(number.encode(), b"RUNNING")
        claimed = asyncio.create_task(world.post(victim, voice_message(number, "Hello.")))
        await victim.database.wait_for(lambda: victim.database.held == 1)
        assert await claimed == 200
        (accepted,) = await world.place(at=0)
        await victim.kill()
        world.receiver.on("/vss", Reply())
        await world.join()
        began = time.monotonic()
        ends = await world.settled()
        took = time.monotonic() - began
    told = {n: ends.status[world.posted.acknowledged[n]] for n in world.posted.acknowledged}
    assert told[ended] == told[accepted] == "COMPLETED"
    assert {told[n] for n in (ringing, talking, bridged, number)} == {"ERROR"}
    assert number not in ends.dialled
    print(f"kill -9: ended and reported {took:.1f} s after the other node was ready")


async def test_a_node_that_is_stopped_for_a_minute(tmp_path: Path) -> None:
    async with Cluster(tmp_path) as world:
        await world.talking(await world.place(6, LONG))
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
        await world.talking(await world.place(6, LONG))
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
        await world.talking(await world.place(6, LONG))
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
        await world.talking(await world.place(6, LONG))
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
        await world.talking(await world.place(4, LONG))
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


async def test_two_nodes_are_started_with_one_name(tmp_path: Path) -> None:
    """Both serve, under names of their own, and neither ends the calls of the other."""
    async with Cluster(tmp_path, name="twin") as world:
        await world.talking(await world.place(8, LONG))
        await world.place(20)
        restarted = world.nodes[0]
        await restarted.server.stop(90)
        await restarted.server.start()
        await world.place(20)
        ends = await world.settled(120)
        names = {row["name"] for row in await world.rows("SELECT name FROM nodes")}
    assert ends.counts() == {"COMPLETED": 48}
    assert names == {"twin/0", "twin/0~2", "twin/0/api", "twin/0/api~2"}


async def test_postgresql_fails_over_to_a_standby(tmp_path: Path) -> None:
    """The standby is synchronous: what was acknowledged is there."""
    async with Cluster(tmp_path) as world:
        standby = await world.add_standby()
        await world.talking(await world.place(6, LONG))
        burst = asyncio.create_task(world.place(60))
        await world.wait_for(lambda: len(world.posted.acknowledged) >= 10, 30)
        await asyncio.to_thread(world.postgres.stop, signal.SIGQUIT)
        await asyncio.to_thread(standby.promote)
        world.moved_to(standby)
        await burst
        after = await world.place(10)
        ends = await world.settled(120)
    assert ends.counts().keys() == {"COMPLETED"}
    assert set(after) <= world.posted.acknowledged.keys()


@pytest.mark.parametrize("how", ["stopped", "killed", "cut off"])
async def test_nats_is_away(tmp_path: Path, how: str) -> None:
    """Calls go on, new ones begin up to a second later, and commands find their session afterwards."""
    async with Cluster(tmp_path) as world:
        await world.talking(await world.place(6, LONG))
        if how == "killed":
            await world.bus.stop(signal.SIGKILL)
        if how == "cut off":
            world.nodes[0].bus.lose()
        with stopped(world.bus.pid) if how == "stopped" else contextlib.nullcontext():
            meanwhile = await world.place(20)
            await world.receiver.wait_for(lambda: len(world.receiver.summaries()) >= 20, 60)
        if how == "killed":
            await world.bus.start()
        world.nodes[0].bus.heal()
        await world.hang_up_all()
        ends = await world.settled()
    assert ends.counts() == {"COMPLETED": 26}
    assert set(meanwhile) <= world.posted.acknowledged.keys()


async def test_the_disk_of_the_prompt_cache_is_full(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    async with Cluster(tmp_path, nodes=1, prompts=disk) as world:
        await world.talking(await world.place(1, LONG))
        fill(world.nodes[0].server.on_disk("everything"))
        for number in range(6):
            await world.place(1, f"Prompt {number} is not on the disk yet. " * 8)
        ends = await world.settled()
        log = world.nodes[0].server.log()
    assert ends.counts() == {"COMPLETED": 7}
    assert "Traceback" not in log
