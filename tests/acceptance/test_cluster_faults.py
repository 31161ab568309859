"""The fault table (docs/faults.md): several nodes, real PostgreSQL, NATS and SIPp; one fault each."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio
from tests.support import cluster, sipp
from tests.support.cluster import LONG, Cluster, Ends, stopped
from tests.support.server import voice_message

pytestmark = [
    pytest.mark.skipif(
        not (sipp.available and cluster.available), reason="sipp, postgresql or nats is missing"
    ),
    pytest.mark.timeout(240),
    pytest.mark.full,
]

shared = pytest.mark.asyncio(loop_scope="module")
SILENCE = float(os.environ.get("OFFHOOK_FAULT_SECONDS", "20"))
"""Seconds for which something is away: longer than a dead node takes to be judged."""


def acknowledged(world: Cluster, numbers: Sequence[str]) -> list[str]:
    """Those whose callflow was accepted."""
    return [number for number in numbers if number in world.posted.acknowledged]


async def ended(world: Cluster, live: Sequence[str] = ()) -> Ends:
    """Hang up the calls that are still up, and check the equality over all faults so far."""
    await world.hang_up(live)
    return await world.settled(120)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """Two nodes that each fault below leaves as it found them: the equality holds over all of them."""
    async with Cluster(tmp_path_factory.mktemp("cluster")) as one:
        yield one


@shared
async def test_a_node_that_is_stopped_and_goes_on(world: Cluster) -> None:
    frozen = world.nodes[0]
    live = await world.place(6, LONG)
    await world.talking(live)
    with stopped(frozen.pid):
        later = await world.place(10, at=1)
        await asyncio.sleep(SILENCE)
    later += await world.place(10)
    ends = await ended(world, live)
    assert world.told(ends, later) == {"COMPLETED": 20}
    assert world.told(ends, live).keys() <= {"COMPLETED", "ERROR"}


@shared
async def test_postgresql_is_stopped_and_goes_on(world: Cluster) -> None:
    """Every server process is stopped, with what was sent to it still in its sockets."""
    live = await world.place(6, LONG)
    await world.talking(live)
    with stopped(world.postgres.pid):
        burst = asyncio.create_task(world.place(40))
        await asyncio.sleep(SILENCE)
    taken = acknowledged(world, await burst)
    after = await world.place(10)
    ends = await ended(world, live)
    assert world.told(ends, [*live, *taken, *after]).keys() == {"COMPLETED"}


@shared
async def test_postgresql_crashes_and_is_away(world: Cluster) -> None:
    live = await world.place(6, LONG)
    await world.talking(live)
    burst = asyncio.create_task(world.place(40))
    await asyncio.to_thread(world.postgres.stop, signal.SIGQUIT)
    await asyncio.sleep(SILENCE)
    await asyncio.to_thread(world.postgres.start)
    taken = acknowledged(world, await burst)
    after = await world.place(10)
    ends = await ended(world, live)
    assert world.told(ends, [*live, *taken, *after]).keys() == {"COMPLETED"}


@shared
@pytest.mark.parametrize("key", [None, "key-of-the-request"])
async def test_an_accept_is_cut_off_in_its_commit(world: Cluster, key: str | None) -> None:
    """The database has it, the node does not know, and reaches it only after the usual patience."""
    node = world.nodes[0]
    number = world.number()
    body = voice_message(number, "Hello.")
    if key is None:
        node.database.lose_answer_to(number.encode())
    else:
        node.database.lose_commit_of(number.encode())
    lost = node.database.lost_answers
    posting = asyncio.create_task(world.post(node, body, key))
    await node.database.wait_for(lambda: node.database.lost_answers > lost)
    node.database.cut()
    await asyncio.sleep(8)
    node.database.heal()
    await posting
    if key is not None:
        assert await world.post(world.nodes[1], body, key) == 200
    ends = await ended(world)
    assert number not in world.posted.refused
    assert world.told(ends, [number]) == {"COMPLETED": 1}


@shared
@pytest.mark.parametrize("seconds", [7.0, SILENCE])
async def test_a_node_is_cut_off_from_the_database(world: Cluster, seconds: float) -> None:
    """For a short time nobody notices; for long, others end its sessions, and its callers talk on."""
    cut = world.nodes[0]
    live = await world.place(6, LONG)
    await world.talking(live)
    cut.database.lose()
    burst = asyncio.create_task(world.place(10))
    await asyncio.sleep(seconds)
    cut.database.heal()
    taken = acknowledged(world, await burst)
    after = await world.place(10)
    ends = await ended(world, live)
    assert world.told(ends, after) == {"COMPLETED": 10}
    allowed = {"COMPLETED"} if seconds < SILENCE else {"COMPLETED", "ERROR"}
    assert world.told(ends, [*live, *taken]).keys() <= allowed


@shared
@pytest.mark.parametrize("how", ["stopped", "killed", "cut off"])
async def test_nats_is_away(world: Cluster, how: str) -> None:
    """Calls go on, new ones begin up to a second later, and commands find their session afterwards."""
    live = await world.place(4, LONG)
    await world.talking(live)
    if how == "killed":
        await world.bus.stop(signal.SIGKILL)
    if how == "cut off":
        world.nodes[0].bus.lose()
    with stopped(world.bus.pid) if how == "stopped" else contextlib.nullcontext():
        meanwhile = await world.place(10)
        sessions = {world.posted.acknowledged[number] for number in meanwhile}
        await world.receiver.wait_for(lambda: world.receiver.summaries().keys() >= sessions, 60)
    if how == "killed":
        await world.bus.start()
    world.nodes[0].bus.heal()
    ends = await ended(world, live)
    assert world.told(ends, live + meanwhile) == {"COMPLETED": 14}


@shared
async def test_postgresql_fails_over_to_a_standby(world: Cluster) -> None:
    """The standby is synchronous: what was acknowledged is there."""
    standby = await world.add_standby()
    live = await world.place(6, LONG)
    await world.talking(live)
    known = len(world.posted.acknowledged)
    burst = asyncio.create_task(world.place(60))
    await world.wait_for(lambda: len(world.posted.acknowledged) >= known + 10, 30)
    await asyncio.to_thread(world.postgres.stop, signal.SIGQUIT)
    await asyncio.to_thread(standby.promote)
    world.moved_to(standby)
    taken = acknowledged(world, await burst)
    after = await world.place(10)
    ends = await ended(world, live)
    assert world.told(ends, [*live, *taken, *after]).keys() == {"COMPLETED"}
