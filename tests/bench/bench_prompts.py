"""What long prompts cost: memory per call, and what another call hears while they are made and played.

    python -m tests.bench.bench_prompts [--calls 40] [--seconds 60]

Twice: calls that play an mp3 of almost ten minutes, each under a URL of its own so that each is fetched and
decoded, and calls that say 3,000 Chinese characters, each another text. One more call plays a prompt all the
time; the gaps between its packets are measured by the kernel's receive timestamps. Loopback only.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
from aiohttp import web
from tests.bench.bench_calls import deaf_port
from tests.bench.bench_conversation import LOADED, PHONE, Phone, call_to
from tests.support.server import Server, configuration
from tests.support.sipp import Sipp

MINUTES = 9.9
CHARACTERS = 3000
ALONE = 15.0
"""Seconds the other call is listened to before the load."""


class Memory(NamedTuple):
    """KiB of one process."""

    all: int
    own: int
    """Not backed by a file: what the kernel cannot drop."""

    @classmethod
    def of(cls, pid: int) -> Memory:
        status = Path(f"/proc/{pid}/status").read_text()
        return cls(*(int(status.partition(key)[2].split()[0]) for key in ("VmRSS:", "RssAnon:")))


class Result(NamedTuple):
    """One run."""

    per_call: float
    own_per_call: float
    alone: list[float]
    """Seconds between packets of the other call before the load, longest first."""
    gaps: list[float]
    """The same with the load."""
    ended: int
    """Of the loading calls: how many were not live at the end."""


async def measure(calls: int, seconds: float, action: Callable[[int], dict[str, Any]]) -> Result:
    """Place ``calls`` that play what ``action`` makes, and listen to one more for ``seconds``."""
    ear, rtp_port = deaf_port()
    phone = Phone()
    await phone.start()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with Sipp("answer", folder, keys={"rtp_port": rtp_port}, timeout=600) as carrier:
            trunks = {LOADED: carrier.address, PHONE: f"udp:127.0.0.1:{phone.port}"}
            async with Server(folder / "server", configuration(trunks)) as server:
                (voice,) = server.processes("voice")
                heard = {
                    "text": "This call is listened to. " * 100,
                    "language": "en",
                    "repetition": 3,
                }
                say = {"action": "say", "params": heard}
                await server.place({"callflow": [call_to(f"{PHONE}5550100"), say]})
                await phone.answered.wait()
                await phone.packets.get()
                await asyncio.sleep(ALONE)
                alone = gaps_of(phone)
                before = Memory.of(voice)
                placed = [
                    await server.place(
                        {"callflow": [call_to(f"{LOADED}{number:07}"), action(number)]}
                    )
                    for number in range(calls)
                ]
                await asyncio.sleep(seconds)
                after = Memory.of(voice)
                shown = [await server.session(session) for session in placed]
                for session in shown:
                    if session["sessionStatus"] == "ERROR":
                        print(session.get("errorDetails"), session["timeline"][-1])
                live = sum(session["sessionStatus"] == "RUNNING" for session in shown)
    gaps = gaps_of(phone)
    phone.close()
    ear.close()
    return Result(
        (after.all - before.all) / calls,
        (after.own - before.own) / calls,
        alone,
        gaps,
        calls - live,
    )


def gaps_of(phone: Phone) -> list[float]:
    """Seconds between the packets that have come since the last look, longest first."""
    times = [phone.packets.get_nowait()[0] for _ in range(phone.packets.qsize())]
    return sorted((later - earlier for earlier, later in pairwise(times)), reverse=True)


async def serve_file() -> tuple[web.AppRunner, str]:
    """An mp3 of almost ten minutes, under any path."""
    rate = 8000
    out = io.BytesIO()
    noise = np.random.default_rng(1).standard_normal(round(rate * 60 * MINUTES)) * 0.1
    soundfile.write(out, noise, rate, format="MP3")

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=out.getvalue(), content_type="audio/mpeg")

    app = web.Application()
    app.router.add_get("/{name}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


def long_text(number: int) -> str:
    """3,000 Chinese characters, other ones for each number."""
    luck = np.random.default_rng(number)
    letters = [chr(0x4E00 + int(n)) for n in luck.integers(0, 3000, CHARACTERS)]
    return "".join("\u3002" if place % 15 == 14 else c for place, c in enumerate(letters))


async def run(calls: int, seconds: float) -> None:
    runner, url = await serve_file()

    def play(number: int) -> dict[str, Any]:
        return {"action": "playFile", "params": {"fileUrl": f"{url}/{number}.mp3"}}

    def say(number: int) -> dict[str, Any]:
        params = {"text": long_text(number), "language": "zh-CN"}
        return {"action": "say", "params": params}

    for name, action in ((f"mp3 of {MINUTES:g} minutes", play), ("3,000 Chinese characters", say)):
        result = await measure(calls, seconds, action)
        gaps, alone = (
            ", ".join(f"{gap * 1000:.0f}" for gap in some[:4])
            for some in (result.gaps, result.alone)
        )
        print(
            f"{calls} calls, {name}: {result.per_call:.0f} KiB a call ({result.own_per_call:.0f} of them"
            f" not the kernel's cache); another call's longest gaps {gaps} ms (before: {alone});"
            f" {result.ended} not live"
        )
    await runner.cleanup()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=60)
    asked = parser.parse_args()
    asyncio.run(run(asked.calls, asked.seconds))


if __name__ == "__main__":
    main()
