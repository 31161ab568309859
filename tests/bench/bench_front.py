"""What one SIP port for several workers costs: CPU of each process for each message that comes in.

Run with ``python -m tests.bench.bench_front [--messages 40000] [--rates 500,4000]``. A phone sends BYEs of
400 octets. Once a single worker reads the socket itself; once the front reads it and passes each on to one
of two workers. The workers only count, so the difference is what the front costs.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import resource
import socket
import tempfile
import time
from multiprocessing.connection import Connection

import uvloop

from offhook.sip.demux import mark_of
from offhook.telephony.sip_front import Front
from offhook.telephony.transports.datagram_port import DatagramPort, OwnPort, SharedPort

WORKERS = 2


def message(number: int, worker: int) -> bytes:
    """A BYE inside a call of ``worker``."""
    return (
        f"BYE sip:offhook@127.0.0.1:5060 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK-{number}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:+14155550123@127.0.0.1>;tag={number}\r\n"
        f"To: <sip:+6568332048@127.0.0.1>;tag={mark_of(worker)}0123456789abcdef\r\n"
        f"Call-ID: {number}@127.0.0.1\r\nCSeq: 2 BYE\r\nUser-Agent: {'x' * 120}\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()


def cpu() -> float:
    """CPU seconds of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def worker(port: DatagramPort, pipe: Connection) -> None:
    """Count what comes until the parent asks."""
    count = 0

    def readable() -> None:
        nonlocal count
        count += len(port.receive())

    port.start(readable)
    if isinstance(port, SharedPort):
        port.open()
    await measured(pipe, lambda: count)


async def front(descriptor: int, path: str, pipe: Connection) -> None:
    """Be the front until the parent asks."""
    Front(socket.socket(fileno=descriptor), path, WORKERS).start()
    await measured(pipe, lambda: 0)


async def measured(pipe: Connection, count: object) -> None:
    """Say ready, then the CPU and the count whenever asked, until told to end."""
    assert callable(count)
    loop = asyncio.get_running_loop()
    asked: asyncio.Queue[str] = asyncio.Queue()
    loop.add_reader(pipe.fileno(), lambda: asked.put_nowait(pipe.recv()))
    pipe.send("ready")
    while await asked.get() != "end":
        pipe.send((cpu(), count()))


def child(what: str, number: int, descriptor: int, path: str, pipe: Connection) -> None:
    """The body of each process."""
    if what == "front":
        uvloop.run(front(descriptor, path, pipe))
    elif what == "shared":
        uvloop.run(worker(SharedPort(descriptor, path, number), pipe))
    else:
        own = OwnPort.__new__(OwnPort)
        own._socket, own._loop = socket.socket(fileno=descriptor), None
        uvloop.run(worker(own, pipe))


def run(kinds: list[tuple[str, int]], rate: int, messages: int) -> None:
    """One configuration at one rate."""
    sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sip.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sip.bind(("127.0.0.1", 0))
    sip.setblocking(False)
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "front.sock")
        pipes = []
        for what, number in kinds:
            ours, theirs = context.Pipe()
            arguments = (what, number, os.dup(sip.fileno()), path, theirs)
            context.Process(target=child, args=arguments, daemon=True).start()
            assert ours.recv() == "ready"
            pipes.append(ours)
        before = [ask(pipe) for pipe in pipes]
        phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        phone.connect(sip.getsockname())
        began = time.monotonic()
        for sent in range(messages):
            while sent > (time.monotonic() - began) * rate:
                time.sleep(0.001)
            phone.send(message(sent, sent % WORKERS))
        time.sleep(0.5)
        after = [ask(pipe) for pipe in pipes]
        for pipe in pipes:
            pipe.send("end")
    got = sum(count for _, count in after)
    spent = {
        what: sum(
            b[0] - a[0] for (w, _), a, b in zip(kinds, before, after, strict=True) if w == what
        )
        for what, _ in kinds
    }
    figures = ", ".join(f"{what} {1e6 * s / messages:.1f}" for what, s in spent.items())
    print(f"{rate}/s: {figures} µs of CPU a message; {got} of {messages} arrived")


def ask(pipe: Connection) -> tuple[float, int]:
    """CPU seconds and messages of a child so far."""
    pipe.send("now")
    seconds, count = pipe.recv()
    return float(seconds), int(count)


def main() -> None:
    """Both configurations at each rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=40_000)
    parser.add_argument("--rates", default="500,4000")
    arguments = parser.parse_args()
    for rate in map(int, arguments.rates.split(",")):
        messages = min(arguments.messages, rate * 10)
        run([("own", 0)], rate, messages)
        run([("front", 0), *(("shared", number) for number in range(WORKERS))], rate, messages)


if __name__ == "__main__":
    main()
