"""Many calls in a row: does anything stop the process, or grow?

Run with ``python -m tests.bench.bench_soak [--calls N] [--rate R] [--real-time]``. SIPp is the carrier.
Measured are the event loop's own lag and the garbage collector's pauses inside the voice process
(``lag_probe``), the gaps between packets of some of the calls as they arrive here (kernel timestamps),
memory and descriptors before and after. Everything runs on this machine, the load generator included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import struct
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import Any, Self

from tests.bench.bench_calls import deaf_port, resident
from tests.bench.lag_probe.sitecustomize import BUCKETS
from tests.support.receiver import Receiver
from tests.support.server import Server, configuration, voice_message
from tests.support.sipp import Sipp

TEXT = "Your code is four, two, seven, one."
LONG_TEXT = "Please hold the line, somebody will be with you in a moment. " * 4
LOADED, PROBED = "+1202", "+1303"
PROBE_EVERY = 5.0
"""Seconds between two calls whose packets are watched; each lasts about 15 s."""
WARM_UP = 300
"""Calls before the first reading of memory: caches and pools are full then."""
GAPS = (25, 30, 40, 60, 100)
"""Milliseconds between two packets of 20 ms that are counted as gaps."""


class GapWatch(threading.Thread):
    """Reads RTP in a thread and notes when each packet arrived, by the kernel's clock."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self.packets = 0
        self.gaps: Counter[int] = Counter()
        self.longest = 0.0
        self._last: dict[bytes, float] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def run(self) -> None:
        while True:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(2048, 128)
            except OSError:
                return
            if len(data) > 12 and ancillary and data[0] >> 6 == 2:
                seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
                self._arrived(data[8:12], seconds + nanoseconds / 1e9)

    def _arrived(self, ssrc: bytes, at: float) -> None:
        self.packets += 1
        last = self._last.get(ssrc)
        self._last[ssrc] = at
        if last is None:
            return
        gap = (at - last) * 1000
        self.longest = max(self.longest, gap)
        for bound in GAPS:
            self.gaps[bound] += gap > bound


def descriptors(pid: int) -> int:
    """Open file descriptors of a process."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def go_first(pid: int) -> None:
    """Let a process run before all others: what else the machine does is not measured then."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setscheduler(int(thread), os.SCHED_RR, os.sched_param(50))


async def soak(calls: int, rate: float, *, real_time: bool) -> dict[str, Any]:
    """Place the calls; what was measured."""
    ear, rtp_port = deaf_port()
    with tempfile.TemporaryDirectory() as name, GapWatch() as watch:
        folder = Path(name)
        os.environ["LAG_PROBE"] = name
        os.environ["PYTHONPATH"] = str(Path(__file__).parent / "lag_probe")
        async with (
            Receiver() as receiver,
            Sipp("answer", folder, keys={"rtp_port": rtp_port}, timeout=36_000) as load,
            Sipp("answer", folder, keys={"rtp_port": watch.port}, timeout=36_000) as watched,
        ):
            trunks = {LOADED: load.address, PROBED: watched.address}
            config = configuration(trunks, webhooks={"VSS": receiver.url("/vss")})
            config["sip"]["rtp_ports"] = "10000-29999"
            async with Server(folder / "server", config) as server:
                (voice,) = server.processes("voice")
                if real_time:
                    go_first(voice)
                await run(server, receiver, WARM_UP, rate)
                await asyncio.sleep(5)
                before = resident([voice]), descriptors(voice)
                took = await run(server, receiver, calls, rate, probe=True)
                await asyncio.sleep(5)
                after = resident([voice]), descriptors(voice)
                statuses = Counter(one.payload["sessionStatus"] for one in receiver.received)
        lag = json.loads((folder / f"voice-{voice}.json").read_text())
    ear.close()
    return {
        "calls": calls,
        "rate": calls / took,
        "statuses": dict(statuses),
        "lag": lag,
        "packets": watch.packets,
        "gaps": dict(watch.gaps),
        "longest gap": watch.longest,
        "resident": (before[0], after[0]),
        "descriptors": (before[1], after[1]),
    }


async def run(
    server: Server, receiver: Receiver, calls: int, rate: float, *, probe: bool = False
) -> float:
    """Place ``calls``, with some long ones that are watched; seconds from the first to the last."""
    loop = asyncio.get_running_loop()
    already, began = len(receiver.received), loop.time()
    probes = int(calls / rate / PROBE_EVERY) if probe else 0

    async def place_probes() -> None:
        for number in range(probes):
            await server.place(voice_message(f"{PROBED}{number:07}", LONG_TEXT))
            await asyncio.sleep(PROBE_EVERY)

    bodies = [voice_message(f"{LOADED}{number:07}", TEXT) for number in range(calls)]
    await asyncio.gather(server.place_at(rate, bodies), place_probes())
    took = loop.time() - began
    everything = already + calls + probes
    await receiver.wait_for(lambda: len(receiver.received) >= everything, timeout=300)
    return took


def report(figures: dict[str, Any]) -> None:
    """Print what was measured."""
    lag = figures["lag"]
    total = sum(lag["lags"])
    print(f"{figures['calls']} calls at {figures['rate']:.1f} a second: {figures['statuses']}")
    print(f"loop's lag: longest {lag['longest']:.1f} ms of {total} readings;", end=" ")
    over = {bound: sum(lag["lags"][place + 1 :]) for place, bound in enumerate(BUCKETS)}
    print(", ".join(f"over {bound} ms: {count}" for bound, count in over.items()))
    for lateness, thread, process in lag["worst"]:
        print(
            f"  late by {lateness:.1f} ms: the loop's thread used {thread:.1f} ms of CPU in that time,"
            f" the process {process:.1f} ms"
        )
    for generation, (count, longest, cpu) in lag["pauses"].items():
        print(
            f"collections of generation {generation}: {count}, the longest {longest:.1f} ms"
            f" ({cpu:.1f} ms of CPU)"
        )
    print(
        f"packets watched: {figures['packets']}, longest gap {figures['longest gap']:.1f} ms,",
        end=" ",
    )
    print(", ".join(f"over {bound} ms: {figures['gaps'].get(bound, 0)}" for bound in GAPS))
    before, after = figures["resident"]
    grown = (after - before) * 1024 / figures["calls"]
    print(
        f"memory of the voice process: {before} KiB, then {after} KiB ({grown:.0f} octets a call)"
    )
    print(f"descriptors: {figures['descriptors'][0]}, then {figures['descriptors'][1]}")


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=30.0, help="calls a second")
    parser.add_argument(
        "--real-time", action="store_true", help="the voice process runs before others; needs root"
    )
    options = parser.parse_args()
    report(asyncio.run(soak(options.calls, options.rate, real_time=options.real_time)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
