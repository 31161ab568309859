"""SIP signalling alone: calls per CPU-second as callee and as caller, overload, and memory per call.

Run with ``python tests/bench/bench_sip.py [--seconds N] [--rates 200,400,800] [--profile]``. SIPp's own
``uac`` and ``uas`` scenarios are the peer (INVITE, 180, 200, ACK, 100 ms, BYE, 200); our endpoint runs in
a process of its own whose CPU time is what counts, sockets and loop included. What to reach: 1,000
calls per CPU-second, no collapse past the limit (DESIGN.md, "Figures").
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import pstats
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

if __package__ is None or __package__ == "":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.net import free_port

from offhook.negotiated import Codec
from offhook.sip import (
    Address,
    Answered,
    AnyEvent,
    Canceled,
    Ended,
    IncomingInvite,
    Rejected,
    UserAgent,
)
from offhook.sip.sdp import make_offer
from offhook.sip.transport import Transport
from offhook.telephony.endpoint import udp_endpoint

SDP = make_offer(host="127.0.0.1", port=4000, codecs=(Codec.PCMU,))
HOLD = 0.1
"""Seconds a call stays up."""


def cpu() -> float:
    """CPU seconds of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def rss() -> int:
    """Resident octets of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


# --- the engine alone


def engine(calls: int, batch: int = 100) -> None:
    """Two engines in one process, no sockets: what parsing, machines and building cost."""
    alice, bob = Address("udp", "127.0.0.1", 5061), Address("udp", "127.0.0.1", 5062)
    one, two = UserAgent(transports=[Transport(alice)]), UserAgent(transports=[Transport(bob)])
    spent = {alice: 0.0, bob: 0.0}

    def pass_on(sender: UserAgent, source: Address, receiver: UserAgent, target: Address) -> None:
        """What one has to say, taken in by the other, whose application answers calls."""
        datagrams = sender.take_output()
        began = time.process_time()
        for data, _ in datagrams:
            receiver.receive(data, source, now)
        for event in receiver.take_events():
            if isinstance(event, IncomingInvite):
                receiver.ring(event.handle, now)
                receiver.accept(event.handle, now, SDP)
        receiver.handle_timers(now)
        receiver.next_deadline()
        spent[target] += time.process_time() - began

    for round_ in range(calls // batch):
        now = round_ * batch / 500
        began = time.process_time()
        handles = [
            one.invite(
                now,
                target=bob,
                request_uri="sip:bob@127.0.0.1:5062",
                from_uri="sip:alice@127.0.0.1",
                to_uri="sip:bob@127.0.0.1",
                sdp=SDP,
            )
            for _ in range(batch)
        ]
        spent[alice] += time.process_time() - began
        pass_on(one, alice, two, bob)
        pass_on(two, bob, one, alice)
        pass_on(one, alice, two, bob)
        began = time.process_time()
        for handle in handles:
            one.bye(handle, now)
        spent[alice] += time.process_time() - began
        pass_on(one, alice, two, bob)
        pass_on(two, bob, one, alice)
    for name, address in (("caller", alice), ("callee", bob)):
        micro = spent[address] / calls * 1e6
        print(f"engine alone, {name}: {micro:.0f} µs a call ({1e6 / micro:.0f} per CPU-second)")


# --- our process


async def callee(port: int, limit: int | None) -> dict[str, float]:
    """Answer everything until SIGTERM."""
    endpoint = udp_endpoint("127.0.0.1", port, max_dialogs=limit)
    await endpoint.start()
    counts = {"calls": 0, "ended": 0}

    def on_event(event: AnyEvent) -> None:
        if isinstance(event, Ended | Canceled):
            counts["ended"] += 1

    def on_incoming(event: IncomingInvite) -> None:
        counts["calls"] += 1
        endpoint.listen(event.handle, on_event)
        with endpoint.command() as (agent, now):
            agent.ring(event.handle, now)
            agent.accept(event.handle, now, SDP)

    endpoint.on_incoming(on_incoming)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    began = cpu()
    empty = rss()
    await stop.wait()
    result = {
        **counts,
        "cpu": cpu() - began,
        "live": endpoint.agent.dialogs,
        "transactions": endpoint.agent.transactions,
        "memory": rss() - empty,
    }
    await endpoint.close()
    return result


async def caller(port: int, rate: float, calls: int) -> dict[str, float]:
    """Place calls at a steady rate; hang each up after :data:`HOLD`."""
    endpoint = udp_endpoint("127.0.0.1", 0)
    await endpoint.start()
    loop = asyncio.get_running_loop()
    counts = {"calls": 0, "answered": 0, "ended": 0}
    done = asyncio.Event()

    def hang_up(handle: str) -> None:
        with endpoint.command() as (agent, now):
            agent.bye(handle, now)

    def on_event(event: AnyEvent) -> None:
        if isinstance(event, Answered):
            counts["answered"] += 1
            loop.call_later(HOLD, hang_up, event.handle)
        elif isinstance(event, Ended | Rejected):
            counts["ended"] += 1
            if counts["ended"] == calls:
                done.set()

    def place() -> None:
        with endpoint.command() as (agent, now):
            handle = agent.invite(
                now,
                target=Address("udp", "127.0.0.1", port),
                request_uri=f"sip:bob@127.0.0.1:{port}",
                from_uri="sip:alice@127.0.0.1",
                to_uri="sip:bob@127.0.0.1",
                sdp=SDP,
            )
        endpoint.listen(handle, on_event)
        counts["calls"] += 1

    began, start = cpu(), time.monotonic()
    while counts["calls"] < calls:
        while counts["calls"] < min(calls, (time.monotonic() - start) * rate):
            place()
        await asyncio.sleep(0.005)
    async with asyncio.timeout(40):
        await done.wait()
    result = {**counts, "cpu": cpu() - began}
    await endpoint.close()
    return result


def child(arguments: argparse.Namespace) -> None:
    """Run one side and print its figures as JSON."""
    if arguments.child == "callee":
        job = callee(arguments.port, arguments.limit)
    else:
        job = caller(arguments.port, arguments.rate, arguments.calls)
    profile = cProfile.Profile()
    if arguments.profile:
        profile.enable()
    result = uvloop.run(job)
    if arguments.profile:
        profile.disable()
        pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(35)
    print(json.dumps(result), flush=True)


# --- the runs


def spawn(role: str, port: int, profile: bool, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "--child", role, "--port", str(port), *options]
    if profile:
        command.append("--profile")
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def sipp(folder: str, *options: str) -> list[str]:
    command = ["sipp", "-i", "127.0.0.1", "-nostdin", "-trace_stat", "-stf", f"{folder}/stat.csv"]
    return [*command, "-fd", "1", "-timeout", "120s", *options]


def sipp_counts(folder: str) -> dict[str, int]:
    """SIPp's last statistics."""
    names, *rows = Path(folder, "stat.csv").read_text().splitlines()
    last = dict(zip(names.split(";"), rows[-1].split(";"), strict=False))
    wanted = {
        "ok": "SuccessfulCall(C)",
        "failed": "FailedCall(C)",
        "repeated": "Retransmissions(C)",
    }
    return {key: int(last[column]) for key, column in wanted.items()}


def as_callee(rate: int, seconds: float, profile: bool, limit: int | None = None) -> None:
    """SIPp calls us."""
    port = free_port()
    options = [] if limit is None else ["--limit", str(limit)]
    process = spawn("callee", port, profile, *options)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    with tempfile.TemporaryDirectory() as folder:
        calls = int(rate * seconds)
        limits = ["-l", str(rate * 4), "-m", str(calls)]
        hold = HOLD if limit is None else 1.0
        command = sipp(folder, "-sn", "uac", "-d", str(int(hold * 1000)), "-r", str(rate), *limits)
        subprocess.run(
            [*command, f"127.0.0.1:{port}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # it tells of every 503
            check=False,
            cwd=folder,
        )
        counts = sipp_counts(folder)
    process.send_signal(signal.SIGTERM)
    ours = json.loads(process.communicate()[0].splitlines()[-1])
    if limit is None:
        print(
            f"callee at {rate}/s: {ours['calls'] / ours['cpu']:.0f} calls per CPU-second, "
            f"{counts['failed']} of {calls} failed, {counts['repeated']} repetitions, "
            f"{ours['memory'] / max(1, ours['transactions']) / 1024:.2f} KiB a lingering transaction"
        )
    else:
        print(
            f"overload, limit {limit} calls, {rate}/s of 1 s offered: {ours['calls']} accepted, "
            f"{counts['ok']} of them completed, {counts['failed']} refused, "
            f"{ours['cpu'] / calls * 1e6:.0f} µs of CPU a call offered"
        )


def as_caller(rate: int, seconds: float, profile: bool) -> None:
    """We call SIPp."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        answerer = subprocess.Popen(
            sipp(folder, "-sn", "uas", "-p", str(port)), stdout=subprocess.DEVNULL, cwd=folder
        )
        time.sleep(0.5)
        calls = int(rate * seconds)
        process = spawn("caller", port, profile, "--rate", str(rate), "--calls", str(calls))
        ours = json.loads(process.communicate()[0].splitlines()[-1])
        answerer.terminate()
        answerer.wait()
    print(
        f"caller at {rate}/s: {ours['calls'] / ours['cpu']:.0f} calls per CPU-second, "
        f"{ours['calls'] - ours['answered']} of {calls} not answered"
    )


def memory(calls: int) -> None:
    """Live calls held at once, as callee and as caller, engines only."""
    local, peer = Address("udp", "127.0.0.1", 5061), Address("udp", "127.0.0.1", 5062)
    one, two = UserAgent(transports=[Transport(local)]), UserAgent(transports=[Transport(peer)])
    before = rss()
    for number in range(calls):
        now = number / 1000
        one.invite(
            now,
            target=peer,
            request_uri="sip:b@127.0.0.1:5062",
            from_uri="sip:a@127.0.0.1",
            to_uri="sip:b@127.0.0.1",
            sdp=SDP,
        )
        for _ in range(3):
            for data, _target in one.take_output():
                two.receive(data, local, now)
            for event in two.take_events():
                if isinstance(event, IncomingInvite):
                    two.accept(event.handle, now, SDP)
            for data, _target in two.take_output():
                one.receive(data, peer, now)
            one.take_events()
    fresh = (rss() - before) / calls / 1024
    for agent in (one, two):
        agent.handle_timers(calls / 1000 + 100)
    print(
        f"memory of {calls} live calls: {fresh:.1f} KiB for both sides of one just set up; "
        f"{one.dialogs} and {two.dialogs} dialogs, {one.transactions} and {two.transactions} "
        f"transactions after 100 s"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run all parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rates", default="200,400")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--child", choices=["callee", "caller"])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--calls", type=int, default=1000)
    arguments = parser.parse_args(argv)
    if arguments.child:
        child(arguments)
        return 0
    memory(5000)
    engine(5000)
    if shutil.which("sipp") is None:
        print("sipp is not installed: nothing over sockets")
        return 0
    for rate in map(int, arguments.rates.split(",")):
        as_callee(rate, arguments.seconds, arguments.profile)
        as_caller(rate, arguments.seconds, arguments.profile)
    as_callee(300, arguments.seconds, arguments.profile, limit=150)
    return 0


if __name__ == "__main__":
    sys.exit(main())
