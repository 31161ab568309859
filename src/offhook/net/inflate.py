"""Bodies that came compressed, inflated within a bound. Pure.

A body that does not match its ``Content-Encoding`` is read as it is (``spec/webhooks.md``): some servers
announce gzip for a body that their proxy has already unpacked.
"""

from __future__ import annotations

import zlib

_MOST_MEMBERS = 64
"""Of one gzip body. Thousands of empty members take long and inflate to nothing."""
_GZIP = frozenset({"gzip", "x-gzip"})


def inflated(body: bytes, encoding: str, limit: int) -> bytes:
    """``body`` as its ``Content-Encoding`` says, at most ``limit`` + 1 octets of it.

    A body that cannot be inflated, or names an encoding that was not offered, comes back as it is. Of an
    incomplete body, the part that could be inflated is returned.
    """
    match encoding.strip().lower():
        case name if name in _GZIP and body[:2] == b"\x1f\x8b":
            found = _gunzip(body, limit + 1)
        case "deflate":
            found = _inflate(body, zlib.MAX_WBITS, limit + 1)
            if found is None:  # some servers send the bare stream (RFC 9110 §8.4.1.2)
                found = _inflate(body, -zlib.MAX_WBITS, limit + 1)
        case _:
            found = None
    return body if found is None else found


def _gunzip(body: bytes, limit: int) -> bytes | None:
    out = bytearray()
    for _ in range(_MOST_MEMBERS):
        member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            out += member.decompress(body, limit - len(out))
        except zlib.error:
            return bytes(out) if out else None
        body = member.unused_data
        if not member.eof or not body or len(out) >= limit:
            break
    return bytes(out)


def _inflate(body: bytes, window: int, limit: int) -> bytes | None:
    stream = zlib.decompressobj(window)
    try:
        out = stream.decompress(body, limit)
    except zlib.error:
        return None
    # Some texts begin like a bare deflate stream; the body is one only if it also ends like one.
    return out if stream.eof or len(out) >= limit or window > 0 else None
