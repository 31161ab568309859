"""The fault table (docs/faults.md), the rows that need nodes of their own: deaths, clocks, names, disks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Any

import pytest
from tests.support import cluster, sipp
from tests.support.cluster import LONG, Cluster
from tests.support.receiver import Reply
from tests.support.server import SOURCE, voice_message

pytestmark = [
    pytest.mark.skipif(
        not (sipp.available and cluster.available), reason="sipp, postgresql or nats is missing"
    ),
    pytest.mark.timeout(240),
    pytest.mark.full,
]

RINGS = "+1999"


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
        (over,) = await world.place(text="Bye.")
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
    assert told[over] == told[accepted] == "COMPLETED"
    assert {told[n] for n in (ringing, talking, bridged, number)} == {"ERROR"}
    assert number not in ends.dialled
    print(f"kill -9: ended and reported {took:.1f} s after the other node was ready")


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


async def test_the_disk_of_the_prompt_cache_is_full(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    async with Cluster(tmp_path, nodes=1, prompts=disk) as world:
        await world.talking(await world.place(1, LONG))
        fill(world.nodes[0].server.on_disk("everything"))
        for number in range(6):
            await world.place(1, f"Prompt {number} is not on the disk yet. " * 3)
        ends = await world.settled()
        log = world.nodes[0].server.log()
    assert ends.counts() == {"COMPLETED": 7}
    assert "Traceback" not in log
