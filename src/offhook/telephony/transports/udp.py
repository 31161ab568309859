"""SIP over UDP (RFC 3261 §18)."""

from __future__ import annotations

import logging
from typing import final

from offhook.sip import Address
from offhook.sip.transport import Protocol, Transport
from offhook.telephony.transports.datagram_port import DatagramPort, OwnPort, SharedPort
from offhook.telephony.transports.resolver import Resolver
from offhook.telephony.transports.sip_transport import SipTransport, TransportOwner

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
        """Where workers share a port, ``shared`` is used; the rest as :class:`SipTransport`."""
        super().__init__(
            Protocol.UDP, host, port, advertise_host=advertise_host, advertise_port=advertise_port
        )
        self._shared = shared
        self._in_use: DatagramPort | None = None
        self._flow = 0

    async def start(self, owner: TransportOwner, flow: int = 0) -> Transport:
        used = self._shared or OwnPort(self._host, self._port)
        self._in_use, self._owner, self._flow = used, owner, flow
        self._resolver = Resolver(used.socket.family, self.send, owner.fail)
        used.start(self._readable)
        return self._make_record()

    async def close(self) -> None:
        used, self._in_use = self._in_use, None
        if used is not None:
            used.close()
        if self._resolver is not None:
            await self._resolver.close()

    @property
    def local_address(self) -> tuple[str, int]:
        if self._in_use is None:
            raise RuntimeError("the endpoint is not started")
        host, port = self._in_use.socket.getsockname()[:2]
        return str(host), int(port)

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
        used, owner, flow = self._in_use, self._owner, self._flow
        if used is not None and owner is not None:
            owner.take_in((data, Address("udp", *source, flow)) for data, source in used.receive())
