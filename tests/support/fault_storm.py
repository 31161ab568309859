"""Faults of a cluster at random, one after the other, from a seed, while callflows are posted.

Each fault is healed, and then the time is taken until a new callflow, posted to the node that was hit, is
acknowledged and its call has ended: the time to recover.
"""

from __future__ import annotations

import asyncio
import random
import signal
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum

import msgspec
from tests.support.cluster import SHORT, Cluster, ClusterNode, Ends, stopped
from tests.support.server import ServerError, voice_message

_PROBE_SECONDS = 120.0
_STARTS = 4


class FaultKind(StrEnum):
    """What happens to the cluster."""

    NODE_KILLED = "kill -9 of a node"
    VOICE_KILLED = "kill -9 of a voice process"
    API_KILLED = "kill -9 of an API process"
    NODE_RESTARTED = "a node is stopped in order and started"
    NODE_STOPPED = "SIGSTOP of a node, 5 s"
    NODE_SILENT = "SIGSTOP of a node, 20 s"
    CLOCK_STEPPED = "a node's clock is stepped by an hour"
    DATABASE_CUT = "connections of a node to PostgreSQL are cut, 4 s"
    DATABASE_LOST = "what a node sends to PostgreSQL is lost, 6 s"
    ANSWER_LOST = "the answer to a commit is lost"
    POSTGRES_RESTARTED = "PostgreSQL crashes and starts"
    POSTGRES_STOPPED = "SIGSTOP of PostgreSQL, 4 s"
    NATS_KILLED = "NATS is killed and started"
    NATS_STOPPED = "SIGSTOP of NATS, 4 s"
    NATS_CUT = "a node is cut off from NATS, 4 s"


DEADLY = frozenset({FaultKind.NODE_KILLED, FaultKind.VOICE_KILLED, FaultKind.NODE_SILENT})
"""The faults after which calls of the node that was hit may end ERROR."""


class Deadly(msgspec.Struct, frozen=True):
    """One fault after which calls of a node may end ERROR, in this process's monotonic seconds."""

    sip_port: int
    """Of the node that was hit."""
    began: float
    healed: float


class Storm(msgspec.Struct):
    """What a run has found."""

    seed: int
    recovered: dict[FaultKind, list[float]] = msgspec.field(
        default_factory=lambda: defaultdict(list)
    )
    """Seconds to recover, after each fault of a kind."""
    deadly: list[Deadly] = []
    ends: Ends | None = None

    def table(self) -> str:
        """How often each fault came, and how long the recovery took."""
        lines = [f"seed {self.seed}; seconds until a new call through the same node had ended:"]
        for kind, took in sorted(self.recovered.items()):
            times = f"median {statistics.median(took):4.1f}, worst {max(took):4.1f}"
            lines.append(f"{len(took):4} x {kind:<55} {times}")
        if self.ends is not None:
            lines.append(f"sessions: {dict(self.ends.counts())}")
        return "\n".join(lines)


async def storm(world: Cluster, seed: int, sessions: int, rate: float) -> Storm:
    """Post ``sessions`` callflows, ``rate`` a second, with faults meanwhile; then check the equality."""
    found = Storm(seed=seed)
    chance = random.Random(seed)
    posting = asyncio.create_task(world.place_steadily(sessions, rate))
    while not posting.done():
        kind, node = chance.choice(list(FaultKind)), chance.choice(world.nodes)
        print(
            f"{time.monotonic() - world.began:6.1f} s: {kind} ({node.server.sip_port})", flush=True
        )
        began = time.monotonic()
        await _FAULTS[kind](world, node, chance)
        if kind in DEADLY:
            found.deadly.append(Deadly(node.server.sip_port, began, time.monotonic()))
        found.recovered[kind].append(await _recovery(world, node))
        await asyncio.sleep(chance.uniform(0.2, 2.0))
    await posting
    found.ends = await world.settled(180)
    print(found.table(), flush=True)
    await _check_errors(world, found.ends, found.deadly)
    return found


async def _check_errors(world: Cluster, ends: Ends, deadly: list[Deadly]) -> None:
    """Each session that did not complete was alive when its own node had a deadly fault."""
    told = {one.payload["sessionId"]: one.at for one in reversed(world.receiver.at("/vss"))}
    for session_id, end in ends.status.items():
        if end == "COMPLETED":
            continue
        name = await world.node_of(session_id)
        posted = world.posted.began.get(session_id, world.began)
        assert any(
            f":{one.sip_port}/" in name and posted < one.healed and told[session_id] > one.began
            for one in deadly
        ), f"session {session_id} ended {end} on {name}, which had no deadly fault meanwhile"


async def _recovery(world: Cluster, node: ClusterNode) -> float:
    """Seconds until a callflow is acknowledged by a node and its session has ended and was told."""
    began = time.monotonic()
    async with asyncio.timeout(_PROBE_SECONDS):
        while True:
            number = world.number()
            if await world.post(node, voice_message(number, SHORT)) == 200:
                break
            await asyncio.sleep(0.1)
        session = world.posted.acknowledged[number]
        await world.receiver.wait_for(lambda: session in world.receiver.summaries(), _PROBE_SECONDS)
    return time.monotonic() - began


async def _start(node: ClusterNode) -> None:
    """Start it again, as a service manager does: also when it was too slow to become ready the first time."""
    for _ in range(_STARTS - 1):
        try:
            await node.server.start()
        except ServerError:
            continue
        return
    await node.server.start()


async def _kill_node(world: Cluster, node: ClusterNode, chance: random.Random) -> None:
    await node.kill()
    await asyncio.sleep(chance.uniform(0, 3))
    await _start(node)


async def _kill_voice(world: Cluster, node: ClusterNode, chance: random.Random) -> None:
    await _kill_role(node, "voice")


async def _kill_api(world: Cluster, node: ClusterNode, chance: random.Random) -> None:
    await _kill_role(node, "api")


async def _kill_role(node: ClusterNode, role: str) -> None:
    await node.server.restarted(role, node.server.kill(role), timeout=_PROBE_SECONDS)


async def _restart(world: Cluster, node: ClusterNode, chance: random.Random) -> None:
    await node.server.stop(60)
    await _start(node)


def _stop_node(seconds: float) -> Callable[[Cluster, ClusterNode, random.Random], Awaitable[None]]:
    async def stop(world: Cluster, node: ClusterNode, chance: random.Random) -> None:
        with stopped(node.pid):
            await asyncio.sleep(seconds)

    return stop


async def _step_clock(world: Cluster, node: ClusterNode, chance: random.Random) -> None:
    node.step_clock(chance.choice((-3600, 3600, 0)))


async def _cut_database(world: Cluster, node: ClusterNode, chance: random.Random) -> None:
    node.database.cut()
    await asyncio.sleep(4)
    node.database.heal()


async def _lose_database(world: Cluster, node: ClusterNode, chance: random.Random) -> None:
    node.database.lose()
    await asyncio.sleep(6)
    node.database.heal()


async def _lose_answer(world: Cluster, node: ClusterNode, chance: random.Random) -> None:
    lost = node.database.lost_answers
    node.database.lose_answer_to(chance.choice((b"COMMIT", b"QUEUED", b"RUNNING", b"COMPLETED")))
    await node.database.wait_for(lambda: node.database.lost_answers > lost, 30)


async def _restart_postgres(world: Cluster, node: ClusterNode, chance: random.Random) -> None:
    await asyncio.to_thread(world.postgres.stop, chance.choice((signal.SIGINT, signal.SIGQUIT)))
    await asyncio.sleep(chance.uniform(0, 3))
    await asyncio.to_thread(world.postgres.start)


async def _stop_postgres(world: Cluster, node: ClusterNode, chance: random.Random) -> None:
    with stopped(world.postgres.pid):
        await asyncio.sleep(4)


async def _kill_nats(world: Cluster, node: ClusterNode, chance: random.Random) -> None:
    await world.bus.stop(signal.SIGKILL)
    await asyncio.sleep(chance.uniform(0, 3))
    await world.bus.start()


async def _stop_nats(world: Cluster, node: ClusterNode, chance: random.Random) -> None:
    with stopped(world.bus.pid):
        await asyncio.sleep(4)


async def _cut_nats(world: Cluster, node: ClusterNode, chance: random.Random) -> None:
    node.bus.cut()
    await asyncio.sleep(4)
    node.bus.heal()


_FAULTS: Mapping[FaultKind, Callable[[Cluster, ClusterNode, random.Random], Awaitable[None]]] = {
    FaultKind.NODE_KILLED: _kill_node,
    FaultKind.VOICE_KILLED: _kill_voice,
    FaultKind.API_KILLED: _kill_api,
    FaultKind.NODE_RESTARTED: _restart,
    FaultKind.NODE_STOPPED: _stop_node(5),
    FaultKind.NODE_SILENT: _stop_node(20),
    FaultKind.CLOCK_STEPPED: _step_clock,
    FaultKind.DATABASE_CUT: _cut_database,
    FaultKind.DATABASE_LOST: _lose_database,
    FaultKind.ANSWER_LOST: _lose_answer,
    FaultKind.POSTGRES_RESTARTED: _restart_postgres,
    FaultKind.POSTGRES_STOPPED: _stop_postgres,
    FaultKind.NATS_KILLED: _kill_nats,
    FaultKind.NATS_STOPPED: _stop_nats,
    FaultKind.NATS_CUT: _cut_nats,
}
