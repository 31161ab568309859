"""Phones in browsers: what one costs the gateway, and how long it takes to answer.

Run with ``python -m tests.bench.bench_web_phones [--calls N] [--seconds N]``. N browsers (aiortc, in this
process) answer a call each and hear a long prompt; the CPU time and memory of the gateway's process are read
before and after, and the time from the order to answer until the call talks.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from tests.bench.bench_first_words import cpu_of, memory_of
from tests.support.server import API_KEY, Server, configuration, voice_message
from tests.support.web_peer import WebPeer, web_phone


def config_for(calls: int) -> dict[str, Any]:
    config = configuration({"+999": "udp:127.0.0.1:9"})
    config["browser_phone"] = {"enabled": True}
    config["sip_users"] = [
        {"username": f"user{n}", "password": "long-enough", "number": f"+120255501{n:02}"}
        for n in range(calls)
    ]
    return config


async def answered(server: Server, phone: WebPeer, number: str) -> float:
    """Call and answer; seconds from the order to the call."""
    await server.place(voice_message(number, "A long message is read. " * 20, repetition=9))
    await phone.until("ringing")
    began = time.perf_counter()
    await phone.speak("answer")
    await phone.until("talking")
    return time.perf_counter() - began


async def measure(calls: int, seconds: float) -> None:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        server = await stack.enter_async_context(Server(Path(folder), config_for(calls)))
        (pid,) = server.processes("phones")
        empty = memory_of(pid)
        print(f"gateway without calls: {empty:.0f} MiB")
        waits = []
        for n in range(calls):
            phone = await stack.enter_async_context(web_phone(server.url, API_KEY, f"user{n}"))
            waits.append(await answered(server, phone, f"+120255501{n:02}"))
        before, began = cpu_of(pid), time.perf_counter()
        await asyncio.sleep(seconds)
        used, passed = cpu_of(pid) - before, time.perf_counter() - began
        waits.sort()
        print(
            f"order to call: median {1000 * waits[len(waits) // 2]:.0f} ms, most {1000 * waits[-1]:.0f} ms"
        )
        print(
            f"{calls} calls: {100 * used / passed / calls:.2f} % of a core and "
            f"{(memory_of(pid) - empty) / calls:.2f} MiB each"
        )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    asyncio.run(measure(options.calls, options.seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
