"""The URLs that webhooks may go to, by the operator's settings, and the reason for a refusal."""

from __future__ import annotations

from offhook.config import Config
from offhook.net.http_client import HttpClient
from offhook.net.outgoing_errors import AddressRefused, OutgoingError

ALLOW_PRIVATE = "[webhooks] allow_private = true in the server's configuration allows it"
ALLOW_HTTP = "[webhooks] allow_http = true in the server's configuration allows http"


def open_client(config: Config, *, connections_per_host: int) -> HttpClient:
    """The client for webhooks. To be made and closed on the loop that uses it."""
    return HttpClient(
        allow_private=config.webhooks.opens_private,
        allow_loopback=config.webhooks.opens_loopback,
        allow_http=config.webhooks.allow_http,
        connections_per_host=connections_per_host,
        proxy=config.webhooks.proxy,
    )


async def url_problem(client: HttpClient, url: str) -> str | None:
    """Why a webhook may not go to ``url``, and which setting would allow it; None: it may."""
    try:
        await client.validate_url(url)
    except AddressRefused as error:
        return f"{error}; {ALLOW_PRIVATE}"
    except OutgoingError as error:
        only_https = "only https" in str(error)
        return f"{error}; {ALLOW_HTTP}" if only_https else str(error)
    return None
