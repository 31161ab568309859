"""The UDP sockets of legs: RTP on an even port, RTCP on the next (RFC 3550 §11)."""

from __future__ import annotations

import errno
import ipaddress
import random
import socket
from collections import deque
from typing import NamedTuple

from offhook.media.engine import PortsExhausted


class SocketPair(NamedTuple):
    """One leg's sockets, bound and non-blocking."""

    port: int
    """The RTP port; RTCP has the next."""
    rtp: socket.socket
    rtcp: socket.socket

    def close(self) -> None:
        """Close both."""
        self.rtp.close()
        self.rtcp.close()


class PortPools:
    """The pools of an engine, one for each IP version that it has an address of."""

    def __init__(self, host: str, other: str | None, ports: tuple[int, int]) -> None:
        """Raises :class:`ValueError` when they are none, or both addresses of one version."""
        self.first = PortPool(host, ports)
        self._by_version: dict[int, PortPool] = {self.first.ip_version: self.first}
        if other is not None:
            second = PortPool(other, ports)
            if second.ip_version == self.first.ip_version:
                raise ValueError(f"{host} and {other} are of the same IP version")
            self._by_version[second.ip_version] = second

    def of(self, ip_version: int | None) -> PortPool:
        """That of a version, or the first. Raises :class:`ValueError`."""
        if ip_version is None:
            return self.first
        pool = self._by_version.get(ip_version)
        if pool is None:
            raise ValueError(f"no media over IPv{ip_version}")
        return pool

    def release(self, sockets: SocketPair) -> None:
        """Take back the port of a pair."""
        self.of(6 if sockets.rtp.family == socket.AF_INET6 else 4).release(sockets.port)


class PortPool:
    """Even ports of a range in a random order; a freed one is used again after all others."""

    def __init__(self, host: str, ports: tuple[int, int]) -> None:
        """``host``: the literal address to bind; ``ports``: first and last, inclusive.

        Raises :class:`ValueError` for a host that is no address or a range without a pair.
        """
        address = ipaddress.ip_address(host)
        self._host = host
        self._family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        first, last = ports
        pairs = list(range(first + first % 2, last, 2))
        if not pairs or first < 1 or last > 65535:
            raise ValueError(f"no pair of ports in {first}-{last}")
        random.SystemRandom().shuffle(pairs)
        self._free = deque(pairs)
        self.ip_version: int = address.version

    def open(self) -> SocketPair:
        """Bind the next free pair.

        A port that another program uses is skipped and tried again later, in the usual order. Raises
        :class:`PortsExhausted` when there is none, or no file descriptor.
        """
        for _ in range(len(self._free)):
            port = self._free.popleft()
            try:
                pair = self._bind(port)
            except OSError as error:
                self._free.append(port)
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    raise PortsExhausted("out of file descriptors") from error
                continue
            return pair
        raise PortsExhausted("every RTP port is in use")

    def release(self, port: int) -> None:
        """Take back the port of a closed pair."""
        self._free.append(port)

    def _bind(self, port: int) -> SocketPair:
        """The pair at ``port``. Raises :class:`OSError`."""
        sockets: list[socket.socket] = []
        try:
            for number in (port, port + 1):
                sock = socket.socket(self._family, socket.SOCK_DGRAM)
                sockets.append(sock)
                sock.setblocking(False)
                if self._family == socket.AF_INET6:  # the same port of IPv4 is another leg's
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind((self._host, number))
        except OSError:
            for sock in sockets:
                sock.close()
            raise
        return SocketPair(port, *sockets)
