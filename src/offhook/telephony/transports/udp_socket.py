"""The address and the UDP socket of an endpoint."""

from __future__ import annotations

import socket

BUFFER = 4 * 1024 * 1024
"""Octets asked for the socket's buffers; the system may grant fewer."""


def bound_socket(host: str, port: int) -> socket.socket:
    """A non-blocking UDP socket with large buffers. Raises OSError; then no socket stays open."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
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


def own_address() -> str:
    """The address of the default route, for Via and Contact when none is configured."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
