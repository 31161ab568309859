"""Whole voice-message calls through the real server: rate, latency, CPU time and memory.

Run with ``python -m tests.bench.bench_calls [--rates 20,50,100] [--seconds N] [--live N] [--database URL]``.
SIPp is the carrier; a few calls a second go to a probe that stamps their first packet in the kernel.
Everything runs on this machine, the load generator included. What to reach: DESIGN.md, "Figures".
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.support.probe import Probe
from tests.support.receiver import Receiver
from tests.support.server import Server, configuration, voice_message
from tests.support.sipp import Sipp

TEXT = "Your code is four, two, seven, one."
LONG_TEXT = "Please hold the line, somebody will be with you in a moment. " * 6
LOADED, PROBED = "+1202", "+1303"
PROBES_PER_SECOND = 4
TICK = os.sysconf("SC_CLK_TCK")


class Threads(NamedTuple):
    """CPU seconds of one process: its event loop (the main thread), and all other threads."""

    loop: float
    others: float

    def since(self, before: Threads) -> Threads:
        """What was used between two readings."""
        return Threads(self.loop - before.loop, self.others - before.others)


class Result(NamedTuple):
    """One run at one rate."""

    rate: float
    calls: int
    completed: int
    seconds: float
    """From the first POST to the last summary, without one call's own length."""
    answer_to_packet: list[float]
    accept_to_invite: list[float]
    api: Threads
    voice: Threads
    sipp: float


def cpu(pid: int) -> Threads:
    """The CPU time of a process so far."""
    loop = others = 0.0
    for task in Path(f"/proc/{pid}/task").iterdir():
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        used = (int(fields[11]) + int(fields[12])) / TICK
        if task.name == str(pid):
            loop += used
        else:
            others += used
    return Threads(loop, others)


def resident(pids: Sequence[int]) -> int:
    """KiB of memory that processes hold."""
    total = 0
    for pid in pids:
        status = Path(f"/proc/{pid}/status").read_text()
        total += int(status.partition("VmRSS:")[2].split()[0])
    return total


def deaf_port() -> tuple[socket.socket, int]:
    """A bound port that nobody reads: the kernel drops what comes, the generator pays nothing."""
    ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ear.bind(("127.0.0.1", 0))
    return ear, ear.getsockname()[1]


async def at_rate(
    rate: float,
    seconds: float,
    database: str | None,
    settings: Mapping[str, object] | None = None,
) -> Result:
    """Place voice messages for a while; ``settings``: further sections of the configuration."""
    ear, rtp_port = deaf_port()
    load = int(rate * seconds)
    probes = int(PROBES_PER_SECOND * seconds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with (
            Receiver() as receiver,
            Probe() as probe,
            Sipp("answer", folder, keys={"rtp_port": rtp_port}, timeout=600) as carrier,
            Server(
                folder / "server",
                world(carrier, probe, receiver, database) | dict(settings or {}),
            ) as server,
        ):
            await warmed_up(server, receiver)
            already = len(receiver.summaries())
            pids = {role: server.processes(role)[0] for role in ("api", "voice")}
            before = {role: cpu(pid) for role, pid in pids.items()}
            sipp_before = sum(cpu(carrier.pid))
            posted: dict[str, float] = {}

            async def probing() -> None:
                bodies = [voice_message(f"{PROBED}{n:07}", TEXT) for n in range(probes)]
                for body in bodies:
                    posted[await server.place(body)] = time.time()
                    await asyncio.sleep(1 / PROBES_PER_SECOND)

            began = time.monotonic()
            bodies = [voice_message(f"{LOADED}{n:07}", TEXT) for n in range(load)]
            await asyncio.gather(server.place_at(rate, bodies), probing())
            everything = already + load + probes
            await receiver.wait_for(lambda: len(receiver.summaries()) >= everything, timeout=300)
            took = time.monotonic() - began
            used = {role: cpu(pid).since(before[role]) for role, pid in pids.items()}
            sipp_used = sum(cpu(carrier.pid)) - sipp_before
            told = [one.payload for one in receiver.at("/vss")][already:]
    ear.close()
    length = statistics.median(one["details"]["callA"]["callDuration"] for one in told)
    return Result(
        rate=rate,
        calls=load + probes,
        completed=sum(one["sessionStatus"] == "COMPLETED" for one in told),
        seconds=took - length,
        answer_to_packet=[
            call.first_packet_at - call.answered_at
            for call in probe.calls.values()
            if call.first_packet_at
        ],
        accept_to_invite=sorted_differences(posted, probe),
        api=used["api"],
        voice=used["voice"],
        sipp=sipp_used,
    )


def sorted_differences(posted: dict[str, float], probe: Probe) -> list[float]:
    """Seconds from each accepted probe call to its INVITE; both in order."""
    invited = sorted(call.invited_at for call in probe.calls.values())
    return [after - before for before, after in zip(sorted(posted.values()), invited, strict=False)]


async def warmed_up(server: Server, receiver: Receiver) -> None:
    """Speak the prompt once, so that the run measures calls and not the first synthesis."""
    for _ in range(3):
        await server.place(voice_message(f"{LOADED}9999999", TEXT))
    await receiver.wait_for(lambda: len(receiver.summaries()) == 3, timeout=60)


def world(
    carrier: Sipp, probe: Probe, receiver: Receiver, database: str | None
) -> dict[str, object]:
    """The load over SIPp, the probed calls over the probe."""
    trunks = {LOADED: carrier.address, PROBED: f"udp:127.0.0.1:{probe.port}"}
    config = configuration(trunks, webhooks={"VSS": receiver.url("/vss")})
    config["sip"]["rtp_ports"] = "10000-29999"
    if database is not None:
        config["database"]["url"] = database
    return config


async def memory(live: int, database: str | None) -> tuple[int, int, float]:
    """KiB idle (API and voice process), KiB with ``live`` calls, and how many were live."""
    ear, rtp_port = deaf_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with (
            Receiver() as receiver,
            Probe() as probe,
            Sipp("answer", folder, keys={"rtp_port": rtp_port}, timeout=600) as carrier,
            Server(folder / "server", world(carrier, probe, receiver, database)) as server,
        ):
            pids = [*server.processes("api"), *server.processes("voice")]
            idle = resident(pids)
            await server.place_at(1, [voice_message(f"{LOADED}9999999", LONG_TEXT)])
            await asyncio.sleep(3)
            prepared = resident(pids)
            bodies = [voice_message(f"{LOADED}{n:07}", LONG_TEXT) for n in range(live)]
            await server.place_at(40, bodies)
            await asyncio.sleep(2)
            loaded = resident(pids)
    ear.close()
    return idle, prepared, (loaded - prepared) / live


def milliseconds(values: Sequence[float]) -> str:
    """Median and 99th percentile."""
    if len(values) < 2:
        return "-"
    ordered = sorted(values)
    high = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"{statistics.median(ordered) * 1000:.1f} / {high * 1000:.1f}"


def show(results: Sequence[Result]) -> None:
    """Print the table."""
    heads: tuple[str, ...] = (
        "offered/s",
        "calls",
        "completed",
        "done/s",
        "answer to packet ms (median / p99)",
    )
    heads += ("accepted to INVITE ms", "CPU ms a call", "api loop", "api other", "voice loop")
    heads += ("voice other", "SIPp")
    print("| " + " | ".join(heads) + " |")
    print("|" + " --- |" * len(heads))
    for one in results:
        parts = (*one.api, *one.voice)
        per_call = [part / one.calls * 1000 for part in (sum(parts), *parts, one.sipp)]
        cells = [f"{one.rate:g}", str(one.calls), str(one.completed)]
        cells += [f"{one.calls / one.seconds:.1f}", milliseconds(one.answer_to_packet)]
        cells += [milliseconds(one.accept_to_invite), *(f"{part:.2f}" for part in per_call)]
        print("| " + " | ".join(cells) + " |")


def main() -> int:
    """Measure and print; 1 when a call was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", default="20,50,100")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--live", type=int, default=200, help="live calls to weigh; 0: skip")
    parser.add_argument("--database", help="absent: SQLite in a temporary folder")
    options = parser.parse_args()
    results = []
    for rate in options.rates.split(","):
        results.append(asyncio.run(at_rate(float(rate), options.seconds, options.database)))
        show(results[-1:])
    print()
    show(results)
    if options.live:
        idle, _, each = asyncio.run(memory(options.live, options.database))
        print(f"\nmemory: {idle / 1024:.0f} MiB idle, {each:.0f} KiB for each live call")
    return int(any(one.completed != one.calls for one in results))


if __name__ == "__main__":
    sys.exit(main())
