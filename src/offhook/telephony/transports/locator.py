"""The servers of a SIP domain (RFC 3263): NAPTR, SRV, and the addresses of their names.

* An address literal is itself.
* A name with a port is looked up as a host; all its addresses count, in the system's order.
* A name without a port has SRV records for its transport, else it is a host with the usual port.
* A name without a transport (``sip:carrier.example``) says by NAPTR what it speaks, else by its SRV records,
  else it is a host that speaks UDP.

Priorities and weights are obeyed (RFC 2782). Hosts are asked of the system, which knows ``/etc/hosts``; NAPTR
and SRV of the name servers in ``/etc/resolv.conf``. What was found stays in use while the name
service is away.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple, TypeVar, final

import dns.asyncresolver
import dns.exception
import dns.rdata
import dns.rdatatype
import dns.resolver
import dns.rrset
from dns.rdtypes.IN.NAPTR import NAPTR
from dns.rdtypes.IN.SRV import SRV

from offhook.config import TrunkPlace
from offhook.sip import Address
from offhook.sip.encoding import default_port
from offhook.sip.hosts import is_ip

log = logging.getLogger(__name__)

MOST_SERVERS: Final = 16
"""Addresses of one domain that are used."""
MOST_DOMAINS: Final = 1000
LONGEST, SHORTEST = 3600.0, 30.0
"""Seconds for which an answer is used, whatever its time to live says."""
HOST_LIFETIME: Final = 60.0
"""Seconds for which the addresses of a host are used."""
TIMEOUT: Final = 5.0
"""Seconds for all questions about one domain."""

_SERVICES: Final = {"sip+d2u": "udp", "sip+d2t": "tcp", "sips+d2t": "tls"}
"""NAPTR services (RFC 3263 §4.1)."""
_PREFIXES: Final = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
_NOTHING = (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer)


class CannotLocate(Exception):
    """A domain has no server that can be used; the text says why, for people."""


Kind = tuple[str, bool]
"""A transport, and whether it speaks IPv6."""


class _Found(NamedTuple):
    servers: tuple[Address, ...]
    until: float


class _Server(NamedTuple):
    """A host that may have several addresses."""

    transport: str
    host: str
    port: int


@final
class Locator:
    """Finds servers, and remembers them."""

    def __init__(
        self, served: Collection[Kind], *, resolver: dns.asyncresolver.Resolver | None = None
    ) -> None:
        """``served``: the kinds of our transports; ``resolver``: another one than the system's."""
        self._kinds = frozenset(served)
        self._served = frozenset(transport for transport, _ in served)
        self._resolver = resolver
        self._found: dict[TrunkPlace, _Found] = {}
        self._asking: dict[TrunkPlace, asyncio.Task[tuple[Address, ...]]] = {}

    def known(self, domain: TrunkPlace) -> tuple[Address, ...] | None:
        """The servers, without asking; None: ask the name service (:meth:`find`)."""
        if is_ip(domain.host):
            transport = domain.transport or "udp"
            return (Address(transport, domain.host, domain.port or default_port(transport)),)
        found = self._found.get(domain)
        if found is None or found.until <= time.monotonic():
            return None
        return found.servers

    async def find(self, domain: TrunkPlace) -> tuple[Address, ...]:
        """The servers in the order in which they are to be tried; at least one.

        Raises :class:`CannotLocate`.
        """
        known = self.known(domain)
        if known is not None:
            return known
        task = self._asking.get(domain)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._ask(domain))
            self._asking[domain] = task
            task.add_done_callback(lambda _: self._asking.pop(domain, None))
        return await asyncio.shield(task)

    def is_server_of(self, host: str, address: str) -> bool:
        """Whether an address literal was found for a domain, also a while ago."""
        return any(
            domain.host == host and any(server.host == address for server in found.servers)
            for domain, found in self._found.items()
        )

    def domains_of(self, address: str, port: int) -> list[str]:
        """The domains that led to an address."""
        return [
            domain.host
            for domain, found in self._found.items()
            if any((server.host, server.port) == (address, port) for server in found.servers)
        ]

    async def close(self) -> None:
        """Ask no more."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, domain: TrunkPlace) -> tuple[Address, ...]:
        try:
            async with asyncio.timeout(TIMEOUT):
                servers, lifetime = await self._servers(domain)
                addresses = await self._addresses(servers)
        except (OSError, UnicodeError, dns.exception.DNSException, TimeoutError) as error:
            problem = f"cannot look up {domain.host}: {_words(error)}"
            log.warning("%s", problem)
            old = self._found.get(domain)
            if old is None:
                raise CannotLocate(problem) from None
            return old.servers
        if len(self._found) >= MOST_DOMAINS:
            self._found.clear()
        until = time.monotonic() + min(max(lifetime, SHORTEST), LONGEST)
        self._found[domain] = _Found(addresses, until)
        return addresses

    async def _servers(self, domain: TrunkPlace) -> tuple[list[_Server], float]:
        """The hosts, in order, and how many seconds that is true."""
        transport, host, port = domain
        if port is not None:
            return [_Server(transport or "udp", host, port)], HOST_LIFETIME
        if transport is None:
            named = await self._by_naptr(host)
            if named is not None:
                return named
        transports = [transport] if transport else [t for t in _PREFIXES if t in self._served]
        for each in transports:
            found = await self._by_srv(each, f"{_PREFIXES[each]}.{host}")
            if found is not None:
                return found
        usual = transport or "udp"
        return [_Server(usual, host, default_port(usual))], HOST_LIFETIME

    async def _by_naptr(self, host: str) -> tuple[list[_Server], float] | None:
        answer = await self._query(host, dns.rdatatype.NAPTR)
        for record in _ordered(answer, NAPTR):
            transport = _SERVICES.get(record.service.decode("ascii", "replace").lower())
            if transport in self._served and record.flags.lower() == b"s":
                found = await self._by_srv(str(transport), record.replacement.to_text())
                if found is not None:
                    return found
        return None

    async def _by_srv(self, transport: str, name: str) -> tuple[list[_Server], float] | None:
        answer = await self._query(name, dns.rdatatype.SRV)
        if answer is None:
            return None
        servers = [
            _Server(transport, record.target.to_text(omit_final_dot=True), record.port)
            for record in _ordered(answer, SRV)
            if record.port and record.target.to_text() != "."
        ]
        if not servers:
            raise OSError(f"{name.rstrip('.')} says that the service is not offered")
        return servers[:MOST_SERVERS], float(answer.ttl)

    async def _query(self, name: str, kind: dns.rdatatype.RdataType) -> dns.rrset.RRset | None:
        """An answer with records; None: there are none."""
        if self._resolver is None:
            self._resolver = dns.asyncresolver.Resolver()
        try:
            answer = await self._resolver.resolve(name, kind, lifetime=TIMEOUT, search=False)
        except _NOTHING:
            return None
        return answer.rrset

    async def _addresses(self, servers: Sequence[_Server]) -> tuple[Address, ...]:
        """Of all hosts, in order. Raises OSError when none has one."""
        results = await asyncio.gather(
            *(self._host(server.host) for server in servers), return_exceptions=True
        )
        addresses = [
            Address(server.transport, host, server.port)
            for server, hosts in zip(servers, results, strict=True)
            if not isinstance(hosts, BaseException)
            for host in hosts
            if (server.transport, ":" in host) in self._kinds
        ]
        if not addresses:
            errors = [each for each in results if isinstance(each, BaseException)]
            raise errors[0] if errors else OSError("no address of an IP version that we listen on")
        return tuple(dict.fromkeys(addresses))[:MOST_SERVERS]

    async def _host(self, host: str) -> list[str]:
        if is_ip(host):
            return [host]
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
        return [str(each[4][0]) for each in found]


Record = TypeVar("Record", bound=dns.rdata.Rdata)


def _ordered(answer: dns.rrset.RRset | None, kind: type[Record]) -> list[Record]:
    """The records in the order of their priorities, by chance among the weights of one."""
    if answer is None:
        return []
    return [record for record in answer.processing_order() if isinstance(record, kind)]


def _words(error: Exception) -> str:
    """Why a look-up failed, for people."""
    if isinstance(error, TimeoutError | dns.exception.Timeout | dns.resolver.LifetimeTimeout):
        return f"no answer from the name service in {TIMEOUT:g} s"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
