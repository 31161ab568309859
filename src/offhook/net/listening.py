"""Tries an address that is to be listened on."""

from __future__ import annotations

import socket

from offhook.config import host_and_port


def bind_error(endpoint: str, kind: socket.SocketKind) -> OSError | None:
    """Why ``host:port`` cannot be listened on now; None: it can."""
    host, port = host_and_port(endpoint)
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=kind)[0]
        with socket.socket(family, kind) as trial:
            if kind is socket.SOCK_STREAM:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        return error
    return None
