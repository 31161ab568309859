"""Runs in a network namespace where every address answers, and asks each spelling of a private one.

``python -m tests.support.every_address_answers`` prints JSON: for each spelling the addresses that were
really connected to, as the server saw them. Started by ``tests/integration/test_net_spellings.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from socket import AF_INET, AF_INET6, AddressFamily
from urllib.parse import quote, unquote

from aiohttp.abc import ResolveResult

from offhook.net.http_client import HttpClient, _Resolver
from offhook.net.outgoing_errors import OutgoingError

PUBLIC = "8.8.8.8"
TARGETS = (
    "127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
)
NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "localhost.": ["127.0.0.1"],
    "LocalHost": ["127.0.0.1"],
    "app.localhost": ["127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "metadata": ["169.254.169.254"],
    "instance-data.ec2.internal": ["169.254.169.254"],
    "inside.example": ["10.0.0.1"],
    "inside6.example": ["fd00:ec2::254"],
    "link.example": ["fe80::1"],
    "mapped.example": ["::ffff:10.0.0.1"],
    "nat64.example": ["64:ff9b::a00:1"],
    "both.example": [PUBLIC, "10.0.0.1"],
}
"""What the name server says; of ``both.example`` only the public address may be taken."""
REBINDING = "rebinding.example"
"""First at a public address, then at a private one."""


class Names(_Resolver):
    """A name server that a customer controls; what it does not know is looked up as always."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AF_INET
    ) -> list[ResolveResult]:
        addresses = NAMES.get(host) or NAMES.get(host.lower())
        if host == REBINDING:
            self.asked += 1
            addresses = [PUBLIC if self.asked == 1 else "127.0.0.1"]
        if addresses is None:
            return await super().resolve(host, port, family)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=AF_INET6 if ":" in address else AF_INET,
                proto=6,
                flags=0,
            )
            for address in addresses
        ]


def literals(v4: str) -> Iterator[str]:
    """The spellings of one IPv4 address as the host of a URL."""
    address = IPv4Address(v4)
    a, b, c, d = address.packed
    number = int(address)
    yield v4
    yield f"{v4}."
    yield str(number)
    yield hex(number)
    yield f"0{number:o}"
    yield f"0{a:o}.0{b:o}.0{c:o}.0{d:o}"
    yield f"{a:#x}.{b:#x}.{c:#x}.{d:#x}"
    yield f"{a}.{b}.{c * 256 + d}"
    yield f"{a}.{(b * 256 + c) * 256 + d}"
    yield "".join(chr(0xFF10 + int(ch)) if ch.isdigit() else ch for ch in v4)  # fullwidth digits
    yield v4.replace(".", "\u3002")  # ideographic full stop
    yield quote(v4, safe="").replace(".", "%2e").replace("1", "%31")
    yield f"[::ffff:{v4}]"
    yield f"[::ffff:{number >> 16:x}:{number & 0xFFFF:x}]"
    yield f"[0:0:0:0:0:ffff:{v4}]"
    yield f"[::{v4}]"
    yield f"[64:ff9b::{v4}]"
    yield f"[{IPv6Address(0x2002 << 112 | number << 80 | 1)}]"


def spellings() -> Iterator[str]:
    """URLs that lead to a private address, if anything lets them."""
    for v4 in TARGETS:
        for host in literals(v4):
            yield f"http://{host}/"
    for host in ("[::1]", "[::]", "[fe80::1]", "[fe80::1%25lo]", "[fd00:ec2::254]", "[fec0::1]"):
        yield f"http://{host}/"
    for name in NAMES:
        yield f"http://{name}/"
    yield f"http://{REBINDING}/"
    yield from (
        "http://user:pass@127.0.0.1/",
        "http://8.8.8.8@127.0.0.1/",
        "http://8.8.8.8%40127.0.0.1/",
        "http://8.8.8.8\\@127.0.0.1/",
        "http://127.0.0.1\\@8.8.8.8/",
        "http://127.0.0.1:80/",
        "http://127.0.0.1:00080/",
        "http://127.0.0.1:/",
        "http:127.0.0.1/",
        "http:///127.0.0.1/",
        "http://127.0.0.1#@8.8.8.8/",
        "http://127.0.0.1?@8.8.8.8/",
        "//127.0.0.1/",
        "HTTP://127.0.0.1/",
        "http://\t127.0.0.1/",
        "http://127.0.0.1%00.example/",
        "http://127.0.0.1%0d%0aHost:x/",
    )
    for target in (
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://169.254.169.254/latest/",
        "//10.1/",
    ):
        yield f"http://{PUBLIC}/to?{quote(target, safe='')}"


async def main() -> None:
    """Ask every spelling, and a public address to show that the namespace answers."""
    reached: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(str(writer.get_extra_info("sockname")[0]))
        line = (await reader.readline()).decode("latin-1")
        target = line.split(" ")[1] if line.count(" ") >= 2 else "/"
        while (await reader.readline()).strip():
            pass
        head = "HTTP/1.1 200 OK\r\n"
        if target.startswith("/to?"):
            head = f"HTTP/1.1 302 Found\r\nLocation: {unquote(target[4:])}\r\n"
        writer.write(f"{head}Content-Length: 0\r\nConnection: close\r\n\r\n".encode("latin-1"))
        await writer.drain()
        writer.close()

    v4 = await asyncio.start_server(answer, "0.0.0.0", 80)
    v6 = await asyncio.start_server(answer, "::", 80)
    found: dict[str, list[str]] = {}
    async with v4, v6:
        client = HttpClient(allow_private=False, resolver=Names())
        for url in (f"http://{PUBLIC}/", "http://[2606:4700::1111]/", *spellings()):
            with contextlib.suppress(OutgoingError):
                if REBINDING in url:
                    await client.validate_url(url)
                await client.request(
                    "GET", url, timeout=5, max_body=100, max_redirects=3, truncate=True
                )
            found[url] = list(reached)
            reached.clear()
        await client.close()
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main())
