"""What an attack on the API costs everybody else: the p99 of another address's requests.

Run with ``python -m tests.bench.bench_http_attack [--connections N] [--streams N] [--seconds S]``. The whole
API process (uvicorn on uvloop, the edge, SQLite) is asked for a session list from 127.0.0.9, one
request after another: at rest; while 127.0.0.1 holds ``N`` half-open connections (sent half a request
line, opened again a second after one is closed); and while one customer tries to hold ``N`` event streams.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import uvloop
from tests.support.http_world import KEY, MESSAGE, RecordWorld, running_record_world

HALF = b"GET /api/v1/subaccounts/acme_corp/sess"
ATTACKER, OTHER = "127.0.0.1", "127.0.0.9"


async def p99_of_another(world: RecordWorld, seconds: float) -> str:
    """Median and p99 in milliseconds of requests from an address that does nothing wrong."""
    connector = aiohttp.TCPConnector(local_addr=(OTHER, 0), force_close=True)
    took, failed = [], 0
    async with aiohttp.ClientSession(
        connector=connector, headers={"authorization": f"Bearer {KEY}"}
    ) as client:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            began = time.monotonic()
            try:
                async with client.get(world.url("sessions?limit=1")) as response:
                    await response.read()
                    failed += response.status != 200
            except aiohttp.ClientError:
                failed += 1
            took.append((time.monotonic() - began) * 1000)
    cuts = statistics.quantiles(took, n=100)
    return f"{len(took)} requests, {failed} failed, median {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms"


async def half_open(port: int) -> None:
    """Hold one half-open connection, again and again."""
    while True:
        try:
            reader, writer = await asyncio.open_connection(ATTACKER, port, local_addr=(ATTACKER, 0))
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.write(HALF)
        with contextlib.suppress(OSError):
            await reader.read()
        writer.close()
        await asyncio.sleep(1)


@asynccontextmanager
async def attackers(world: RecordWorld, count: int) -> AsyncIterator[None]:
    """``count`` half-open connections from one address."""
    tasks = [asyncio.ensure_future(half_open(world.port)) for _ in range(count)]
    await asyncio.sleep(2)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def streams(world: RecordWorld, count: int) -> AsyncIterator[None]:
    """One customer asks for ``count`` event streams of a session that waits."""
    async with AsyncExitStack() as stack:
        connector = aiohttp.TCPConnector(limit=0)
        client = await stack.enter_async_context(
            aiohttp.ClientSession(connector=connector, headers={"authorization": f"Bearer {KEY}"})
        )
        async with client.post(world.url("callflows"), json=MESSAGE) as response:
            session_id = (await response.json())["sessionId"]
        url = world.url(f"sessions/{session_id}/events")
        answers = [await stack.enter_async_context(client.get(url)) for _ in range(count)]
        opened = sum(each.status == 200 for each in answers)
        print(f"  ({opened} of {count} streams were opened)")
        yield


async def measured(connections: int, stream_count: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with running_record_world(Path(folder)) as world:
            print(f"at rest: {await p99_of_another(world, seconds)}")
            async with attackers(world, connections):
                print(f"{connections} half-open: {await p99_of_another(world, seconds)}")
            async with streams(world, stream_count):
                print(f"{stream_count} streams: {await p99_of_another(world, seconds)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=4200)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=10)
    arguments = parser.parse_args()
    uvloop.run(measured(arguments.connections, arguments.streams, arguments.seconds))


if __name__ == "__main__":
    main()
