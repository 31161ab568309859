"""One, two and three nodes on one PostgreSQL: calls, accepted callflows and webhooks a second.

Run with ``make bench ARGS=nodes`` or ``python -m tests.bench.bench_nodes [--nodes 1,2,3] [--rates 20,40]``.
Each node is a whole server (API process, voice worker). SIPp is the carrier, the receiver of webhooks is a
process of its own. With two cores or more the nodes have the first core, and PostgreSQL, SIPp, the receiver
and this program have the others, so that the nodes end a row. With ``--share 0.15 --rates 150``
each node has that much of a core of its own instead, as a small machine, and the calls a second of one, two
and three can be compared (root, cgroups v1). Times of accept and INVITE are those of the timeline.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
from tests.bench.bench_calls import TEXT, deaf_port
from tests.bench.bench_webhooks import queued, receive
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.server import Server, configuration, voice_message
from tests.support.sipp import Sipp

from offhook.codes import SessionStatus
from offhook.session.ports.record import NodeRole
from offhook.session.session import Session
from offhook.store import upgrade
from offhook.store.postgres.store import PostgresStore

TICK = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0))
ENDPOINTS = 10
WAITING = 4
"""Sub-accounts of callflows that are accepted and not called, each with one call at once; one alone may ask
1,800 times a second."""
_ACCEPT = """
local body = [==[{body}]==]
local turn, told = 0, false
function request()
  turn = (turn + 1) % {accounts}
  local headers = {{["Authorization"] = "Bearer key-waits-" .. turn, ["Content-Type"] = "application/json"}}
  return wrk.format("POST", "/api/v1/subaccounts/waits-" .. turn .. "/callflows", headers, body)
end
function response(status, headers, answer)
  if status ~= 200 and not told then told = true; io.write(status, " ", answer, "\\n") end
end
function done(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d\\n", summary.requests, latency:percentile(99),
    summary.errors.status))
end
"""


class Calls(NamedTuple):
    """One rate of calls."""

    rate: float
    calls: int
    completed: int
    done_per_second: float
    accept_to_invite: list[float]
    """Seconds."""
    nodes_cpu: float
    database_cpu: float
    carrier_cpu: float
    """Seconds of CPU time."""


class Nodes(NamedTuple):
    """What was running."""

    servers: Sequence[Server]
    database: PostgresServer
    url: str
    carrier: Sipp

    def pids(self) -> list[int]:
        """All processes of the nodes."""
        return [pid for server in self.servers for pid in server.processes()]

    def cpu(self) -> tuple[float, float, float]:
        """Seconds so far: the nodes, PostgreSQL, SIPp."""
        return (
            cpu_of(self.pids()),
            cpu_of(family(self.database.pid)),
            cpu_of([self.carrier.pid]),
        )


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def cpu_of(pids: Iterable[int]) -> float:
    """CPU seconds of processes, of children that have ended too."""
    used = 0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            used += sum(map(int, fields[11:15]))
    return used / TICK


def pin(pids: Iterable[int], cores: Sequence[int]) -> None:
    """Let processes, with all their threads, run on these cores only."""
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(task.name), cores)


def config_of(number: int, carrier: Sipp, port: int, database: str) -> dict[str, Any]:
    """The file of one node."""
    hook = f"http://127.0.0.1:{port}/vss"
    config = configuration({"": carrier.address}, webhooks={"VSS": hook}, database=database)
    first = 10_000 + 6_000 * number
    config["sip"]["rtp_ports"] = f"{first}-{first + 5_999}"
    first_account = config["subaccounts"][0]
    config["subaccounts"] += [
        {**first_account, "id": f"account-{n}", "account": f"a{n}", "api_keys": [f"key-number-{n}"]}
        for n in range(ENDPOINTS)
    ]
    config["subaccounts"] += [
        {
            **first_account,
            "id": f"waits-{n}",
            "account": f"w{n}",
            "api_keys": [f"key-waits-{n}"],
            "webhooks": [],
            "max_calls": 1,
        }
        for n in range(WAITING)
    ]
    return config


@contextlib.contextmanager
def share_of_core(name: str, pids: Iterable[int], share: float) -> Iterator[None]:
    """Give processes, with all their threads, this share of one core together: a small machine."""
    group = Path("/sys/fs/cgroup/cpu") / name
    group.mkdir()
    period = 10_000
    (group / "cpu.cfs_period_us").write_text(str(period))
    (group / "cpu.cfs_quota_us").write_text(str(round(period * share)))
    try:
        for pid in pids:
            (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        for left in (group / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                (group.parent / "cgroup.procs").write_text(left)
        group.rmdir()


@contextlib.contextmanager
def receiver() -> Iterator[tuple[int, int]]:
    """A receiver in a process of its own: port and pid."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=receive, args=(theirs,), daemon=True)
    process.start()
    assert process.pid is not None
    yield ours.recv(), process.pid
    process.terminate()
    process.join()


@contextlib.asynccontextmanager
async def running(
    count: int, deliveries: int, share: float | None
) -> AsyncIterator[tuple[Nodes, float]]:
    """``count`` nodes, warm; with the webhooks a second at which they sent what fell due at one moment.

    ``share``: of one core for each node; None: all nodes together have the first core.
    """
    ear, rtp_port = deaf_port()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = stack.enter_context(postgres_server(durable=True))
        url = database.create_database("nodes")
        await asyncio.to_thread(upgrade, url)
        await fill(url, deliveries)
        port, receiving = stack.enter_context(receiver())
        carrier = Sipp("answer", folder, keys={"rtp_port": rtp_port}, timeout=3600)
        await stack.enter_async_context(carrier)
        servers = [
            Server(folder / str(number), config_of(number, carrier, port, url))
            for number in range(count)
        ]
        for server in servers:
            await stack.enter_async_context(server)
        nodes = Nodes(servers, database, url, carrier)
        if share is not None:
            for number, server in enumerate(servers):
                group = f"offhook-bench-{os.getpid()}-{number}"
                stack.enter_context(share_of_core(group, server.processes(), share))
        elif len(CORES) > 1:
            pin(nodes.pids(), CORES[:1])
            rest = [*family(database.pid), carrier.pid, receiving, os.getpid()]
            pin(rest, CORES[1:])
        rate = await delivered(url, deliveries)
        await warm(nodes)
        yield nodes, rate
    ear.close()


async def fill(url: str, count: int) -> None:
    """Put webhooks into the outbox that fall due when :func:`delivered` says so."""
    store = PostgresStore(url, timeout=60)
    await store.open()
    now = datetime.now(UTC)
    node = await store.register_node("bench", NodeRole.VOICE, now)

    async def one(number: int) -> None:
        session, entry = queued(number % ENDPOINTS, now)
        live = Session(
            session_id=session.session_id,
            sub_account_id=session.sub_account_id,
            call_flow_request_id=session.call_flow_request_id,
            status=SessionStatus.RUNNING,
            callflow=session.callflow,
            created_at=now,
        )
        await store.start(node, live, ())
        await store.save(node, session, (), (entry,))

    for first in range(0, count, 200):
        await asyncio.gather(*(one(number) for number in range(first, min(count, first + 200))))
    await store.retire_node(node)
    await store.close()
    await run(url, "UPDATE outbox SET next_at = 9000000000000000")


async def run(url: str, statement: str) -> None:
    """Run a statement."""
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


async def delivered(url: str, count: int) -> float:
    """Let the webhooks fall due; how many a second are sent, from the first ones seen to the last."""
    await run(url, "UPDATE outbox SET next_at = created_at")
    connection = await asyncpg.connect(url)
    query = "SELECT count(*) FROM outbox WHERE state = 'delivered'"
    while not (first := await connection.fetchval(query)):
        await asyncio.sleep(0.01)
    began = time.monotonic()
    while await connection.fetchval(query) < count:
        await asyncio.sleep(0.02)
    took = time.monotonic() - began
    await connection.close()
    return float((count - first) / took)


async def warm(nodes: Nodes) -> None:
    """A few calls on each node, so that the prompt is there."""
    bodies = [voice_message(f"+1202999{n:04}", TEXT) for n in range(6)]
    for number, body in enumerate(bodies):
        await nodes.servers[number % len(nodes.servers)].place(body)
    await all_ended(nodes)


async def all_ended(nodes: Nodes) -> None:
    """Wait until no call waits or runs."""
    connection = await asyncpg.connect(nodes.url)
    query = (
        "SELECT count(*) FROM sessions WHERE status IN ('QUEUED', 'RUNNING')"
        " AND sub_account_id NOT LIKE 'waits-%'"
    )
    async with asyncio.timeout(300):
        while await connection.fetchval(query):
            await asyncio.sleep(0.1)
    await connection.close()


async def calls_at(nodes: Nodes, rate: float, seconds: float) -> Calls:
    """Place voice messages for a while, in turn with all nodes."""
    count = int(rate * seconds)
    before, began = nodes.cpu(), time.monotonic()
    share = [
        [voice_message(f"+1303{n:07}", TEXT) for n in range(first, count, len(nodes.servers))]
        for first in range(len(nodes.servers))
    ]
    since = datetime.now(UTC).timestamp() * 1e6
    placed = await asyncio.gather(
        *(
            server.place_at(rate / len(nodes.servers), bodies)
            for server, bodies in zip(nodes.servers, share, strict=True)
        )
    )
    await all_ended(nodes)
    took = time.monotonic() - began
    used = [after - first for after, first in zip(nodes.cpu(), before, strict=True)]
    waits, completed, length = await told_by(nodes.url, since)
    assert sum(map(len, placed)) == count
    return Calls(rate, count, completed, count / (took - length), waits, *used)


async def told_by(url: str, since: float) -> tuple[list[float], int, float]:
    """Accept to INVITE of each call since then, how many were completed, and how long one lasts."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(
        "SELECT s.status, array_agg(e.document) AS documents FROM sessions AS s"
        " JOIN events AS e USING (session_id)"
        " WHERE s.created_at >= $1 AND s.sub_account_id = 'acme_corp' GROUP BY s.session_id",
        int(since),
    )
    await connection.close()
    waits, lengths = [], []
    for row in rows:
        at = {}
        for document in map(json.loads, row["documents"]):
            at[document["event"]] = datetime.fromisoformat(document["at"]).timestamp()
        if "CALL_INITIATED" in at:
            waits.append(at["CALL_INITIATED"] - at["SESSION_QUEUED"])
            lengths.append(at["SESSION_ENDED"] - at["CALL_INITIATED"])
    completed = sum(row["status"] == "COMPLETED" for row in rows)
    return waits, completed, statistics.median(lengths)


async def accepted(nodes: Nodes, folder: Path, seconds: float) -> tuple[float, float]:
    """Callflows accepted a second by all nodes together, and the worst node's p99 in ms."""
    script = folder / "accept.lua"
    body = json.dumps(voice_message("+13031234567", TEXT))
    script.write_text(_ACCEPT.format(accounts=WAITING, body=body))
    connections = str(max(8, 48 // len(nodes.servers)))
    command = ["wrk", "-t", "1", "-c", connections, "-d", f"{seconds:.0f}s", "-s", str(script)]
    processes = [
        await asyncio.create_subprocess_exec(*command, server.url, stdout=asyncio.subprocess.PIPE)
        for server in nodes.servers
    ]
    requests, slowest = 0, 0
    for process in processes:
        out, _ = await process.communicate()
        found = re.search(rb"RESULT (\d+) (\d+) (\d+)", out)
        assert found is not None, out
        assert not int(found[3]), f"{int(found[3])} callflows were refused: {out.decode()}"
        requests, slowest = requests + int(found[1]), max(slowest, int(found[2]))
    return requests / seconds, slowest / 1000


async def measure(count: int, options: argparse.Namespace) -> bool:
    """All rows of one number of nodes; whether no call was lost."""
    whole = True
    async with running(count, options.deliveries, options.share) as (nodes, webhooks):
        for rate in map(float, options.rates.split(",")):
            row = await calls_at(nodes, rate, options.seconds)
            print(line(count, row), flush=True)
            whole &= row.completed == row.calls
            if row.done_per_second < 0.9 * rate:
                break
        with tempfile.TemporaryDirectory() as name:
            rate, slowest = await accepted(nodes, Path(name), options.seconds)
    print(f"{count} nodes: {rate:.0f} accepted a second (p99 {slowest:.0f} ms), ", end="")
    print(f"{webhooks:.0f} webhooks delivered a second", flush=True)
    return whole


def line(count: int, row: Calls) -> str:
    """A row of the table."""
    waits = sorted(row.accept_to_invite)
    high = waits[min(len(waits) - 1, int(len(waits) * 0.99))]
    each = [used / row.calls * 1000 for used in row[-3:]]
    cells = [f"{count}", f"{row.rate:g}", f"{row.completed} of {row.calls}"]
    cells += [f"{row.done_per_second:.1f}"]
    cells += [f"{statistics.median(waits) * 1000:.0f} / {high * 1000:.0f}"]
    cells += [f"{ms:.1f}" for ms in each]
    return "| " + " | ".join(cells) + " |"


def main() -> int:
    """Measure and print; 1 when a call was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", default="1,2,3")
    parser.add_argument("--rates", default="20,40,60,80")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--share", type=float, help="of one core for each node, by cgroups v1")
    parser.add_argument("--deliveries", type=int, default=6000)
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        print("wrk is needed: apt-get install wrk")
        return 1
    where = f"on {CORES[:1]}" if options.share is None else f"with {options.share:g} of a core each"
    print(f"{len(CORES)} cores: nodes {where}, everything else on {CORES[1:] or CORES}")
    heads: tuple[str, ...] = (
        "nodes",
        "offered/s",
        "completed",
        "done/s",
        "accept to INVITE ms (median / p99)",
    )
    heads += ("CPU ms a call: nodes", "PostgreSQL", "SIPp")
    print("| " + " | ".join(heads) + " |\n|" + " --- |" * len(heads), flush=True)
    whole = [asyncio.run(measure(int(count), options)) for count in options.nodes.split(",")]
    return int(not all(whole))


if __name__ == "__main__":
    sys.exit(main())
