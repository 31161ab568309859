"""Outgoing HTTP: webhooks, audio files, engines in the cloud.

The address is judged when the socket is made, so that a literal address, a name with a new address, and
the target of a redirect all pass the same check
(``docs/decisions/outgoing-http.md``).
"""

from __future__ import annotations

import asyncio
import io
import os
import ssl
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from socket import AF_INET, AF_UNSPEC, SOCK_STREAM, AddressFamily, gaierror, getaddrinfo, socket
from typing import IO, final

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult
from multidict import CIMultiDict
from yarl import URL

from offhook.net.guard import is_address, may_connect
from offhook.net.heads import MAX_HEAD
from offhook.net.inflate import inflated
from offhook.net.outgoing_errors import (
    AddressRefused,
    AnswerTooLarge,
    ConnectFailed,
    InvalidUrl,
    OutgoingError,
    TimedOut,
    TooManyRedirects,
)
from offhook.net.tolerant import read_tolerantly
from offhook.net.urls import parse_url, redirect_target, redirected_headers, redirected_method

_LOOKUP_THREADS = 16
_LOOKUP_TIMEOUT = 5.0
_CHUNK = 65_536


class HttpResponse(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, its body read to the end (or to where it was cut)."""

    status: int
    headers: Mapping[str, str]
    """Names compare without case; of a repeated name the first value."""
    body: bytes
    """Inflated when it came compressed."""
    url: str
    """Where it came from after redirects, without userinfo."""


class HttpRequester(ABC):
    """Sends a request and reads the answer."""

    @abstractmethod
    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        timeout: float,
        max_body: int,
        truncate: bool,
    ) -> HttpResponse:
        """The answer within ``timeout`` seconds, its body at most ``max_body`` octets long: a longer one is
        cut if ``truncate``, else an error. Raises :class:`.OutgoingError`.
        """


@final
class HttpClient(HttpRequester):
    """Requests http and https URLs, with limits for time and size.

    No cookies, no proxies or .netrc from the environment. Connections are kept alive per host. To
    be made and closed on the loop that uses it.
    """

    def __init__(
        self,
        *,
        allow_private: bool,
        allow_loopback: bool = False,
        allow_http: bool = True,
        connections_per_host: int = 32,
        connections: int = 1024,
        tls: ssl.SSLContext | None = None,
        resolver: AbstractResolver | None = None,
        proxy: str | None = None,
    ) -> None:
        """``allow_loopback`` opens this machine where private addresses are closed.

        ``connections`` bounds those open at once, ``connections_per_host`` those to one origin;
        a further request waits for a free connection, within its own deadline. ``tls`` replaces the
        system's
        trust, ``resolver`` the system's name lookups. All requests go through ``proxy``, an http URL, where
        it is given. A target is then judged before the proxy is asked, as far as its name can be looked up
        here; the proxy's own address may be private.
        """
        self._allow_private = allow_private
        self._allow_loopback = allow_loopback
        self._allow_http = allow_http
        self._resolver = resolver or _Resolver()
        self._proxy = proxy
        connector = aiohttp.TCPConnector(
            limit=connections,
            limit_per_host=connections_per_host,
            socket_factory=self._open_socket,
            resolver=self._resolver,
            ssl=tls if tls is not None else True,
        )
        read_tolerantly(connector)
        self._session = _session_on(connector)

    def allow(self, *, private: bool, loopback: bool, http: bool = True) -> None:
        """Change which URLs are allowed; running requests keep the old settings."""
        self._allow_private = private
        self._allow_loopback = loopback
        self._allow_http = http

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float,
        max_body: int,
        max_redirects: int = 0,
        truncate: bool = False,
        allow_http: bool | None = None,
        into: IO[bytes] | None = None,
    ) -> HttpResponse:
        """Ask ``url`` and read the answer. Raises a subclass of :class:`OutgoingError`.

        ``timeout`` seconds cover everything: the wait for a connection, the name lookup, all
        redirects and the last byte of the body. A body over ``max_body`` bytes (inflated) raises
        :class:`AnswerTooLarge`, or is cut there with ``truncate``. With ``max_redirects`` 0 a redirect is
        an answer like any other. Userinfo in the URL becomes Basic credentials for its origin
        unless ``headers`` hold an ``Authorization`` of their own. ``allow_http`` overrules the
        client's for this request. With ``into`` the body goes to that file as it came, not inflated, and
        :attr:`Response.body` is empty.
        """
        http = self._allow_http if allow_http is None else allow_http
        first = parse_url(url, allow_http=http)
        if self._session.closed:
            raise ConnectFailed("the client is closed")
        try:
            async with asyncio.timeout(timeout):
                limit = _Limit(max_body, truncate, into)
                if not max_redirects:
                    return await self._ask(method, first, headers or {}, body, limit)
                return await self._follow(
                    method, first, headers or {}, body, limit, max_redirects, http
                )
        except TimeoutError as error:
            raise TimedOut(f"{_origin(first)} did not answer within {timeout:g} s") from error

    async def validate_url(self, url: str) -> None:
        """Whether ``url`` may be registered: its form, and where its host leads now.

        Raises :class:`InvalidUrl` or :class:`AddressRefused`. A name that cannot be looked up now
        is accepted: its address is checked when the connection is made.
        """
        await self._judge(parse_url(url, allow_http=self._allow_http))

    async def _judge(self, parsed: URL) -> None:
        """Raise :class:`AddressRefused` where the host leads to an address that is not open now."""
        host = parsed.host or ""
        if is_address(host):
            addresses = [host]
        else:
            try:
                async with asyncio.timeout(_LOOKUP_TIMEOUT):
                    found = await self._resolver.resolve(host, parsed.port or 0, AF_UNSPEC)
            except (OSError, UnicodeError):  # TimeoutError is an OSError
                return
            addresses = [entry["host"] for entry in found]
        if not all(map(self._may_connect, addresses)):
            raise AddressRefused(f"{host} leads to an address that is not public")

    async def close(self) -> None:
        """Close every connection; requests under way fail."""
        await self._session.close()
        await self._resolver.close()

    async def _follow(
        self,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        body: bytes | None,
        limit: _Limit,
        max_redirects: int,
        allow_http: bool,
    ) -> HttpResponse:
        for hop in range(max_redirects + 1):
            answer = await self._ask(method, url, headers, body, limit)
            location = answer.headers.get("Location")
            target = redirect_target(answer.status, location, url, allow_http=allow_http)
            if target is None:
                return answer
            if hop == max_redirects:
                break
            following = redirected_method(answer.status, method)
            body = body if following == method else None
            headers = redirected_headers(headers, url, target, keeps_body=body is not None)
            method, url = following, target
        raise TooManyRedirects(f"{_origin(url)} redirects more than {max_redirects} times")

    async def _ask(
        self,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        body: bytes | None,
        limit: _Limit,
    ) -> HttpResponse:
        """One request, no redirects followed. Raises a subclass of :class:`OutgoingError`."""
        all_headers = CIMultiDict(headers)
        if url.user is not None and "Authorization" not in all_headers:
            credentials = f"{url.user}:{url.password or ''}".encode()
            all_headers["Authorization"] = "Basic " + b64encode(credentials).decode()
        plain = url.with_user(None)
        if self._proxy is not None:
            await self._judge(url)
        # aiohttp writes a large body in pieces only when it is given as a file.
        data = io.BytesIO(body) if body is not None and len(body) > _CHUNK else body
        try:
            async with self._session.request(
                method,
                plain,
                headers=all_headers,
                data=data,
                allow_redirects=False,
                proxy=self._proxy,
            ) as answer:
                content = await limit.read(answer)
                return HttpResponse(
                    status=answer.status, headers=answer.headers, body=content, url=str(plain)
                )
        except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as error:
            if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ClientError):
                raise
            raise _translated(error, plain) from error

    def _open_socket(self, info: aiohttp.AddrInfoType) -> socket:
        family, kind, proto, _, address = info
        if self._proxy is None and not self._may_connect(_address_text(address)):
            raise _Refused
        return socket(family, kind, proto)

    def _may_connect(self, address: str) -> bool:
        return may_connect(
            address, allow_private=self._allow_private, allow_loopback=self._allow_loopback
        )


class _Refused(OSError):
    """The address may not be connected to. All have the same text, so that aiohttp reports several as
    one."""


class _Limit(msgspec.Struct, frozen=True):
    """The limit for a body that is read."""

    size: int
    truncate: bool
    into: IO[bytes] | None

    async def read(self, answer: aiohttp.ClientResponse) -> bytes:
        """The inflated body. Raises :class:`AnswerTooLarge`; a cut one's connection is not used again."""
        declared = answer.content_length
        if declared is not None and declared > self.size and not self.truncate:
            answer.close()
            raise AnswerTooLarge(f"the answer is {declared} bytes long, {self.size} are allowed")
        if self.into is not None:
            return await self._write(answer, self.into)
        raw = bytearray()
        async for chunk in answer.content.iter_chunked(_CHUNK):
            raw += chunk
            if len(raw) > self.size:
                answer.close()
                break
        body = bytes(raw)
        if encoding := answer.headers.get("Content-Encoding"):
            body = inflated(body, encoding, self.size)
        if len(body) > self.size and not self.truncate:
            raise AnswerTooLarge(f"the answer is longer than {self.size} bytes")
        return body[: self.size]

    async def _write(self, answer: aiohttp.ClientResponse, file: IO[bytes]) -> bytes:
        """Write the body to ``file``, and overwrite what an earlier redirect wrote there."""
        file.seek(0)
        file.truncate()
        size = 0
        async for chunk in answer.content.iter_chunked(_CHUNK):
            size += len(chunk)
            if size > self.size:
                answer.close()
                raise AnswerTooLarge(f"the answer is longer than {self.size} bytes")
            await asyncio.to_thread(file.write, chunk)
        return b""


class _Resolver(AbstractResolver):
    """The system's name lookups, on threads of their own: a slow name server delays no other work."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUP_THREADS, thread_name_prefix="lookup")

    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AF_INET
    ) -> list[ResolveResult]:
        """Every address of ``host``. Raises ``OSError``."""
        loop = asyncio.get_running_loop()
        infos = await loop.run_in_executor(self._threads, _look_up, host, port, family)
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=found, proto=proto, flags=0
            )
            for found, proto, address in infos
        ]

    async def close(self) -> None:
        """Abandon lookups under way."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int, family: int) -> list[tuple[AddressFamily, int, str]]:
    infos = getaddrinfo(host, port, family=family, type=SOCK_STREAM)
    return [(found, proto, _address_text(address)) for found, _, proto, _, address in infos]


def _address_text(address: tuple[object, ...]) -> str:
    """A socket address without its port; an IPv6 one with its scope (RFC 4007), if it has one."""
    text = str(address[0])
    scope = address[3:4]
    return f"{text}%{scope[0]}" if scope and scope[0] and "%" not in text else text


def _origin(url: URL) -> str:
    return f"{url.host}:{url.port}"


def _words(error: OSError) -> str:
    """Why a connection failed: the system's words, where asyncio has put its own in their place."""
    return os.strerror(error.errno) if error.errno else error.strerror or "refused"


def _translated(error: Exception, url: URL) -> OutgoingError:
    """Our exception for aiohttp's, with a text that contains only host and port of the URL."""
    origin = _origin(url)
    match error:
        case aiohttp.ClientConnectorError(os_error=_Refused()):
            return AddressRefused(f"{url.host} leads to an address that is not public")
        case aiohttp.ClientConnectorDNSError() | gaierror():
            return ConnectFailed(f"the name {url.host} cannot be looked up")
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return ConnectFailed(
                f"no TLS connection to {origin}: its certificate or protocol failed"
            )
        case aiohttp.ClientConnectorError(os_error=cause):
            return ConnectFailed(f"no connection to {origin}: {_words(cause)}")
        case aiohttp.InvalidURL():
            return InvalidUrl("the URL's host is not a name or a plain address")
        case aiohttp.ClientError() | OSError() | RuntimeError():  # uvloop has some for sockets
            return ConnectFailed(f"{origin} broke off the connection or did not answer in HTTP")
        case _:
            return OutgoingError("the request's method or headers hold what HTTP cannot carry")


def _session_on(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        headers={"User-Agent": "offhook", "Accept-Encoding": "gzip, deflate"},
        trust_env=False,
        auto_decompress=False,  # net.inflate decompresses, within a bound
        max_line_size=2 * MAX_HEAD,  # the bound of the whole head is kept by net.heads
        max_field_size=2 * MAX_HEAD,
        max_headers=MAX_HEAD,
    )
