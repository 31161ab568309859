"""The server: starts on a socket, reports when it is ready, stops gracefully. The process handles
signals."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Generator

import uvicorn

from offhook.aio import abort, first_of
from offhook.http.asgi import AsgiApp
from offhook.http.deps import Deps
from offhook.http.edge.addresses import Addresses
from offhook.http.edge.connections import BoundedProtocol, bounded
from offhook.http.edge.server_tls import ServerTls
from offhook.http.edge.tls_door import TlsDoor

BACKLOG = 2048


class _QuietServer(uvicorn.Server):
    """uvicorn's server without its signal handlers: it would raise SIGTERM again after the stop."""

    def __init__(
        self, config: uvicorn.Config, bounded: type[BoundedProtocol], tls: ServerTls | None
    ) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()
        self._bounded = bounded
        self._tls = tls
        self._doors: list[asyncio.Task[None]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections on ``sockets``, and report that."""
        await self.lifespan.startup()
        loop = asyncio.get_running_loop()
        self.servers = []
        for sock in sockets or ():
            if self._tls is None:
                server = await loop.create_server(
                    self._protocol, sock=sock, backlog=self.config.backlog
                )
                self.servers.append(server)
            else:
                sock.listen(self.config.backlog)
                door = TlsDoor(self._tls, self._protocol)
                self._doors.append(loop.create_task(door.accept(sock), name="tls-door"))
        self.started = True
        self.accepting.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the doors too; uvicorn closes what came in."""
        for door in self._doors:
            door.cancel()
        await asyncio.gather(*self._doors, return_exceptions=True)
        await super().shutdown(sockets)

    def _protocol(self) -> BoundedProtocol:
        return self._bounded(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Do not change the process's signal handlers."""
        yield


class RunningServer:
    """A server that accepts connections."""

    def __init__(
        self,
        server: uvicorn.Server,
        task: asyncio.Task[None],
        port: int,
        deps: Deps,
        tls: ServerTls | None = None,
    ) -> None:
        self._server = server
        self._tls = tls
        self._task = task
        self._deps = deps
        self.port = port
        """The port it listens on, also where 0 was asked for."""

    def reload_certificate(self) -> None:
        """Read the files of the certificate again, if there are any."""
        if self._tls is not None:
            self._tls.reload()

    async def stop(self, grace: float) -> None:
        """Accept nothing new, let requests finish for ``grace`` seconds, then cut them off.

        New callflows get 503 from now on; event streams end at once.
        """
        self._deps.phase.draining.set()
        self._server.config.timeout_graceful_shutdown = max(1, round(grace))
        self._server.should_exit = True
        await self._task
        for connection in list(self._server.server_state.connections):
            transport = connection.transport
            if transport is not None:
                abort(transport)
        await asyncio.sleep(0)  # the loop's next turn closes what was aborted


async def serve(app: AsgiApp, deps: Deps, host: str, port: int) -> RunningServer:
    """Start; returns once connections are accepted.

    With ``[http] tls_certificate`` and ``tls_key`` it speaks https. Raises :class:`OSError` if the
    port is taken or the certificate cannot be used.
    """
    section = deps.config.http
    tls = (
        ServerTls(section.tls_certificate, section.tls_key)
        if section.tls_certificate is not None and section.tls_key is not None
        else None
    )
    sock = _listen(host, port)
    server = _server(app, deps, tls)
    loop = asyncio.get_running_loop()
    task = loop.create_task(server.serve(sockets=[sock]), name="http-server")
    try:
        await first_of(task, server.accepting.wait())
    except BaseException:
        sock.close()
        raise
    if task.done():
        sock.close()
        raise RuntimeError("the HTTP server ended before it started")
    return RunningServer(server, task, sock.getsockname()[1], deps, tls)


def _server(app: AsgiApp, deps: Deps, tls: ServerTls | None) -> _QuietServer:
    """uvicorn with the limits of ``deps``; it reads no headers of proxies and writes no log of its own."""
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # clients cause its warnings
    protocol = bounded(deps.limits, deps.clock, Addresses(deps.config.http.trusted_proxies))
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        loop="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=deps.limits.idle_seconds,
    )
    return _QuietServer(config, protocol, tls)


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket of the address family that ``host`` resolves to."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock
