"""The sockets of an endpoint, and its address."""

from __future__ import annotations

import socket

BUFFER = 4 * 1024 * 1024
"""Octets asked for the socket's buffers; the system may grant fewer."""
BACKLOG = 1024
"""Connections that wait to be accepted."""


def bound_socket(host: str, port: int) -> socket.socket:
    """A non-blocking UDP socket with large buffers. Raises OSError; then no socket stays open.

    One of IPv6 takes IPv6 only: to IPv4 peers it would give an address that they cannot use.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, BUFFER)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def unspecified(host: str) -> bool:
    """Whether a socket bound to ``host`` listens on every address of the machine."""
    return host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound


def own_address(host: str = "0.0.0.0") -> str:  # noqa: S104 - compared, not bound
    """The address of the default route, of the IP version of ``host``, for Via and Contact when none is
    configured."""
    wide = ":" in host
    with socket.socket(socket.AF_INET6 if wide else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("2001:db8::1" if wide else "192.0.2.1", 9))  # sends nothing
        except OSError:
            return "::1" if wide else "127.0.0.1"
        return str(probe.getsockname()[0])


def listening_socket(host: str, port: int) -> socket.socket:
    """A non-blocking TCP socket that listens. Raises OSError; then no socket stays open."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock
