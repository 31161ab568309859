"""The transports of a user agent: one record each, with its address, Via prefix and Contact (RFC 3261 §18).

What is sent to an address goes out by the transport of that address's protocol and IP version, or by the one
that the address names as its flow. Whether a protocol is reliable decides which timers a transaction has
(RFC 3261 §17.1, table 4).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import final

from offhook.sip.agent_events import Address
from offhook.sip.encoding import host_port


class Protocol(StrEnum):
    """A transport protocol, as an :class:`Address`, a URI and a configuration name it."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"
    WS = "ws"
    """WebSocket (RFC 7118)."""
    WSS = "wss"
    """WebSocket over TLS."""

    @property
    def reliable(self) -> bool:
        """Whether what was sent arrives, so that nothing is sent again (RFC 3261 §17)."""
        return self is not Protocol.UDP

    @property
    def secure(self) -> bool:
        """Whether it is encrypted."""
        return self in (Protocol.TLS, Protocol.WSS)


@final
class Transport:
    """One local address, as it stands in our messages."""

    __slots__ = (
        "_port",
        "contact",
        "contact_uri",
        "local",
        "protocol",
        "reliable",
        "sent_by",
        "via_prefix",
    )

    def __init__(self, local: Address, *, host: str | None = None, port: int | None = None) -> None:
        """``host`` and ``port`` stand in Via and Contact instead of those of ``local``."""
        self.local = local
        self.protocol = Protocol(local.transport)
        self.reliable = self.protocol.reliable
        self._port = port or local.port
        self.advertise(host or local.host)

    def advertise(self, host: str) -> None:
        """Let ``host`` stand in Via and Contact from now on."""
        self.sent_by = sent_by = host_port(host, self._port)
        """Our address as peers see it."""
        self.via_prefix = f"Via: SIP/2.0/{self.protocol.upper()} {sent_by};rport;branch="
        self.contact_uri = self.contact_uri_of("offhook")
        self.contact = f"Contact: <{self.contact_uri}>\r\n"
        """The finished line."""

    def contact_uri_of(self, user: str) -> str:
        """Our address with another user part."""
        named = f";transport={self.protocol}" if self.reliable else ""
        return f"sip:{user}@{self.sent_by}{named}"


@final
class Transports:
    """All transports of one user agent."""

    def __init__(self, transports: Iterable[Transport]) -> None:
        """Of several with the same protocol and IP version the first is used where no flow is named."""
        self._by_kind: dict[tuple[str, bool], Transport] = {}
        self._by_flow: dict[int, Transport] = {}
        for transport in transports:
            kind = (transport.local.transport, ":" in transport.local.host)
            self._by_kind.setdefault(kind, transport)

    def join(self, flow: int, transport: Transport) -> None:
        """What names ``flow`` goes by ``transport`` until :meth:`leave`."""
        self._by_flow[flow] = transport

    def leave(self, flow: int) -> None:
        """The connection is over: what names it goes by protocol and IP version."""
        self._by_flow.pop(flow, None)

    def to(self, address: Address) -> Transport:
        """The transport that reaches ``address``. Raises ValueError where there is none.

        An address that is a name, or of the other IP version, goes by the protocol alone.
        """
        if address.flow:
            joined = self._by_flow.get(address.flow)
            if joined is not None:
                return joined
        found = self._find(address)
        if found is None:
            raise ValueError(f"transport {address.transport!r} is not served by this endpoint")
        return found

    def stream_to(self, address: Address) -> Address | None:
        """The same place over TCP; None: we have no TCP of its IP version."""
        kind = (Protocol.TCP.value, ":" in address.host)
        if kind not in self._by_kind:
            return None
        return Address(Protocol.TCP, address.host, address.port)

    def reachable(self, address: Address, peer: Address) -> Address:
        """``address``; by the transport of ``peer`` where a URI names one that we have not."""
        if address.transport == peer.transport or self._find(address) is not None:
            return address
        return Address(peer.transport, address.host, address.port, peer.flow)

    def _find(self, address: Address) -> Transport | None:
        protocol, wide = address.transport, ":" in address.host
        return self._by_kind.get((protocol, wide)) or self._by_kind.get((protocol, not wide))
