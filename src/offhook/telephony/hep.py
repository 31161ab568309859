"""SIP messages to a capture server such as Homer, as HEP version 3 over UDP.

A packet ("HEP/EEP Network Protocol Specification", rev. 36) is ``HEP3``, the total length, and chunks:
vendor 0, type, length and value, in network order. Each datagram holds one SIP message with its addresses.
Sending never waits and never fails a call: what the kernel does not take is dropped and counted.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final, NamedTuple, Self, final

from offhook.sip import Address
from offhook.telephony.sip_trace import without_secrets

_log = logging.getLogger(__name__)

_HEAD = struct.Struct("!4sH")
_CHUNK = struct.Struct("!HHH")
_IPV4, _IPV6 = 2, 10
_UDP, _TCP = 17, 6
_SIP = 1
_LARGEST: Final = 65_000
"""Octets of a SIP message in one datagram; a larger one is cut."""


class HepEndpoints(NamedTuple):
    """Between which addresses a message went."""

    source: tuple[str, int]
    destination: tuple[str, int]
    transport: str
    """``udp``, ``tcp`` or ``tls``."""


def packet(
    message: bytes, between: HepEndpoints, at: datetime, *, agent: int, call_id: bytes = b""
) -> bytes:
    """One HEP3 packet. ``agent``: the number of this capture agent, 32 bits.

    Raises ValueError for an address that is no IP address literal.
    """
    source, destination = (
        ipaddress.ip_address(host) for host, _ in (between.source, between.destination)
    )
    if source.version != destination.version:
        raise ValueError(f"{source} and {destination} are of two families")
    seconds, micros = divmod(round(at.timestamp() * 1_000_000), 1_000_000)
    first = 3 if source.version == 4 else 5
    chunks = [
        (1, bytes([_IPV4 if source.version == 4 else _IPV6])),
        (2, bytes([_UDP if between.transport == "udp" else _TCP])),
        (first, source.packed),
        (first + 1, destination.packed),
        (7, struct.pack("!H", between.source[1])),
        (8, struct.pack("!H", between.destination[1])),
        (9, struct.pack("!I", seconds)),
        (10, struct.pack("!I", micros)),
        (11, bytes([_SIP])),
        (12, struct.pack("!I", agent)),
        *([(17, call_id)] if call_id else []),
        (15, message[:_LARGEST]),
    ]
    body = b"".join(_CHUNK.pack(0, kind, 6 + len(value)) + value for kind, value in chunks)
    return _HEAD.pack(b"HEP3", 6 + len(body)) + body


@final
class HepExport:
    """Sends every SIP message of an endpoint to one capture server."""

    def __init__(
        self,
        server: tuple[str, int],
        near: Callable[[Address], Address],
        now: Callable[[], datetime],
        *,
        agent: int,
    ) -> None:
        """``server``: an IP address literal and port; ``near``: our own address, given the far one."""
        self._near = near
        self._now = now
        self._agent = agent
        self.dropped = 0
        family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.connect(server)

    @classmethod
    def resolved(
        cls,
        host: str,
        port: int,
        near: Callable[[Address], Address],
        now: Callable[[], datetime],
        *,
        agent: int,
    ) -> Self:
        """With a server's name, looked up once. Raises OSError."""
        *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        server = (str(address[0]), int(address[1]))
        return cls(server, near, now, agent=agent)

    def tap(self, direction: str, data: bytes, far: Address) -> None:
        """Send a message that came (``<``) or went (``>``). Keep-alives are left out."""
        if len(data) < 20:
            return
        there, near = (far.host, far.port), self._near(far)
        here = (near.host, near.port)
        between = (
            HepEndpoints(there, here, far.transport)
            if direction == "<"
            else HepEndpoints(here, there, far.transport)
        )
        try:
            sent = packet(without_secrets(data), between, self._now(), agent=self._agent)
            self._socket.send(sent)
        except (OSError, ValueError) as error:
            self.dropped += 1
            # At 1, 10, 100, …: a server that is away must not fill the log.
            if str(self.dropped).strip("0") == "1":
                _log.warning("HEP: %d messages were not sent: %s", self.dropped, error)

    def close(self) -> None:
        """Send no more."""
        with suppress(OSError):
            self._socket.close()
