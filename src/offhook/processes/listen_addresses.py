"""Tries the addresses that a configuration listens on, before any process is started."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from typing import Literal, NamedTuple

from offhook.config import Config
from offhook.net.listening import bind_error

Role = Literal["all", "api", "voice"]


class Unusable(NamedTuple):
    """An address that cannot be listened on."""

    text: str
    """The key, the address and the reason, in a line."""
    taken: bool
    """Whether another process uses it; that process may end."""


def unusable(config: Config, role: Role) -> Iterator[Unusable]:
    """The addresses that cannot be listened on."""
    wanted: list[tuple[str, str, socket.SocketKind]] = []
    if role != "voice":
        wanted.append(("http.listen", config.http.listen, socket.SOCK_STREAM))
    if role != "api":
        wanted += [
            (
                "sip.listen",
                address.partition(":")[2],
                socket.SOCK_DGRAM if address.startswith("udp:") else socket.SOCK_STREAM,
            )
            for address in config.sip.listen
        ]
    if config.metrics.listen is not None:
        wanted.append(("metrics.listen", config.metrics.listen, socket.SOCK_STREAM))
    for key, endpoint, kind in wanted:
        error = bind_error(endpoint, kind)
        if error is not None:
            text = f"{key}: cannot listen on {endpoint}: {error.strerror or error}"
            yield Unusable(text, error.errno == errno.EADDRINUSE)
