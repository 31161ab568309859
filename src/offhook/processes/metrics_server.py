"""``[metrics] listen``: the figures of all processes of this machine, also where none serves the API."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

from offhook.config import host_and_port


@contextlib.contextmanager
def serving_metrics(listen: str | None, folder: str) -> Iterator[None]:
    """Answer ``/metrics`` at ``listen`` meanwhile, from a thread; None: nowhere. Raises OSError."""
    if listen is None:
        yield
        return
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=folder)
    host, port = host_and_port(listen)
    server, thread = start_http_server(port, host, registry)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
