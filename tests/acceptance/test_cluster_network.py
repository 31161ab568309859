"""Rows of the fault table with a real network between: PostgreSQL and NATS in a network namespace.

Packets vanish and nobody says so: no connection is reset, none is refused. What a node has sent waits in its
kernel, which repeats it ever more seldom; only the node's own patience ends that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from tests.support import cluster, far_machine, sipp
from tests.support.cluster import LONG, Cluster, ClusterNode
from tests.support.far_machine import FarMachine, HowCut
from tests.support.server import voice_message

pytestmark = [
    pytest.mark.skipif(
        not (sipp.available and cluster.available and far_machine.available),
        reason="sipp, postgresql, nats or iproute2 is missing, or this is not root",
    ),
    pytest.mark.timeout(240),
    pytest.mark.full,
    pytest.mark.asyncio(loop_scope="module"),
]
SILENCE = 60.0
"""Seconds for which the test waits at most until others have judged a node: it is dead after eleven."""


OVER = """
SELECT 1 WHERE NOT EXISTS
  (SELECT 1 FROM sessions WHERE session_id = ANY($1) AND status IN ('QUEUED', 'RUNNING'))
"""
CUT = 1
"""The cable of the node that is cut off, the first one."""
Machines = tuple[FarMachine, FarMachine]


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    """PostgreSQL's and NATS's, each with cables to us and to two nodes."""
    with FarMachine(cables=3) as database, FarMachine(cables=3) as bus:
        yield database, bus


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    machines: Machines, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Cluster]:
    async with Cluster(tmp_path_factory.mktemp("network"), far=machines) as one:
        yield one


async def takes_calls_again(world: Cluster, node: ClusterNode) -> str:
    """Post callflows to a node until it accepts one; the number of that one."""
    async with asyncio.timeout(30):
        while True:
            number = world.number()
            if await world.post(node, voice_message(number, "Hello.")) == 200:
                return number
            await asyncio.sleep(0.2)


async def is_at(world: Cluster, node: ClusterNode, number: str) -> bool:
    """Whether this node runs, or has run, the call to a number."""
    name = await world.node_of(world.posted.acknowledged[number])
    return f":{node.server.sip_port}/" in name


async def live_at(world: Cluster, node: ClusterNode, count: int) -> list[str]:
    """Calls that people talk on and that this node runs, and those of the other node on the way."""
    live: list[str] = []
    there = 0
    while there < count:
        (number,) = await world.place(1, LONG, at=world.nodes.index(node))
        live.append(number)
        await world.talking([number])
        there += await is_at(world, node, number)
        assert len(live) < 10 * count, "the node takes no calls"
    return live


@pytest.mark.parametrize("how", list(HowCut))
async def test_packets_between_a_node_and_the_database_vanish(
    world: Cluster, machines: Machines, how: HowCut
) -> None:
    """Others end its sessions, its callers talk on, and it comes back as soon as packets do."""
    cut, other = world.nodes
    live = await live_at(world, cut, 2)
    with machines[0].cut(CUT, how):
        burst = asyncio.create_task(world.place(6))
        of_the_node = [number for number in live if await is_at(world, cut, number)]
        ids = [world.posted.acknowledged[number] for number in of_the_node]
        await world.wait_for_rows(OVER, ids, timeout=SILENCE)
        later = await world.place(4, at=world.nodes.index(other))
    again = await takes_calls_again(world, cut)
    taken = [number for number in await burst if number in world.posted.acknowledged]
    after = await world.place(6)
    await world.hang_up(live)
    ends = await world.settled(120)
    assert world.told(ends, [again, *later, *after]) == {"COMPLETED": 11}
    assert world.told(ends, [*live, *taken]).keys() <= {"COMPLETED", "ERROR"}


@pytest.mark.parametrize("how", list(HowCut))
async def test_packets_between_a_node_and_nats_vanish(
    world: Cluster, machines: Machines, how: HowCut
) -> None:
    """Calls go on, new ones begin, the node notices, and commands find their session afterwards."""
    live = await live_at(world, world.nodes[0], 2)
    known = len(world.nodes[0].server.log())
    with machines[1].cut(CUT, how):
        meanwhile = await world.place(10)
        sessions = {world.posted.acknowledged[number] for number in meanwhile}
        await world.receiver.wait_for(lambda: world.receiver.summaries().keys() >= sessions, 60)
        async with asyncio.timeout(SILENCE):
            while "NATS is away" not in world.nodes[0].server.log()[known:]:
                await asyncio.sleep(0.1)
    await world.hang_up(live)
    ends = await world.settled(120)
    assert world.told(ends, live + meanwhile) == {"COMPLETED": len(live) + 10}
