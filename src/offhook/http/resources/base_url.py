"""The URL under which customers reach this server, for links in answers."""

from __future__ import annotations

import re

from offhook.http.deps import Deps
from offhook.http.edge.addresses import Addresses
from offhook.http.resources.params import AnyRequest

_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")


def base_url(request: AnyRequest, deps: Deps) -> str:
    """``https://voice.example``, without a slash at its end.

    ``[http] public_url`` where it is set. Else what the request was sent to; of a proxy of
    ``trusted_proxies`` its ``X-Forwarded-Proto`` and ``X-Forwarded-Host`` count, of others they do not.
    """
    if deps.config.http.public_url is not None:
        return deps.config.http.public_url.rstrip("/")
    scheme, host = request.base_url.scheme, request.base_url.netloc
    peer = request.client.host if request.client is not None else ""
    if Addresses(deps.config.http.trusted_proxies).of_peer(peer) is None:
        scheme = _forwarded(request, "x-forwarded-proto", ("http", "https")) or scheme
        forwarded = _forwarded(request, "x-forwarded-host", None)
        host = forwarded if forwarded is not None and _HOST.fullmatch(forwarded) else host
    return f"{scheme}://{host}"


def _forwarded(request: AnyRequest, name: str, allowed: tuple[str, ...] | None) -> str | None:
    """The value that the nearest proxy has set."""
    value = request.headers.get(name, "").rpartition(",")[2].strip()
    return value if value and (allowed is None or value in allowed) else None
