"""What an endpoint needs from a transport, and what a transport needs from its endpoint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from offhook.sip import Address
from offhook.sip.transport import Transport

Arrived = tuple[bytes, Address]
"""The octets of one message, and where they came from."""


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


class SipTransport(ABC):
    """One local address."""

    @abstractmethod
    async def start(self, owner: TransportOwner) -> Transport:
        """Bind, and give to ``owner`` what comes. Raises OSError when the address is taken or not ours."""

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
