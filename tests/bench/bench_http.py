"""Accepted, durably stored callflows a second by one API process, with latencies.

Run with ``python tests/bench/bench_http.py [--seconds N] [--only sqlite|postgres] [--profile]``. The
whole API process: uvicorn on uvloop, the edge, the judge, the store; ``wrk`` (Debian package ``wrk``)
submits over 1, 16 and 64 connections. CPU is that of the API process, all threads, per request;
PostgreSQL's own is beside it. What to reach: 1,500 accepted a second on either database, p99 under
50 ms at half of that (DESIGN.md).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import json
import multiprocessing
import pstats
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import uvloop
from tests.support.http_world import KEY, MESSAGE, FakeProfiles, cancel, webhook_url_problem
from tests.support.postgres import postgres_server

from offhook import config
from offhook.fabric.memory import MemoryFabric
from offhook.http.app import create_app
from offhook.http.deps import Deps, HttpLimits, Phase
from offhook.http.edge.http_server import serve
from offhook.store import open_store, upgrade
from offhook.store.directory import Directory

CONNECTIONS = (1, 16, 64)
SAY = {"action": "say", "params": {"text": "Press a key.", "voiceProfile": "en-US-JennyNeural"}}
CAPTURE = {
    "action": "sayAndCapture",
    "params": {
        "promptMessage": "Press 1 to confirm, 2 to change.",
        "voiceProfile": "en-US-JennyNeural",
        "minDigits": 1,
        "maxDigits": 1,
        "digitTimeout": 5000,
        "overallTimeout": 10000,
        "noOfTries": 2,
    },
}
IVR = {"callflow": [MESSAGE["callflow"][0], *[SAY, CAPTURE] * 4, {"action": "hangup"}]}
WRONG = {"callflow": [{**SAY, "params": {"text": 7}}, SAY]}
BODIES: dict[str, Any] = {
    "voice message": MESSAGE,
    "10-action IVR": IVR,
    "rejected, 4 problems": WRONG,
}

TARGET = 1500
"""Accepted a second (DESIGN.md)."""
_SCRIPT = """
wrk.method = "POST"
wrk.headers["Authorization"] = "Bearer {key}"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [==[{body}]==]
{pace}
function done(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), summary.errors.status))
end
"""


# --- the API process


def api_process(url: str, pipe: Connection, profile: bool) -> None:
    """Serve until told to stop; the port goes through ``pipe``, and later the CPU seconds used."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    profiler = cProfile.Profile()
    if profile:
        profiler.enable()
    uvloop.run(_api(url, pipe))
    if profile:
        profiler.disable()
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(35)


async def _api(url: str, pipe: Connection) -> None:
    async with _deps(url) as deps:
        server = await serve(create_app(deps), deps, "127.0.0.1", 0)
        pipe.send(server.port)
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()

        def answer() -> None:
            if pipe.recv() == "stop":
                stop.set()
            else:
                used = resource.getrusage(resource.RUSAGE_SELF)
                pipe.send(used.ru_utime + used.ru_stime)

        loop.add_reader(pipe.fileno(), answer)
        await stop.wait()
        loop.remove_reader(pipe.fileno())
        await server.stop(1)


@contextlib.asynccontextmanager
async def _deps(url: str) -> AsyncIterator[Deps]:
    settings = config.Config(
        subaccounts=(
            config.SubAccountSection(
                id="acme_corp",
                account="acme",
                api_keys=(KEY,),
                caller_ids=("+6512341234",),
                webhooks=(config.SubAccountWebhook(type="VCA", url="https://acme.example/vca"),),
            ),
        )
    )
    store = open_store(url)
    await store.open()
    directory = Directory(settings, store)
    await directory.refresh()
    fabric = MemoryFabric()
    await fabric.start()
    yield Deps(
        store=store,
        directory=directory,
        fabric=fabric,
        profiles=FakeProfiles(),
        cancel=cancel,
        webhook_url_problem=webhook_url_problem,
        config=settings,
        limits=HttpLimits(sub_account_rate=1e9, address_rate=1e9),
        phase=Phase(ready=True),
    )
    await fabric.close()
    await store.close()


@contextlib.contextmanager
def running_api(url: str, *, profile: bool) -> Iterator[tuple[int, Connection]]:
    """The process on a free port."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process: BaseProcess = context.Process(target=api_process, args=(url, theirs, profile))
    process.start()
    try:
        yield ours.recv(), ours
    finally:
        ours.send("stop")
        process.join(30)


# --- the load


def measure(
    port: int,
    pipe: Connection,
    folder: Path,
    body: str,
    connections: int,
    seconds: float,
    rate: float | None = None,
) -> str:
    """One line of figures; with ``rate`` the connections together submit no more a second."""
    longest = 2000 * connections / rate if rate else 0
    pause = f"function delay() return math.random(0, {longest:.0f}) end" if rate else ""
    script = folder / "submit.lua"
    script.write_text(_SCRIPT.format(key=KEY, body=json.dumps(BODIES[body]), pace=pause))
    before = cpu(pipe)
    finished = subprocess.run(
        [
            "wrk",
            *("-t", "1"),
            *("-c", str(connections)),
            *("-d", f"{seconds:.0f}s"),
            *("-s", str(script)),
            f"http://127.0.0.1:{port}/api/v1/subaccounts/acme_corp/callflows",
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    used = cpu(pipe) - before
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)", finished.stdout)
    assert found is not None, finished.stdout
    requests, microseconds, p50, p99, refused = map(int, found.groups())
    expected = requests if body.startswith("rejected") else 0
    assert refused == expected, f"{refused} of {requests} were refused"
    load = f"{connections:3} connections{', paced' if rate else ''}"
    return (
        f"{body:22} {load:22} {requests / microseconds * 1e6:5.0f}/s"
        f"  p50 {p50 / 1000:6.2f} ms  p99 {p99 / 1000:6.2f} ms"
        f"  {used / requests * 1e6:5.0f} µs CPU"
    )


def cpu(pipe: Connection) -> float:
    """CPU seconds the API process has used."""
    pipe.send("cpu")
    seconds: float = pipe.recv()
    return seconds


def run_all(url: str, folder: Path, seconds: float, *, profile: bool) -> None:
    """All bodies over all numbers of connections."""
    with running_api(url, profile=profile) as (port, pipe):
        measure(port, pipe, folder, "voice message", 16, 1)
        for body in BODIES:
            for connections in CONNECTIONS:
                print(measure(port, pipe, folder, body, connections, seconds), flush=True)
            print(measure(port, pipe, folder, body, 32, seconds, TARGET / 2), flush=True)


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--only", choices=("sqlite", "postgres"))
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        print("wrk is needed: apt-get install wrk")
        return 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.only != "postgres":
            print("== SQLite")
            url = f"sqlite:///{folder}/offhook.db"
            run_all(url, folder, options.seconds, profile=options.profile)
        if options.only != "sqlite":
            print("== PostgreSQL")
            with postgres_server(durable=True) as server:
                upgrade(server.url())
                run_all(server.url(), folder, options.seconds, profile=options.profile)
    return 0


if __name__ == "__main__":
    sys.exit(main())
