"""A live call and the API under SIP attacks: the call's largest packet gap, the API's p50 and p99.

Run with ``python -m tests.bench.bench_attack [NAME …] [--rate N] [--seconds N]``. SIPp is the carrier, one
call plays a long text to a socket that stamps its packets in the kernel. Each attack is sent by a process of
its own, which also counts what comes back to it. Everything shares this machine, so the line ``none`` is the
measure for the others. What to reach: no gap that ``none`` does not have, and answers of at most 1.5 times
the octets sent.

* ``nonces``: INVITEs of unknown addresses with octets of no charset in their digest nonces;
* ``invites``: INVITEs from 200 unknown addresses, each a new call;
* ``scanners``: the same, with the name of a scanner;
* ``registers``: REGISTERs of unknown users from as many addresses, without credentials;
* ``trunk``: what anybody can send in the name of the trunk: wrong passwords, BYEs, re-INVITEs and responses
  that belong to nothing;
* ``malformed``: broken requests;
* ``connections``: TCP connections from everywhere, each with one INVITE, that stay open;
* ``slow``: the same, with a message that never ends;
* ``handshakes``: TLS handshakes that stop after their first octets.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import socket
import statistics
import struct
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import aiohttp
from tests.support.certificates import make_certificate
from tests.support.net import free_port
from tests.support.receiver import Receiver
from tests.support.server import API_KEY, SUB_ACCOUNT, Server, configuration, voice_message
from tests.support.sipp import Sipp

TEXT = "Please hold the line, somebody will be with you in a moment. " * 20
_SO_TIMESTAMPNS = 35  # Linux: not in the socket module
API_PER_SECOND = 20


class Ear:
    """A socket whose packets the kernel stamps; a thread of its own reads them."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self.port: int = self._socket.getsockname()[1]
        self.stamps: list[float] = []
        self._open = True
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Ear:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open = False
        self._thread.join()
        self._socket.close()

    def _read(self) -> None:
        while self._open:
            try:
                _, ancillary, _, _ = self._socket.recvmsg(2048, 256)
            except TimeoutError:
                continue
            for _, kind, data in ancillary:
                if kind == _SO_TIMESTAMPNS:
                    seconds, nanoseconds = struct.unpack("qq", data[:16])
                    self.stamps.append(seconds + nanoseconds / 1e9)

    def gaps(self, since: float, until: float) -> list[float]:
        """Milliseconds between packets of that time."""
        stamps = [at for at in self.stamps if since <= at <= until]
        return [(after - before) * 1000 for before, after in itertools.pairwise(stamps)]


# --- the attackers (in a process of their own)


def invite(source: str, port: int, server: int, header: bytes = b"") -> bytes:
    """A new INVITE with an offer."""
    token = f"{random.getrandbits(48):x}"
    sdp = (
        f"v=0\r\no=- 1 1 IN IP4 {source}\r\ns=-\r\nc=IN IP4 {source}\r\nt=0 0\r\n"
        "m=audio 9 RTP/AVP 0 8\r\n"
    ).encode()
    head = (
        f"INVITE sip:+6568332048@127.0.0.1:{server} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {source}:{port};rport;branch=z9hG4bK{token}\r\nMax-Forwards: 70\r\n"
        f"From: <sip:x@{source}>;tag={token}\r\nTo: <sip:+6568332048@127.0.0.1>\r\n"
        f"Call-ID: {token}\r\nCSeq: 1 INVITE\r\nContact: <sip:x@{source}:{port}>\r\n"
        "Content-Type: application/sdp\r\n"
    ).encode()
    return head + header + f"Content-Length: {len(sdp)}\r\n\r\n".encode() + sdp


def nonces(source: str, port: int, server: int) -> bytes:
    """An INVITE with a nonce that is no text."""
    nonce = random.randbytes(24).replace(b'"', b"x").replace(b"\r", b"x").replace(b"\n", b"x")
    line = b'Authorization: Digest realm="offhook", nonce="\xff' + nonce + b'", username="u"\r\n'
    return invite(source, port, server, line)


def scanners(source: str, port: int, server: int) -> bytes:
    """An INVITE with the name of a scanner."""
    return invite(source, port, server, b"User-Agent: friendly-scanner\r\n")


def registers(source: str, port: int, server: int) -> bytes:
    """A REGISTER of a user that may be there or not."""
    token, user = f"{random.getrandbits(48):x}", random.randrange(100, 10_000)
    return (
        f"REGISTER sip:127.0.0.1:{server} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {source}:{port};rport;branch=z9hG4bK{token}\r\nMax-Forwards: 70\r\n"
        f"From: <sip:{user}@127.0.0.1>;tag={token}\r\nTo: <sip:{user}@127.0.0.1>\r\n"
        f"Call-ID: {token}\r\nCSeq: 1 REGISTER\r\nContact: <sip:{user}@{source}:{port}>\r\n"
        "Expires: 3600\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def trunk(source: str, port: int, server: int) -> bytes:
    """Something in the name of the trunk that belongs to nothing."""
    wrong = (
        b'Authorization: Digest realm="offhook", nonce="1-1", username="carrier", uri="x", '
        b'response="0", qop=auth, cnonce="1", nc=00000001\r\n'
    )
    data = invite(source, port, server, wrong)
    choice = random.randrange(4)
    if choice == 0:
        return data
    if choice == 1:
        return data.replace(b"INVITE sip", b"BYE sip").replace(b"1 INVITE", b"2 BYE")
    if choice == 2:
        return data.replace(b"@127.0.0.1>\r\n", b"@127.0.0.1>;tag=0123456789abcdef\r\n", 1)
    return data.replace(
        data[: data.index(b"\r\n")], random.choice([b"SIP/2.0 200 OK", b"SIP/2.0 486 Busy"])
    )


def malformed(source: str, port: int, server: int) -> bytes:
    """An INVITE with a few octets changed, cut or doubled."""
    data = bytearray(invite(source, port, server))
    for _ in range(random.randrange(1, 12)):
        at = random.randrange(len(data))
        match random.randrange(3):
            case 0:
                data[at] = random.randrange(256)
            case 1:
                del data[at : at + random.randrange(1, 30)]
            case _:
                data[at:at] = random.randbytes(random.randrange(1, 30))
    return bytes(data)


ATTACKS: dict[str, tuple[Callable[[str, int, int], bytes], list[str]]] = {
    "nonces": (nonces, ["127.0.0.66"]),
    "invites": (invite, [f"127.0.{1 + n // 100}.{1 + n % 100}" for n in range(200)]),
    "scanners": (scanners, [f"127.0.{3 + n // 100}.{1 + n % 100}" for n in range(200)]),
    "registers": (registers, [f"127.0.{5 + n // 100}.{1 + n % 100}" for n in range(200)]),
    "trunk": (trunk, ["127.0.0.1"]),
    "malformed": (malformed, [f"127.0.9.{1 + n}" for n in range(50)]),
}
"""What each attack sends, and from which addresses."""


STREAMS: dict[str, tuple[str, Callable[[str, int, int], bytes]]] = {
    "connections": ("tcp", invite),
    "slow": ("tcp", lambda source, port, server: invite(source, port, server)[:200]),
    "handshakes": ("tls", lambda _source, _port, _server: bytes.fromhex("16030102000100")),
}
"""The attacks with connections: the transport, and what each begins with."""
MOST_CONNECTS = 500.0
"""New connections a second: the attacker itself does no more."""
HELD = 2000
"""Connections that an attacker keeps open."""


def attack_streams(name: str, server: int, rate: float, seconds: float) -> dict[str, float]:
    """Open connections; what was sent on them."""
    _, make = STREAMS[name]
    held: deque[socket.socket] = deque()
    rate = min(rate, MOST_CONNECTS)
    counts = {"sent": 0, "sent_octets": 0, "refused": 0}
    began = time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        for _ in range(int((now - began) * rate) - counts["sent"]):
            counts["sent"] += 1
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                sock.bind((f"127.{random.randrange(1, 250)}.{random.randrange(250)}.7", 0))
                sock.settimeout(0.05)
                sock.connect(("127.0.0.1", server))
                host, port = sock.getsockname()
                counts["sent_octets"] += sock.send(make(host, port, server))
            except OSError:
                counts["refused"] += 1
                sock.close()
                continue
            held.append(sock)
            if len(held) > HELD:
                held.popleft().close()
        time.sleep(0.002)
    for sock in held:
        sock.close()
    return {key: float(value) for key, value in counts.items()}


def attack(name: str, server: int, rate: float, seconds: float) -> dict[str, float]:
    """Send it; what was sent and what came back."""
    if name in STREAMS:
        return attack_streams(name, server, rate, seconds)
    make, hosts = ATTACKS[name]
    sockets = []
    for host in hosts:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((host, 0))
        sock.setblocking(False)
        sockets.append((sock, host, sock.getsockname()[1]))
    counts = {"sent": 0, "sent_octets": 0, "answers": 0, "answer_octets": 0}
    began = time.monotonic()

    def take() -> None:
        for sock, _, _ in sockets:
            while True:
                try:
                    data = sock.recv(65_535)
                except BlockingIOError:
                    break
                counts["answers"] += 1
                counts["answer_octets"] += len(data)

    while (now := time.monotonic()) < began + seconds:
        due = int((now - began) * rate) - counts["sent"]
        for _ in range(due):
            sock, host, port = random.choice(sockets)
            data = make(host, port, server)
            sock.sendto(data, ("127.0.0.1", server))
            counts["sent"] += 1
            counts["sent_octets"] += len(data)
        take()
        time.sleep(0.002)
    time.sleep(1.0)
    take()
    return {key: float(value) for key, value in counts.items()}


# --- the measurement


class Result(NamedTuple):
    """One attack's effect."""

    name: str
    gaps: list[float]
    api: list[float]
    """Milliseconds of each request."""
    attack: dict[str, float]
    log_lines: int

    def line(self) -> str:
        """A row of the table."""
        sent, back = self.attack.get("sent_octets", 0), self.attack.get("answer_octets", 0)
        api = statistics.quantiles(self.api, n=100) if len(self.api) > 1 else [0.0] * 99
        late = sum(gap > 40 for gap in self.gaps)
        return (
            f"| {self.name} | {self.attack.get('sent', 0):.0f} | {max(self.gaps, default=0):.1f} |"
            f" {late} of {len(self.gaps)} | {api[49]:.1f} | {api[98]:.1f} |"
            f" {back / sent if sent else 0:.2f} | {self.log_lines} |"
        )


async def ask(url: str, until: float) -> list[float]:
    """Validate a callflow :data:`API_PER_SECOND` times a second; milliseconds of each answer."""
    took: list[float] = []
    path = f"{url}/api/v1/subaccounts/{SUB_ACCOUNT}/callflows/validate"
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with aiohttp.ClientSession(headers=headers) as client:
        while time.time() < until:
            began = time.perf_counter()
            async with client.post(path, json=voice_message("+12025550100", "Hello.")) as answer:
                await answer.read()
            took.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(max(0.0, 1 / API_PER_SECOND - took[-1] / 1000))
    return took


async def measure(
    name: str, server: Server, ear: Ear, rate: float, seconds: float, ports: Mapping[str, int]
) -> Result:
    """One attack beside the live call."""
    began = time.time()
    lines = server.log().count("\n")
    asking = asyncio.create_task(ask(server.url, began + seconds))
    told: dict[str, float] = {}
    if name != "none":
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.bench.bench_attack",
            *("--attack", name, "--server", str(_port_of(name, server, ports))),
            *("--rate", f"{rate:g}", "--seconds", f"{seconds:g}"),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        told = json.loads(output)
    api = await asking
    gaps = ear.gaps(began, began + seconds)
    return Result(name, gaps, api, told, server.log().count("\n") - lines)


def _port_of(name: str, server: Server, ports: Mapping[str, int]) -> int:
    return ports[STREAMS[name][0]] if name in STREAMS else server.sip_port


def still_lets_the_trunk_in(server: Server) -> bool:
    """Whether an INVITE with the trunk's address is still answered after all that."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)
        sock.sendto(
            invite("127.0.0.1", sock.getsockname()[1], server.sip_port),
            ("127.0.0.1", server.sip_port),
        )
        try:
            return sock.recv(65_535).startswith(b"SIP/2.0 401")
        except TimeoutError:
            return False


async def run(names: list[str], rate: float, seconds: float) -> int:
    """All measurements over one live call; 1 when it did not survive."""
    rows: list[Result] = []
    with tempfile.TemporaryDirectory() as folder, Ear() as ear:
        async with (
            Receiver() as receiver,
            Sipp("answer", Path(folder), keys={"rtp_port": ear.port}) as carrier,
        ):
            config = configuration(
                {"": carrier.address},
                webhooks={"VSS": receiver.url("/vss"), "VCS": receiver.url("/vcs")},
                sub_account={"numbers": [{"msisdn": "+6568332048"}]},
            )
            config["trunks"][0] |= {"username": "carrier", "password": "s3cret", "inbound_from": []}
            config["sip_users"] = [{"username": "alice", "password": "alice-secret"}]
            ports = {"tcp": free_port(), "tls": free_port()}
            config["sip"]["listen"] += [f"{kind}:127.0.0.1:{port}" for kind, port in ports.items()]
            certificate, key = make_certificate(Path(folder), "peer")
            config["sip"] |= {"tls_certificate": str(certificate), "tls_key": str(key)}
            config["limits"] = {"media_timeout": 3600}  # the carrier sends no audio
            async with Server(Path(folder) / "server", config) as server:
                session = await server.place(voice_message("+12025550100", TEXT, repetition=3))
                async with asyncio.timeout(60):
                    while not ear.stamps:
                        await asyncio.sleep(0.05)
                await asyncio.sleep(1.0)
                for name in names:
                    rows.append(await measure(name, server, ear, rate, seconds, ports))
                    await asyncio.sleep(1.0)
                alive = (await server.session(session))["sessionStatus"] == "RUNNING"
                let_in = still_lets_the_trunk_in(server)
                await server.delete_session(session)
    for text in report(rows, rate, seconds):
        print(text)
    print(f"\nlive call survived: {alive}; the trunk is still heard: {let_in}")
    return 0 if alive and let_in else 1


def report(rows: list[Result], rate: float, seconds: float) -> Iterator[str]:
    """The table."""
    yield f"{rate:g} packets a second for {seconds:g} s each, beside one live call:\n"
    yield (
        "| attack | sent | largest gap ms | gaps over 40 ms | API p50 ms | API p99 ms |"
        " octets back/sent | log lines |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for row in rows:
        yield row.line()


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "names", nargs="*", default=[], help=", ".join(["none", *ATTACKS, *STREAMS])
    )
    parser.add_argument("--rate", type=float, default=2000.0, help="packets a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each attack")
    parser.add_argument("--attack", choices=[*ATTACKS, *STREAMS], help=argparse.SUPPRESS)
    parser.add_argument("--server", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.attack:
        print(json.dumps(attack(options.attack, options.server, options.rate, options.seconds)))
        return 0
    names = options.names or ["none", *ATTACKS, *STREAMS]
    return asyncio.run(run(names, options.rate, options.seconds))


if __name__ == "__main__":
    sys.exit(main())
