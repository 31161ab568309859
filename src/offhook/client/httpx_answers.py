"""What httpx answers and raises, in the clients' own terms."""

from __future__ import annotations

import httpx

from offhook.client.api_errors import NoAnswer
from offhook.client.retrying import Fault
from offhook.client.sending import ClientRequest, RawAnswer

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def raw(response: httpx.Response, body: bytes) -> RawAnswer:
    """The answer as it came."""
    return RawAnswer(response.status_code, dict(response.headers), body)


def fault_of(error: httpx.RequestError) -> Fault:
    """Whether the request can have arrived."""
    return Fault.NOT_SENT if isinstance(error, _NOT_SENT) else Fault.UNKNOWN


def no_answer(request: ClientRequest, error: httpx.RequestError) -> NoAnswer:
    """The last attempt failed so."""
    return NoAnswer(f"{request.method} {request.url}: {error or type(error).__name__}")
