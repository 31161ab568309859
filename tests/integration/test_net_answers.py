"""Answers octet for octet: what counts as an answer, and what is unreadable (``spec/webhooks.md``)."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

import pytest

from offhook.net.http_client import HttpClient
from offhook.net.outgoing_errors import ConnectFailed, UnreadableAnswer
from offhook.session.tenancy import Webhook, WebhookType
from offhook.webhooks.vca import ask_webhook

BODY = b'{"callflow": []}'
OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n10\r\n" + BODY + b"\r\n0\r\n\r\n"


class RawServer:
    """Answers every request with the same octets, on connections it keeps open."""

    def __init__(self) -> None:
        self.answer = b""
        self.targets: list[bytes] = []
        self.connections = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.targets.append(head.split(b" ")[1])
                writer.write(self.answer)
                await writer.drain()
                if b"\r\nContent-Length:" not in self.answer and CHUNKED not in self.answer:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@pytest.fixture
async def raw() -> AsyncIterator[RawServer]:
    raw = RawServer()
    server = await asyncio.start_server(raw.serve, "127.0.0.1", 0)
    raw.port = server.sockets[0].getsockname()[1]
    yield raw
    server.close()


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient(allow_private=True)
    yield client
    await client.close()


def lines(*extra: bytes) -> bytes:
    return b"".join((*extra, LENGTH, b"\r\n", BODY))


ANSWERS = {
    "plain": OK + lines(),
    "a line of 9,000 octets": OK + lines(b"Content-Security-Policy: " + b"a" * 9000 + b"\r\n"),
    "64 KiB in one line": OK + lines(b"X: " + b"a" * (65_536 - 60) + b"\r\n"),
    "64 KiB in many lines": OK + lines(*(b"X-%d: %s\r\n" % (n, b"a" * 100) for n in range(580))),
    "3,000 short lines": OK + lines(*(b"X-%d: 1\r\n" % n for n in range(3000))),
    "a long reason": b"HTTP/1.1 200 " + b"a" * 900 + b"\r\n" + lines(),
    "the length twice": OK + LENGTH + lines(),
    "the length twice in one line": OK + b"Content-Length: 16, 16\r\n\r\n" + BODY,
    "blanks before colons": OK + b"Content-Type : a\r\nContent-Length : 16\r\n\r\n" + BODY,
    "a name that is no token": OK + lines(b"X(A): b\r\n"),
    "a line without a colon": OK + lines(b"nonsense\r\n"),
    "a line without a name": OK + lines(b": b\r\n"),
    "a NUL in a value": OK + lines(b"X-A: a\x00b\r\n"),
    "Latin-1 in a value": OK + lines(b"X-A: caf\xe9\r\n"),
    "a folded line": OK + lines(b"X-A: b\r\n  c\r\n"),
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 16\n\n" + BODY,
    "no reason": b"HTTP/1.1 200\r\n" + lines(),
    "blank lines before it": b"\r\n\r\n" + OK + lines(),
    "an ICY status line": b"ICY 200 OK\r\n" + lines(),
    "interim answers before it": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 3 + OK + lines(),
    "octets after the body": OK + lines() + b"\r\n\r\nHTTP/1.1 500 no\r\n\r\n",
    "to the end of the connection": OK + b"\r\n" + BODY,
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\n" + BODY,
    "chunked": OK + CHUNKED,
    "gzip that is none": OK + lines(b"Content-Encoding: gzip\r\n"),
    "deflate that is none": OK + lines(b"Content-Encoding: deflate\r\n"),
    "br that was not offered": OK + lines(b"Content-Encoding: br\r\n"),
    "an encoding that is a charset": OK + lines(b"Content-Encoding: utf-8\r\n"),
    "an odd charset": OK + lines(b'Content-Type: application/json; charset="\r\n'),
    "an odd cookie": OK + lines(b"Set-Cookie: =;;;a b=c\r\n"),
    "an odd location": OK + lines(b"Location: http://[::1\r\n"),
    "an upgrade": OK + lines(b"Upgrade: h2c\r\nConnection: Upgrade\r\n"),
    "a byte order mark": OK + b"Content-Length: 19\r\n\r\n\xef\xbb\xbf" + BODY,
}
for name, packed in {
    "gzip": gzip.compress(BODY),
    "gzip in two members": gzip.compress(BODY[:5]) + gzip.compress(BODY[5:]),
    "deflate": zlib.compress(BODY),
    "deflate without zlib's frame": zlib.compress(BODY)[2:-4],
}.items():
    head = b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n"
    ANSWERS[name] = OK + head % (name.split()[0].encode(), len(packed)) + packed


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_readable_answer_is_an_answer(
    raw: RawServer, client: HttpClient, name: str
) -> None:
    raw.answer = ANSWERS[name]
    hook = Webhook(type=WebhookType.VCA, url=raw.url)
    for _ in range(2):  # the second over the same connection, or a new one
        outcome = await ask_webhook(client, hook, b"{}", event_id="e", budget=5)
        assert (outcome.http_status, outcome.body) == (200, BODY)
    assert len(raw.targets) == 2


@pytest.mark.parametrize("pause", [1, 7, 60])
async def test_an_answer_that_comes_in_pieces_is_the_same(client: HttpClient, pause: int) -> None:
    whole = ANSWERS["interim answers before it"]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for start in range(0, len(whole), pause):
            writer.write(whole[start : start + pause])
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    answer = await client.request("GET", url, timeout=5, max_body=100)
    assert answer.body == BODY
    server.close()


@pytest.mark.parametrize(
    "answer",
    [
        OK + LENGTH + CHUNKED,
        OK + CHUNKED.replace(b"\r\n\r\n10", b"\r\n" + LENGTH + b"\r\n10"),
        OK + LENGTH + b"Content-Length: 17\r\n\r\n" + BODY,
        OK + b"Content-Length: 16, 17\r\n\r\n" + BODY,
        OK + b"Content-Length: +16\r\n\r\n" + BODY,
        OK + b"Content-Length: abc\r\n\r\n" + BODY,
        OK + lines(b"X: " + b"a" * 70_000 + b"\r\n"),
        OK + lines(*(b"X-%d: %s\r\n" % (n, b"a" * 100) for n in range(700))),
        b"HTTP/1.1 100 Continue\r\n\r\n" * 5000 + OK + lines(),
    ],
)
async def test_what_http_makes_unreadable_is_not_asked_again(
    raw: RawServer, client: HttpClient, answer: bytes
) -> None:
    raw.answer = answer
    hook = Webhook(type=WebhookType.VCA, url=raw.url)
    outcome = await ask_webhook(client, hook, b"{}", event_id="e", budget=5)
    assert outcome.unreadable
    assert outcome.detail.startswith("the answer")
    with pytest.raises(UnreadableAnswer):
        await client.request("GET", raw.url, timeout=5, max_body=100)
    assert len(raw.targets) == 2, "each asked once"


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"", b"HTTP/1.1 2000 OK\r\n\r\n"]
)
async def test_what_is_no_http_is_a_connection_that_failed(
    raw: RawServer, client: HttpClient, answer: bytes
) -> None:
    raw.answer = answer
    with pytest.raises(ConnectFailed):
        await client.request("GET", raw.url, timeout=5, max_body=100)


async def test_an_answer_without_a_body_leaves_the_connection_usable(
    raw: RawServer, client: HttpClient
) -> None:
    raw.answer = b"HTTP/1.1 204 No Content\r\nContent-Length: 16\r\n\r\n"
    for _ in range(2):
        assert (await client.request("POST", raw.url, timeout=5, max_body=9)).status == 204
    assert raw.connections == 1
    raw.answer += BODY
    for _ in range(2):
        assert (await client.request("POST", raw.url, timeout=5, max_body=9)).status == 204


TARGET = (
    "/a%2Fb%3Ac/my%20prompt%28en%29.wav?X-Sig=a%2Fb%2Bc%3D%3D&cred=AK%2F2026%2Fs3"
    "&t=%7E%3A%40&type=audio%2Fwav&plus=a+b&sp=%20x"
)


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        (TARGET, TARGET),
        ("/a/../b/./c//d", "/a/../b/./c//d"),
        ("/%7euser/%c3%A4?a=%2f&&=", "/%7euser/%c3%A4?a=%2f&&="),
        ("/x?code=a%2Fb%3D%3D&u=x%3Ay#part", "/x?code=a%2Fb%3D%3D&u=x%3Ay"),
        ("/ä?ö=ü", "/%C3%A4?%C3%B6=%C3%BC"),
        ('/{id}|"^`<x>?[a]={b}', '/{id}|"^`<x>?[a]={b}'),
        ("/100%/x?y=%", "/100%/x?y=%"),
        ("?only=query", "/?only=query"),
        ("", "/"),
    ],
)
async def test_a_request_target_leaves_as_the_customer_wrote_it(
    raw: RawServer, client: HttpClient, written: str, sent: str
) -> None:
    raw.answer = OK + lines()
    await client.request("GET", raw.url[:-1] + written, timeout=5, max_body=100)
    raw.answer = b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n"
    raw.answer %= (raw.url[:-1] + written).encode()
    await client.request("GET", raw.url, timeout=5, max_body=100, max_redirects=0)
    first = asyncio.create_task(
        client.request("GET", raw.url + "start", timeout=5, max_body=100, max_redirects=1)
    )
    assert isinstance((await asyncio.gather(first, return_exceptions=True))[0], Exception)
    assert raw.targets[0] == sent.encode()
    assert raw.targets[-1] == sent.encode(), "and so does a redirect's"
