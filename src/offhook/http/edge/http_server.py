"""The server: starts on a socket, reports when it is ready, stops gracefully. The process handles
signals."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Generator

import uvicorn

from offhook.aio import first_of
from offhook.http.asgi import AsgiApp
from offhook.http.deps import Deps
from offhook.http.edge.addresses import Addresses
from offhook.http.edge.connections import bounded
from offhook.http.edge.server_tls import HANDSHAKE_SECONDS, ServerTls

BACKLOG = 2048


class _QuietServer(uvicorn.Server):
    """uvicorn's server without its signal handlers: it would raise SIGTERM again after the stop."""

    def __init__(self, config: uvicorn.Config, tls: ServerTls | None) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()
        self._tls = tls

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections on ``sockets``, and report that."""
        await self.lifespan.startup()
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(
                self._protocol,
                sock=sock,
                backlog=self.config.backlog,
                ssl=self._tls.context if self._tls else None,
                ssl_handshake_timeout=HANDSHAKE_SECONDS if self._tls else None,
            )
            for sock in sockets or ()
        ]
        self.started = True
        self.accepting.set()

    def _protocol(self) -> asyncio.Protocol:
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return make(
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
                transport.abort()
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
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # clients cause its warnings
    config = uvicorn.Config(
        app,
        http=bounded(deps.limits, deps.clock, Addresses(deps.config.http.trusted_proxies)),
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
    server = _QuietServer(config, tls)
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
