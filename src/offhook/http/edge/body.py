"""Request bodies: read with a bound on the received size and on the inflated size."""

from __future__ import annotations

import asyncio
import zlib

from offhook.http.asgi import Receive

INFLATED_AT_ONCE = 4 * 1024
"""Bytes of compressed data that are inflated on the loop; more are inflated in a thread."""
MOST_MEMBERS = 64
"""Members of one body: an empty one takes 20 bytes and as much time as a full one."""


class BodyTooLarge(Exception):
    """The body is larger than allowed, as sent or inflated."""


class Undecodable(Exception):
    """The content coding is unknown or the compressed data is damaged."""


class ClientGone(Exception):
    """The connection ended before the body did."""


async def read_body(
    receive: Receive, *, limit: int, content_length: bytes | None, coding: bytes | None
) -> bytes:
    """The whole body, inflated, at most ``limit`` bytes before and after.

    Raises :class:`BodyTooLarge`, :class:`Undecodable` or :class:`ClientGone`. A ``Content-Length`` over
    the limit is refused before anything is read.
    """
    if content_length is not None and content_length.isdigit() and int(content_length) > limit:
        raise BodyTooLarge
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise ClientGone
    if message.get("more_body", False):
        parts = [body]
        size = len(body)
        while message.get("more_body", False):
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > limit:
                raise BodyTooLarge
            parts.append(part)
        body = b"".join(parts)
    if len(body) > limit:
        raise BodyTooLarge
    if coding is None or coding.lower() in (b"", b"identity"):
        return body
    if coding.lower() in (b"gzip", b"x-gzip"):
        if len(body) <= INFLATED_AT_ONCE:
            return inflate(body, limit)
        return await asyncio.to_thread(inflate, body, limit)
    raise Undecodable


def inflate(data: bytes, limit: int) -> bytes:
    """Inflate gzip data (RFC 1952, one member or several) to at most ``limit`` bytes.

    Raises :class:`BodyTooLarge` as soon as more would come out, :class:`Undecodable` for damaged data
    and for more than :data:`MOST_MEMBERS` members.
    """
    inflated = bytearray()
    for _ in range(MOST_MEMBERS):
        if not data:
            return bytes(inflated)
        member = zlib.decompressobj(wbits=31)
        try:
            inflated += member.decompress(data, limit + 1 - len(inflated))
        except zlib.error:
            raise Undecodable from None
        if len(inflated) > limit:
            raise BodyTooLarge
        if not member.eof:
            raise Undecodable
        data = member.unused_data
    raise Undecodable
