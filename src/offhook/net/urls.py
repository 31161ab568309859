"""Customers' URLs: which URLs may be requested, and the target of a redirect. Pure.

The request target leaves as the customer wrote it: signed URLs are valid octet for octet, and yarl would
turn ``%2F`` or ``%28`` into another spelling of the same path.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote, urljoin

from yarl import URL

from offhook.net.outgoing_errors import InvalidUrl

MAX_URL = 2048
"""Characters (``spec/status-codes.md``, playFile)."""

_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_AS_WRITTEN = string.ascii_letters + string.digits + string.punctuation
"""Characters that are not changed in a path or query; blanks and non-ASCII characters are percent-encoded
as UTF-8."""

_BODY_HEADERS = frozenset({"content-type", "content-length", "content-encoding"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@lru_cache(maxsize=1024)
def parse_url(text: str, *, allow_http: bool = True) -> URL:
    """The absolute http or https URL that ``text`` is. Raises :class:`InvalidUrl`.

    Judged by the same parser that the connection is made with, so that both always see the same host;
    backslashes, blanks and controls, which browsers and libraries read
    differently, are refused.
    """
    if not text or len(text) > MAX_URL:
        raise InvalidUrl(f"the URL is empty or longer than {MAX_URL} characters")
    if "\\" in text or not text.isprintable() or any(c.isspace() for c in text):
        raise InvalidUrl("the URL holds a blank, a control character or a backslash")
    try:
        url = URL(text)
        host, port = url.host, url.port
    except ValueError as error:
        raise InvalidUrl("the URL cannot be parsed") from error
    if url.scheme not in ("http", "https") or not host:
        raise InvalidUrl("the URL is not an absolute http or https URL")
    if url.scheme == "http" and not allow_http:
        raise InvalidUrl("the URL is http, and only https is allowed here")
    if not port:
        raise InvalidUrl("the URL's port cannot be connected to")
    return _as_written(text, url)


def _as_written(text: str, parsed: URL) -> URL:
    """``parsed`` with the path and query that stand in ``text``, not yarl's spelling of them."""
    found = _AUTHORITY.match(text)
    if found is None:
        raise InvalidUrl("the URL cannot be parsed")
    target = quote(text[found.end() :].partition("#")[0], safe=_AS_WRITTEN)
    if not target.startswith("/"):
        target = "/" + target
    url = URL(f"{parsed.scheme}://{parsed.raw_authority}{target}", encoded=True)
    if (url.host, url.port) != (parsed.host, parsed.port):
        raise InvalidUrl("the URL cannot be parsed")
    return url


def redirect_target(
    status: int, location: str | None, current: URL, *, allow_http: bool
) -> URL | None:
    """The target of a redirect (RFC 9110 §15.4); None: it is no redirect.

    Raises :class:`InvalidUrl` for a target that may not be requested: one that is not http(s), or http
    after https, which would send unencrypted what the customer protects with TLS.
    """
    if status not in _REDIRECTS or location is None:
        return None
    # Headers are decoded with surrogateescape, so octets that are no UTF-8 come through unchanged.
    spelled = quote(location.strip(), safe=_AS_WRITTEN, errors="surrogateescape")
    try:
        joined = urljoin(str(current.with_user(None)), spelled)
    except ValueError as error:
        raise InvalidUrl("the redirect's target cannot be parsed") from error
    target = parse_url(joined, allow_http=allow_http)
    if current.scheme == "https" and target.scheme == "http":
        raise InvalidUrl("the answer redirects from https to http")
    return target


def redirected_method(status: int, method: str) -> str:
    """The method after a redirect: 303, and 301 or 302 after a POST, turn it into GET."""
    if method == "HEAD" or status in (307, 308):
        return method
    return "GET" if status == 303 or method == "POST" else method


def redirected_headers(
    headers: Mapping[str, str], current: URL, target: URL, *, keeps_body: bool
) -> dict[str, str]:
    """The headers after a redirect: credentials stay with their origin, body headers with the body.

    An origin is a scheme, a host and a port (RFC 6454 §4).
    """
    same_origin = current.origin() == target.origin()
    dropped: frozenset[str] = frozenset() if same_origin else frozenset({"authorization", "cookie"})
    if not keeps_body:
        dropped |= _BODY_HEADERS
    return {name: value for name, value in headers.items() if name.lower() not in dropped}
