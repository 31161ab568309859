"""Ten minutes of whole calls at the highest rate: is any lost, does anything grow?

Run with ``python -m tests.bench.bench_endurance [--rate R] [--minutes M] [--workers N] [--ways out,in]``.
Out: voice messages by the API to SIPp; in: SIPp calls, the VCA webhook says what is spoken. Memory,
descriptors and threads of every process of the server are read every few seconds. It fails when a call is
lost, when the memory of a process grows with the calls, or when descriptors or threads do not come back to
what they were before. Everything runs on this machine, the load generator included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.bench_calls import cpu, deaf_port, resident
from tests.support.receiver import Receiver, Reply
from tests.support.server import Server, configuration, voice_message
from tests.support.sipp import Sipp

TEXT = "Your code is four, two, seven, one."
LOADED, OURS = "+1202", "+6568332048"
EVERY = 5.0
"""Seconds between two readings."""
WARM_UP_CALLS = 300
"""Before the first reading: caches and pools of threads and connections are full then."""
FULL = 5_000
"""Calls of each worker before readings of memory count: SIP keeps ended calls for 32 s, and the SIP messages
of past calls fill 16 MiB (:mod:`offhook.telephony.sip_trace`)."""
SETTLE = 40.0
"""Seconds after the last call until descriptors and threads are compared."""
MOST_GROWTH = 300.0
"""Octets for each call that a process may grow by; what is kept of a call by mistake takes thousands."""
ROLES = ("api", "voice", "front")


class Reading(NamedTuple):
    """One look at a process."""

    calls: int
    """Reported so far."""
    memory: int
    """KiB."""
    descriptors: int
    threads: int


class Watch:
    """Reads the server's processes."""

    def __init__(self, server: Server, receiver: Receiver) -> None:
        self._receiver = receiver
        self.pids = {
            f"{role} {number}": pid
            for role in ROLES
            for number, pid in enumerate(server.processes(role))
        }
        self.readings: dict[str, list[Reading]] = {name: [] for name in self.pids}

    def read(self, name: str) -> Reading:
        """The process as it is now."""
        pid = self.pids[name]
        return Reading(
            calls=len(self._receiver.at("/vss")),
            memory=resident([pid]),
            descriptors=len(os.listdir(f"/proc/{pid}/fd")),
            threads=len(os.listdir(f"/proc/{pid}/task")),
        )

    def all(self) -> dict[str, Reading]:
        """Every process as it is now."""
        return {name: self.read(name) for name in self.pids}

    async def run(self) -> None:
        """Read until cancelled."""
        workers = sum(name.startswith("voice") for name in self.pids)
        await self._receiver.wait_for(
            lambda: len(self._receiver.at("/vss")) >= FULL * workers, timeout=7200
        )
        while True:
            for name, reading in self.all().items():
                self.readings[name].append(reading)
            await asyncio.sleep(EVERY)

    def growth(self, name: str) -> float:
        """Octets a call: the slope of the line through the readings."""
        readings = self.readings[name]
        if len(readings) < 3:
            return math.nan
        line = statistics.linear_regression(
            [one.calls for one in readings], [one.memory * 1024 for one in readings]
        )
        return line.slope


async def endure(way: str, rate: float, seconds: float, workers: int) -> bool:
    """One direction; prints what was found; whether all was well."""
    ear, rtp_port = deaf_port()
    calls = int(rate * seconds)
    everything = calls + WARM_UP_CALLS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with (
            Receiver() as receiver,
            Sipp("answer", folder, keys={"rtp_port": rtp_port}, timeout=36_000) as carrier,
        ):
            config = world(way, carrier, receiver)
            async with Server(folder / "server", config, workers=workers) as server:
                place = place_out if way == "out" else place_in
                await place(server, rate, WARM_UP_CALLS, folder)
                await receiver.wait_for(lambda: len(receiver.summaries()) == WARM_UP_CALLS, 120)
                await asyncio.sleep(SETTLE)
                watch = Watch(server, receiver)
                before, used = watch.all(), {n: cpu(pid) for n, pid in watch.pids.items()}
                watching = asyncio.create_task(watch.run())
                began = time.monotonic()
                await place(server, rate, calls, folder)
                await receiver.wait_for(lambda: len(receiver.summaries()) >= everything, 300)
                took = time.monotonic() - began
                watching.cancel()
                spent = sum(sum(cpu(pid).since(used[n])) for n, pid in watch.pids.items())
                await asyncio.sleep(SETTLE)
                after = watch.all()
            statuses = Counter(one.payload["sessionStatus"] for one in receiver.at("/vss"))
            repeated = sum(count > 1 for count in receiver.summaries().values())
    ear.close()
    print(
        f"\n{way}: {calls} calls at {calls / took:.1f} a second, {1000 * spent / calls:.2f} ms of CPU each"
    )
    print(f"statuses: {dict(statuses)}; summaries that came twice: {repeated}")
    well = statuses == {"COMPLETED": everything}
    for name in watch.pids:
        well &= judged(name, before[name], after[name], watch.growth(name))
    return well


def world(way: str, carrier: Sipp, receiver: Receiver) -> dict[str, Any]:
    """The configuration: out without questions, in with what the VCA webhook says."""
    receiver.on("/vca", spoken)
    hooks = ("VSS",) if way == "out" else ("VSS", "VCA")
    config = configuration(
        {LOADED: carrier.address},
        webhooks={hook: receiver.url(f"/{hook.lower()}") for hook in hooks},
        sub_account={"numbers": [{"msisdn": OURS}]},
    )
    config["sip"]["rtp_ports"] = "10000-29999"
    return config


def judged(name: str, before: Reading, after: Reading, growth: float) -> bool:
    """Print a process's figures; whether it is as it was."""
    well = (
        not growth > MOST_GROWTH
        and after.descriptors <= before.descriptors
        and after.threads <= before.threads
    )
    slope = "too few calls to tell" if math.isnan(growth) else f"{growth:+.0f} octets a call"
    print(
        f"{name}: {before.memory} KiB, then {after.memory}; {slope};"
        f" descriptors {before.descriptors}, then {after.descriptors};"
        f" threads {before.threads}, then {after.threads}{'' if well else '  <-- grows'}"
    )
    return well


async def place_out(server: Server, rate: float, calls: int, _folder: Path) -> None:
    """Voice messages by the API."""
    await server.place_at(rate, [voice_message(f"{LOADED}{n:07}", TEXT) for n in range(calls)])


async def place_in(server: Server, rate: float, calls: int, folder: Path) -> None:
    """Calls to our number; all must succeed as SIPp sees it."""
    async with Sipp(
        "hear",
        folder,
        keys={"caller_number": "+14155550123"},
        calls=calls,
        target=f"127.0.0.1:{server.sip_port}",
        service=OURS,
        rate=rate,
        timeout=36_000,
    ) as phones:
        await phones.finished()


def spoken(_request: Any, _body: bytes) -> Reply:
    """The answer to each question: speak, then hang up."""
    say = {"action": "say", "params": {"text": TEXT, "language": "en-US"}}
    return Reply(body=json.dumps({"callflow": [say, {"action": "hangup"}]}).encode())


def main() -> int:
    """Measure; 1 when a call was lost or something grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=60.0, help="calls a second")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--ways", default="out,in")
    options = parser.parse_args()
    outcomes = [
        asyncio.run(endure(way, options.rate, options.minutes * 60, options.workers))
        for way in options.ways.split(",")
    ]
    return int(not all(outcomes))


if __name__ == "__main__":
    sys.exit(main())
