"""The session description inside a multipart body (RFC 2046 §5.1, RFC 5621)."""

from __future__ import annotations

from offhook.sip.grammar import GrammarError, octets, split_outside_quotes


def sdp_of_multipart(content_type: str, body: bytes) -> bytes | None:
    """The first ``application/sdp`` part of a multipart body (RFC 2046 §5.1); None without one."""
    try:
        params = content_type.partition(";")[2]
        pairs = [part.partition("=") for part in split_outside_quotes(params, ";")]
    except GrammarError:
        return None
    boundary = next(
        (v.strip().strip('"') for k, _, v in pairs if k.strip().lower() == "boundary"), ""
    )
    if not boundary:
        return None
    mark = b"--" + octets(boundary)
    for part in body.split(mark)[1:65]:
        head, _, content = part.strip(b"\r\n").partition(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            kind = value.partition(b";")[0].strip().lower()
            if name.strip().lower() == b"content-type" and kind == b"application/sdp":
                return content + b"\r\n"
    return None
