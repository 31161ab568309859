"""Connections over plain TCP to customers' servers, for protocols other than HTTP: the address is judged
after the name lookup and before the connection, as in :mod:`.http_client`."""

from __future__ import annotations

import asyncio
import socket

from offhook.net.guard import may_connect
from offhook.net.outgoing_errors import AddressRefused, ConnectFailed


async def open_socket(
    host: str, port: int, *, allow_private: bool, timeout: float
) -> socket.socket:
    """A connected, non-blocking socket to ``host``, a name or a literal address.

    Raises :class:`AddressRefused` when no address of the host may be connected to, and
    :class:`ConnectFailed`.
    """
    loop = asyncio.get_running_loop()
    failure = f"no connection to {host}:{port} within {timeout:g} s"
    try:
        async with asyncio.timeout(timeout):
            infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            allowed = [
                info for info in infos if may_connect(_text(info[4]), allow_private=allow_private)
            ]
            if not allowed:
                raise AddressRefused(f"{host} leads to an address that is not public")
            for family, kind, proto, _, address in allowed:
                made = socket.socket(family, kind, proto)
                made.setblocking(False)
                try:
                    await loop.sock_connect(made, address)
                except OSError as error:
                    made.close()
                    failure = f"no connection to {host}:{port}: {error.strerror or 'refused'}"
                except BaseException:
                    made.close()
                    raise
                else:
                    return made
    except socket.gaierror:
        failure = f"the name {host} cannot be looked up"
    except UnicodeError:
        failure = f"{host!r} is no host name"
    except TimeoutError:
        pass
    raise ConnectFailed(failure)


def _text(address: tuple[object, ...]) -> str:
    scope = f"%{address[3]}" if len(address) > 3 and address[3] else ""
    return f"{address[0]}{scope}"
