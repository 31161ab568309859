"""A name server on loopback, with the records that a test gives it."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


class NameServer(asyncio.DatagramProtocol):
    """``async with`` starts and ends it. A name without any record does not exist."""

    def __init__(self, records: str) -> None:
        """``records``: one a line, ``name ttl type value``."""
        self.silent = False
        self.asked: list[str] = []
        self._records: dict[tuple[str, str], dns.rrset.RRset] = {}
        for line in filter(None, map(str.strip, records.splitlines())):
            name, ttl, kind, value = line.split(maxsplit=3)
            key = (name.lower(), kind)
            found = self._records.get(key)
            values = [] if found is None else [record.to_text() for record in found]
            self._records[key] = dns.rrset.from_text_list(
                name, int(ttl), "IN", kind, [*values, value]
            )

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._transport.close()

    @property
    def resolver(self) -> dns.asyncresolver.Resolver:
        """Asks this server only."""
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = self._transport.get_extra_info("sockname")[1]
        return resolver

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        (question,) = query.question
        name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append(f"{name} {kind}")
        if self.silent:
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        found = self._records.get((name.lower(), kind))
        if found is not None:
            answer.answer.append(found)
        elif all(known != name.lower() for known, _ in self._records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(answer.to_wire(), addr)
