"""SIP over UDP, TCP and TLS: calls per CPU-second, and memory per connection.

Run with ``python -m tests.bench.bench_transports [--seconds N] [--rate N] [--connections N]``. One endpoint
calls another one in a process of its own (INVITE, 180, 200, ACK, BYE, 200 at once); the CPU time of each is
what counts, sockets, TLS and loop included. All calls of a stream share one connection. Then so many
connections are opened to the callee, each with one OPTIONS, and its memory is read before and after. What to
reach: TCP at least 0.8 of UDP, TLS 0.6 (DESIGN.md, "Figures").
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop
from tests.bench.bench_sip import SDP, cpu, rss
from tests.support.certificates import Authority

from offhook.sip import Address, Answered, AnyEvent, Ended, IncomingInvite, Rejected
from offhook.sip.transport import Protocol
from offhook.telephony.endpoint import SipEndpoint
from offhook.telephony.transports.sip_transport import SipTransport
from offhook.telephony.transports.stream_transport import StreamTransport
from offhook.telephony.transports.tls import CertificateFiles, SipTls, TlsFiles
from offhook.telephony.transports.udp import UdpTransport

HOST = "127.0.0.1"
PROTOCOLS = (Protocol.UDP, Protocol.TCP, Protocol.TLS)
OPTIONS = (
    "OPTIONS sip:a@{host} SIP/2.0\r\nVia: SIP/2.0/{via} {host};branch=z9hG4bK{n}\r\nFrom: <sip:a@b>;tag=1\r\n"
    "To: <sip:b@b>\r\nCall-ID: {n}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


def transport_of(protocol: Protocol, folder: Path) -> SipTransport:
    """One on any port; the certificates of TLS are in ``folder``."""
    if protocol is Protocol.UDP:
        return UdpTransport(HOST, 0)
    tls = None
    if protocol.secure:
        own = CertificateFiles(str(folder / "peer.pem"), str(folder / "peer.key"))
        tls = SipTls(TlsFiles((own,), str(folder / "authority.pem")))
    return StreamTransport(protocol, HOST, 0, tls=tls)


async def callee(protocol: Protocol, folder: Path) -> None:
    """Answer until SIGTERM; a line of figures for each SIGUSR1."""
    transport = transport_of(protocol, folder)
    endpoint = SipEndpoint([transport])
    await endpoint.start()

    def answer(event: IncomingInvite) -> None:
        endpoint.listen(event.handle, lambda _event: None)
        with endpoint.command() as (agent, now):
            agent.ring(event.handle, now)
            agent.accept(event.handle, now, SDP)

    def tell() -> None:
        print(
            json.dumps({"cpu": cpu(), "rss": rss(), "port": transport.local_address[1]}), flush=True
        )

    endpoint.on_incoming(answer)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, tell)
    tell()
    await stop.wait()
    await endpoint.close()


class Callee:
    """The callee's process."""

    def __init__(self, protocol: Protocol, folder: Path) -> None:
        command = [sys.executable, "-m", "tests.bench.bench_transports", "--callee", protocol.value]
        self._process = subprocess.Popen(
            [*command, "--folder", str(folder)],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self._read()["port"])

    def figures(self) -> dict[str, float]:
        self._process.send_signal(signal.SIGUSR1)
        return self._read()

    def _read(self) -> dict[str, float]:
        assert self._process.stdout is not None
        found: dict[str, float] = json.loads(self._process.stdout.readline())
        return found

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


async def place(protocol: Protocol, folder: Path, port: int, rate: float, seconds: float) -> int:
    """Call at a steady rate; returns the calls that were answered and hung up."""
    endpoint = SipEndpoint([transport_of(protocol, folder)])
    await endpoint.start()
    counts = {"placed": 0, "ended": 0, "good": 0}

    def on_event(event: AnyEvent) -> None:
        if isinstance(event, Answered):
            with endpoint.command() as (agent, now):
                agent.bye(event.handle, now)
        elif isinstance(event, Ended | Rejected):
            counts["ended"] += 1
            counts["good"] += isinstance(event, Ended)

    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < seconds:
        while counts["placed"] < elapsed * rate:
            counts["placed"] += 1
            with endpoint.command() as (agent, now):
                handle = agent.invite(
                    now,
                    target=Address(protocol, HOST, port),
                    request_uri=f"sip:bob@{HOST}:{port}",
                    from_uri="sip:alice@example.org",
                    to_uri="sip:bob@example.org",
                    sdp=SDP,
                )
            endpoint.listen(handle, on_event)
        await asyncio.sleep(0.002)
    async with asyncio.timeout(40):
        while counts["ended"] < counts["placed"]:
            await asyncio.sleep(0.01)
    await endpoint.close()
    return counts["good"]


def calls(protocol: Protocol, folder: Path, rate: float, seconds: float) -> float:
    """Print and return the calls per CPU-second of the callee."""
    peer = Callee(protocol, folder)
    try:
        uvloop.run(place(protocol, folder, peer.port, 20, 0.5))  # connects, and warms both up
        before, own = peer.figures(), cpu()
        good = uvloop.run(place(protocol, folder, peer.port, rate, seconds))
        spent, ours = peer.figures()["cpu"] - before["cpu"], cpu() - own
    finally:
        peer.stop()
    print(
        f"{protocol}: {good} calls at {rate:g} a second: {good / spent:.0f} per CPU-second as callee, "
        f"{good / ours:.0f} as caller"
    )
    return good / spent


def abort(writer: asyncio.StreamWriter) -> None:
    """Also keeps the writer until then: it closes its connection when it is forgotten."""
    writer.transport.abort()


async def connect(
    protocol: Protocol, folder: Path, port: int, stack: AsyncExitStack, n: int
) -> None:
    """A connection that stays open, after one answer."""
    context = None
    if protocol.secure:
        context = ssl.create_default_context(cafile=str(folder / "authority.pem"))
    reader, writer = await asyncio.open_connection(HOST, port, ssl=context)
    stack.callback(abort, writer)
    writer.write(OPTIONS.format(host=HOST, via=protocol.upper(), n=n).encode())
    await reader.readuntil(b"\r\n\r\n")


async def memory(protocol: Protocol, folder: Path, connections: int) -> None:
    peer = Callee(protocol, folder)
    async with AsyncExitStack() as stack:
        stack.callback(peer.stop)
        for n in range(20):
            await connect(protocol, folder, peer.port, stack, n)
        before = peer.figures()
        for n in range(connections):
            await connect(protocol, folder, peer.port, stack, n)
        grown = peer.figures()["rss"] - before["rss"]
    print(f"{protocol}: {grown / connections / 1024:.1f} KiB for each of {connections} connections")


def main(argv: Sequence[str] | None = None) -> int:
    """Run all parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rate", type=float, default=300.0)
    parser.add_argument("--connections", type=int, default=2000)
    parser.add_argument("--callee", choices=PROTOCOLS)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args(argv)
    if arguments.callee:
        uvloop.run(callee(Protocol(arguments.callee), arguments.folder))
        return 0
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65_536), most))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Authority(folder).sign("peer", dns=["localhost"], addresses=[HOST])
        found = {each: calls(each, folder, arguments.rate, arguments.seconds) for each in PROTOCOLS}
        for each in PROTOCOLS[1:]:
            print(f"{each} is {found[each] / found[Protocol.UDP]:.2f} of udp")
        for each in PROTOCOLS[1:]:
            uvloop.run(memory(each, folder, arguments.connections))
    return 0


if __name__ == "__main__":
    sys.exit(main())
