"""SIP over UDP (RFC 3261 §18)."""

from __future__ import annotations

import logging
from typing import final

from offhook.sip import Address
from offhook.sip.transport import Transport
from offhook.telephony.transports.datagram_port import DatagramPort, OwnPort, SharedPort
from offhook.telephony.transports.resolver import Resolver
from offhook.telephony.transports.sip_transport import SipTransport, TransportOwner
from offhook.telephony.transports.udp_socket import own_address, unspecified

log = logging.getLogger(__name__)


@final
class UdpTransport(SipTransport):
    """One UDP address."""

    def __init__(
        self,
        host: str,
        port: int = 5060,
        *,
        advertise_host: str | None = None,
        advertise_port: int | None = None,
        shared: SharedPort | None = None,
    ) -> None:
        """Bind to ``host`` (an address literal) and ``port`` (0: any) in :meth:`start`.

        Where workers share a port, ``shared`` is used. The advertised address is used in Via and Contact.
        """
        self._host, self._port = host, port
        self._advertise_host, self._advertise_port = advertise_host, advertise_port
        self._shared = shared
        self._in_use: DatagramPort | None = None
        self._owner: TransportOwner | None = None
        self._resolver: Resolver | None = None

    async def start(self, owner: TransportOwner) -> Transport:
        used = self._shared or OwnPort(self._host, self._port)
        self._in_use, self._owner = used, owner
        host, port = self.local_address
        self._resolver = Resolver(used.socket.family, self.send, owner.fail)
        used.start(self._readable)
        return Transport(
            Address("udp", host, port), host=self.advertised_host, port=self._advertise_port
        )

    async def close(self) -> None:
        used, self._in_use = self._in_use, None
        if used is not None:
            used.close()
        if self._resolver is not None:
            await self._resolver.close()

    @property
    def advertised_host(self) -> str:
        """The address in Via and Contact."""
        if self._advertise_host is not None:
            return self._advertise_host
        return own_address() if unspecified(self._host) else self._host

    @property
    def local_address(self) -> tuple[str, int]:
        if self._in_use is None:
            raise RuntimeError("the endpoint is not started")
        host, port = self._in_use.socket.getsockname()[:2]
        return str(host), int(port)

    @property
    def resolver(self) -> Resolver:
        """Looks up the names that peers give for hosts. Raises RuntimeError before :meth:`start`."""
        if self._resolver is None:
            raise RuntimeError("the endpoint is not started")
        return self._resolver

    def send(self, data: bytes, destination: Address) -> None:
        used, resolver, owner = self._in_use, self._resolver, self._owner
        if used is None or resolver is None or owner is None:
            return
        host = resolver.address_of(destination.host)
        if host is None:
            resolver.wait(data, destination)
            return
        owner.sends(data, destination)
        try:
            used.socket.sendto(data, (host, destination.port))
        except (BlockingIOError, InterruptedError):
            log.warning("the socket's send buffer is full; a datagram is left to retransmission")
        except OSError as error:
            problem = f"cannot send to {destination.host}: {error.strerror or error}"
            log.info("%s", problem)
            owner.fail(destination, problem)

    def _readable(self) -> None:
        used, owner = self._in_use, self._owner
        if used is not None and owner is not None:
            owner.take_in((data, Address("udp", *source)) for data, source in used.receive())
