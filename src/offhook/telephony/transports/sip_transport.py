"""What an endpoint needs from a transport, and what a transport needs from its endpoint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from enum import Enum, auto

from offhook.sip import Address
from offhook.sip.transport import Protocol, Transport
from offhook.telephony.transports.resolver import Resolver
from offhook.telephony.transports.sockets import own_address, unspecified

Arrived = tuple[bytes, Address]
"""The octets of one message, and where they came from."""


class Standing(Enum):
    """What is known of a host before it has said anything."""

    KNOWN = auto()
    """It belongs to a trunk, or it gave right credentials before."""
    UNKNOWN = auto()
    BANNED = auto()


class TransportOwner(ABC):
    """The endpoint, as its transports see it. To be called on its loop."""

    @abstractmethod
    def take_in(self, messages: Iterable[Arrived]) -> None:
        """Messages came, in this order."""

    @abstractmethod
    def sends(self, data: bytes, destination: Address) -> None:
        """A message is sent now; for traces."""

    @abstractmethod
    def fail(self, destination: Address, problem: str) -> None:
        """Nothing can be sent to ``destination``; ``problem`` says why, for people."""

    @abstractmethod
    def standing(self, source: Address) -> Standing:
        """Whether a host may connect."""

    @abstractmethod
    def domains_of(self, host: str, port: int) -> list[str]:
        """Whose certificate a peer must show (RFC 5922): one of the domains that led there."""

    @abstractmethod
    def joined(self, record: Transport) -> int:
        """A connection of this transport is open; returns the number of its flow."""

    @abstractmethod
    def left(self, flow: int) -> None:
        """The connection is closed."""


class SipTransport(ABC):
    """One local address."""

    def __init__(
        self,
        protocol: Protocol,
        host: str,
        port: int,
        *,
        advertise_host: str | None = None,
        advertise_port: int | None = None,
    ) -> None:
        """Bind to ``host`` (an address literal) and ``port`` (0: any) in :meth:`start`.

        The advertised address is used in Via and Contact.
        """
        self.protocol = protocol
        self._host, self._port = host, port
        self._advertise_host, self._advertise_port = advertise_host, advertise_port
        self._owner: TransportOwner | None = None
        self._resolver: Resolver | None = None
        self.record: Transport | None = None
        """Once it is started."""

    @property
    def wide(self) -> bool:
        """Whether it speaks IPv6."""
        return ":" in self._host

    @abstractmethod
    async def start(self, owner: TransportOwner, flow: int = 0) -> Transport:
        """Bind, and give to ``owner`` what comes. Raises OSError when the address is taken or not ours.

        ``flow`` is the number of a datagram address, where another one is used without it.
        """

    @abstractmethod
    def send(self, data: bytes, destination: Address) -> None:
        """Send one message; what fails is told to the owner."""

    @abstractmethod
    async def close(self) -> None:
        """Stop reading, and close. Idempotent."""

    @property
    @abstractmethod
    def local_address(self) -> tuple[str, int]:
        """Host and port bound. Raises RuntimeError before :meth:`start`."""

    @property
    def advertised_host(self) -> str:
        """The address in Via and Contact."""
        if self._advertise_host is not None:
            return self._advertise_host
        return own_address(self._host) if unspecified(self._host) else self._host

    @property
    def resolver(self) -> Resolver:
        """Looks up the names that peers give for hosts. Raises RuntimeError before :meth:`start`."""
        if self._resolver is None:
            raise RuntimeError("the endpoint is not started")
        return self._resolver

    def advertise(self, host: str) -> None:
        """Use another address in Via and Contact from now on."""
        self._advertise_host = host
        if self.record is not None:
            self.record.advertise(host)

    def _make_record(self) -> Transport:
        host, port = self.local_address
        self.record = Transport(
            Address(self.protocol, host, port), host=self.advertised_host, port=self._advertise_port
        )
        return self.record
