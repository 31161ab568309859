"""The ASGI types, and answers written straight to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, NamedTuple

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

Headers = Sequence[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")


class HttpAnswer(NamedTuple):
    """A complete response."""

    status: int
    body: bytes
    headers: Headers = ()
    content_type: tuple[bytes, bytes] = JSON


async def send_answer(send: Send, answer: HttpAnswer) -> None:
    """Write a complete response."""
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [
                answer.content_type,
                (b"content-length", b"%d" % len(answer.body)),
                *answer.headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": answer.body})
