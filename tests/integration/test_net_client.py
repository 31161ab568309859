"""The outgoing client against a real server on loopback."""

from __future__ import annotations

import asyncio
import gzip
import shutil
import socket
import ssl
import subprocess
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from socket import AF_INET, AddressFamily

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from offhook.net.guard import may_connect
from offhook.net.http_client import HttpClient
from offhook.net.outgoing_errors import (
    AddressRefused,
    AnswerTooLarge,
    ConnectFailed,
    InvalidUrl,
    OutgoingError,
    TimedOut,
    TooManyRedirects,
)


class Server:
    """A web server that does what the path says, and remembers what it saw."""

    def __init__(self) -> None:
        self.seen: list[web.BaseRequest] = []
        self.bodies: list[bytes] = []
        self.peers: set[object] = set()
        self.port = 0
        self.release = asyncio.Event()
        self.asked = asyncio.Event()
        self.gone = asyncio.Event()
        self.runners: list[web.ServerRunner] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.seen.append(request)
        self.asked.set()
        self.peers.add(request.get_extra_info("peername"))
        self.bodies.append(await request.read())
        match request.path.split("/")[1:]:
            case ["echo"]:
                return web.Response(
                    text=request.method, headers={"Set-Cookie": "a=b", "X-One": "1"}
                )
            case ["redirect", status]:
                return web.Response(status=int(status), headers={"Location": request.query["to"]})
            case ["loop", number]:
                return web.Response(status=302, headers={"Location": f"/loop/{int(number) + 1}"})
            case ["bytes", number]:
                return web.Response(body=b"x" * int(number))
            case ["stream", number]:
                return await self._stream(request, int(number))
            case ["gzip", number]:
                packed = gzip.compress(b"\0" * int(number))
                return web.Response(body=packed, headers={"Content-Encoding": "gzip"})
            case ["endless"]:
                await self._endless(request)
            case ["hang"]:
                await self.release.wait()
            case ["cut"]:
                assert request.transport is not None
                request.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
                request.transport.close()
            case ["nonsense"]:
                assert request.transport is not None
                request.transport.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
                request.transport.close()
        return web.Response(status=404)

    async def _endless(self, request: web.BaseRequest) -> None:
        """A body without an end, until the client goes away."""
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"z" * 65536)
        finally:
            self.gone.set()

    async def _stream(self, request: web.BaseRequest, size: int) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        while size > 0:
            await response.write(b"y" * min(size, 65536))
            size -= 65536
        return response


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    runner = web.ServerRunner(web.Server(server.answer), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    yield server
    server.release.set()
    for one in (runner, *server.runners):
        await one.cleanup()


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient(allow_private=True)
    yield client
    await client.close()


@pytest.fixture
async def strict() -> AsyncIterator[HttpClient]:
    client = HttpClient(allow_private=False)
    yield client
    await client.close()


class FixedResolver(AbstractResolver):
    """Names that lead where the test says, one answer after another."""

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AF_INET
    ) -> list[ResolveResult]:
        if not self._answers:
            raise socket.gaierror("no such name")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=AF_INET, proto=0, flags=0)
            for address in self._answers.pop(0).split(",")
        ]

    async def close(self) -> None:
        pass


async def test_an_answer_is_read_whole_over_one_kept_connection(
    client: HttpClient, server: Server
) -> None:
    for method in ("POST", "GET", "PUT"):
        answer = await client.request(
            method,
            server.url + "/echo",
            headers={"Authorization": "Bearer t"},
            body=b"hello" if method != "GET" else None,
            timeout=5,
            max_body=1000,
        )
        assert (answer.status, answer.body) == (200, method.encode())
        assert answer.headers["x-one"] == "1"
        assert answer.url == server.url + "/echo"
    assert server.bodies == [b"hello", b"", b"hello"]
    assert len(server.peers) == 1
    assert all(request.headers["Authorization"] == "Bearer t" for request in server.seen)


async def test_cookies_are_not_kept(client: HttpClient, server: Server) -> None:
    for _ in range(2):
        await client.request("GET", f"http://localhost:{server.port}/echo", timeout=5, max_body=100)
    assert "Cookie" not in server.seen[1].headers


async def test_the_environment_gives_neither_proxy_nor_credentials(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    client = HttpClient(allow_private=True)
    answer = await client.request("GET", server.url + "/echo", timeout=5, max_body=100)
    await client.close()
    assert answer.status == 200
    assert "Authorization" not in server.seen[0].headers


async def test_userinfo_becomes_credentials_and_is_never_repeated(
    client: HttpClient, server: Server
) -> None:
    url = server.url.replace("//", "//us%20er:pa%3Ass@")
    answer = await client.request("GET", url + "/echo", timeout=5, max_body=100)
    assert server.seen[0].headers["Authorization"] == "Basic dXMgZXI6cGE6c3M="
    assert answer.url == server.url + "/echo"
    await client.request(
        "GET", url + "/echo", headers={"authorization": "own"}, timeout=5, max_body=100
    )
    assert server.seen[1].headers.getall("Authorization") == ["own"]
    with pytest.raises(ConnectFailed) as caught:
        await client.request("GET", "http://u:hunter2@127.0.0.1:1/x", timeout=5, max_body=1)
    assert "hunter2" not in str(caught.value)


async def test_redirects_are_answers_unless_they_may_be_followed(
    client: HttpClient, server: Server
) -> None:
    url = server.url + "/redirect/302?to=/echo"
    answer = await client.request("POST", url, body=b"x", timeout=5, max_body=100)
    assert answer.status == 302
    answer = await client.request("POST", url, body=b"x", timeout=5, max_body=100, max_redirects=1)
    assert (answer.status, answer.body, answer.url) == (200, b"GET", server.url + "/echo")
    url = server.url + "/redirect/307?to=/echo"
    answer = await client.request("POST", url, body=b"x", timeout=5, max_body=100, max_redirects=1)
    assert (answer.body, server.bodies[-1]) == (b"POST", b"x")


async def test_one_redirect_too_many_ends_it(client: HttpClient, server: Server) -> None:
    with pytest.raises(TooManyRedirects):
        await client.request("GET", server.url + "/loop/0", timeout=5, max_body=9, max_redirects=3)
    assert [request.path for request in server.seen] == [f"/loop/{n}" for n in range(4)]


async def test_credentials_do_not_follow_to_another_origin(
    client: HttpClient, server: Server
) -> None:
    other = f"http://localhost:{server.port}/echo"
    await client.request(
        "GET",
        f"{server.url}/redirect/302?to={other}",
        headers={"Authorization": "secret"},
        timeout=5,
        max_body=100,
        max_redirects=1,
    )
    assert server.seen[1].host == f"localhost:{server.port}"
    assert "Authorization" not in server.seen[1].headers


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "0x7f.1"]
)
async def test_no_way_of_writing_loopback_gets_through(
    strict: HttpClient, server: Server, host: str
) -> None:
    with pytest.raises(AddressRefused):
        await strict.request("GET", f"http://{host}:{server.port}/", timeout=5, max_body=9)
    assert server.seen == []


@pytest.mark.parametrize("host", ["2130706433", "127.1", "017700000001"])
async def test_numbers_that_only_libc_reads_as_addresses_are_refused(
    strict: HttpClient, server: Server, host: str
) -> None:
    with pytest.raises((InvalidUrl, AddressRefused)):
        await strict.request("GET", f"http://{host}:{server.port}/", timeout=5, max_body=9)
    assert server.seen == []


async def test_a_name_is_judged_by_where_it_leads_at_the_moment_of_connecting(
    server: Server,
) -> None:
    client = HttpClient(
        allow_private=False, resolver=FixedResolver("93.184.216.34", "127.0.0.1,127.0.0.2")
    )
    url = f"http://rebinding.example:{server.port}/"
    await client.validate_url(url)
    with pytest.raises(AddressRefused, match=r"rebinding\.example leads"):
        await client.request("GET", url, timeout=5, max_body=9)
    await client.close()
    assert server.seen == []


async def test_a_redirect_to_a_private_address_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def first_hop_is_public(address: str, **allowed: bool) -> bool:
        return address == "127.0.0.1" or may_connect(address, **allowed)

    monkeypatch.setattr("offhook.net.http_client.may_connect", first_hop_is_public)
    client = HttpClient(allow_private=False)
    target = f"http://[::ffff:127.0.0.1]:{server.port}/echo"
    with pytest.raises(AddressRefused):
        await client.request(
            "GET",
            f"{server.url}/redirect/302?to={target}",
            timeout=5,
            max_body=100,
            max_redirects=3,
        )
    await client.close()
    assert len(server.seen) == 1


@pytest.mark.parametrize("path", ["/bytes/1001", "/stream/1001", "/gzip/1001", "/gzip/50000000"])
async def test_a_body_over_the_limit_is_refused_or_cut(
    client: HttpClient, server: Server, path: str
) -> None:
    with pytest.raises(AnswerTooLarge):
        await client.request("GET", server.url + path, timeout=5, max_body=1000)
    cut = await client.request("GET", server.url + path, timeout=5, max_body=1000, truncate=True)
    assert len(cut.body) == 1000


@pytest.mark.parametrize("path", ["/bytes/1000", "/stream/1000", "/gzip/1000"])
async def test_a_body_of_exactly_the_limit_is_fine(
    client: HttpClient, server: Server, path: str
) -> None:
    answer = await client.request("GET", server.url + path, timeout=5, max_body=1000)
    assert len(answer.body) == 1000


@pytest.mark.parametrize("truncate", [False, True])
async def test_a_body_that_goes_on_after_its_limit_is_not_waited_for(
    client: HttpClient, server: Server, truncate: bool
) -> None:
    """The peer is left at the limit, and the connection with what still comes is closed."""
    url = server.url + "/endless"
    try:
        answer = await client.request("GET", url, timeout=30, max_body=1000, truncate=truncate)
        assert (truncate, answer.body) == (True, b"z" * 1000)
    except AnswerTooLarge:
        assert not truncate
    async with asyncio.timeout(10):
        await server.gone.wait()
    await client.request("GET", server.url + "/echo", timeout=5, max_body=100)
    assert len(server.peers) == 2, "the connection was closed, not used again"


@pytest.mark.parametrize("other", ["scheme", "port", "host", "the same"])
@pytest.mark.parametrize("given", ["header", "userinfo"])
async def test_credentials_stay_with_scheme_host_and_port(
    server: Server, tmp_path: Path, other: str, given: str
) -> None:
    """Another port or scheme is another origin (RFC 6454 §5): its server never sees the secret."""
    client = HttpClient(allow_private=True, tls=trusted_by(tmp_path))
    first = await also_serve(server)
    there = {
        "scheme": await also_serve(server, tls=serving_with(tmp_path)),
        "port": await also_serve(server),
        "host": first.replace("localhost", "127.0.0.1"),
        "the same": first,
    }[other]
    start = first if given == "header" else first.replace("//", "//user:secret@")
    await client.request(
        "GET",
        f"{start}/redirect/302?to={there}/echo",
        headers={"Authorization": "Bearer secret"} if given == "header" else {},
        timeout=5,
        max_body=100,
        max_redirects=1,
    )
    await client.close()
    before, after = server.seen
    assert "Authorization" in before.headers
    assert ("Authorization" in after.headers) is (other == "the same" and given == "header")


async def test_one_deadline_covers_everything(client: HttpClient, server: Server) -> None:
    with pytest.raises(TimedOut):
        await client.request("GET", server.url + "/hang", timeout=0.05, max_body=9)
    with pytest.raises(TimedOut):
        await client.request(
            "GET",
            f"{server.url}/redirect/302?to=/hang",
            timeout=0.05,
            max_body=9,
            max_redirects=1,
        )


@pytest.mark.parametrize("path", ["/cut", "/nonsense"])
async def test_a_peer_that_breaks_off_or_speaks_no_http_is_a_connection_that_failed(
    client: HttpClient, server: Server, path: str
) -> None:
    with pytest.raises(ConnectFailed):
        await client.request("GET", server.url + path, timeout=5, max_body=100)


async def test_headers_that_http_cannot_carry_are_our_error_not_a_second_request(
    client: HttpClient, server: Server
) -> None:
    with pytest.raises(OutgoingError):
        await client.request(
            "GET", server.url, headers={"X-A": "b\r\nX-C: d"}, timeout=5, max_body=9
        )
    assert server.seen == []


async def test_a_name_that_does_not_resolve_cannot_be_asked_but_registered(server: Server) -> None:
    client = HttpClient(allow_private=False, resolver=FixedResolver())
    await client.validate_url("https://not-yet.example/")
    with pytest.raises(ConnectFailed, match="looked up"):
        await client.request("GET", "https://not-yet.example/", timeout=5, max_body=9)
    await client.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[fe80::1%251]", "10.0.0.1"])
async def test_registration_refuses_private_hosts_unless_allowed(
    strict: HttpClient, client: HttpClient, host: str
) -> None:
    with pytest.raises(AddressRefused):
        await strict.validate_url(f"http://{host}/hook")
    await client.validate_url(f"http://{host}/hook")


async def test_tls_that_fails_says_so(client: HttpClient, server: Server) -> None:
    with pytest.raises(ConnectFailed, match="TLS"):
        await client.request("GET", server.url.replace("http", "https"), timeout=5, max_body=9)


async def test_what_tls_protected_is_not_sent_in_the_open(server: Server, tmp_path: Path) -> None:
    """https works with a certificate we trust, fails without trust, and never leads to http."""
    trusted = ssl.create_default_context(cafile=certificate(tmp_path))
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    runner = web.ServerRunner(web.Server(server.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=serving).start()
    url = f"https://localhost:{runner.addresses[0][1]}"
    client = HttpClient(allow_private=True, tls=trusted)
    answer = await client.request("GET", url + "/echo", timeout=5, max_body=100)
    assert answer.status == 200
    with pytest.raises(InvalidUrl, match="from https to http"):
        await client.request(
            "GET",
            f"{url}/redirect/302?to={server.url}/echo",
            timeout=5,
            max_body=100,
            max_redirects=1,
        )
    await client.close()
    stranger = HttpClient(allow_private=True)
    with pytest.raises(ConnectFailed, match="TLS"):
        await stranger.request("GET", url + "/echo", timeout=5, max_body=100)
    await stranger.close()
    await runner.cleanup()
    assert [request.path for request in server.seen] == ["/echo", "/redirect/302"]


async def also_serve(server: Server, *, tls: ssl.SSLContext | None = None) -> str:
    """The same server on one more port; its URL."""
    runner = web.ServerRunner(web.Server(server.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    server.runners.append(runner)
    scheme = "http" if tls is None else "https"
    return f"{scheme}://localhost:{runner.addresses[0][1]}"


def trusted_by(folder: Path) -> ssl.SSLContext:
    """A client's context that trusts the certificate made in ``folder``."""
    return ssl.create_default_context(cafile=certificate(folder))


def serving_with(folder: Path) -> ssl.SSLContext:
    """A server's context with that certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def certificate(folder: Path) -> Path:
    """A fresh self-signed certificate for localhost."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificate")
    command = f"{openssl} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    command += f" -keyout {folder}/key.pem -out {folder}/cert.pem -subj /CN=localhost"
    command += " -addext subjectAltName=DNS:localhost"
    subprocess.run(command.split(), check=True, capture_output=True, timeout=30)
    return folder / "cert.pem"


async def test_only_https_is_asked_where_the_operator_says_so(server: Server) -> None:
    client = HttpClient(allow_private=True, allow_http=False)
    with pytest.raises(InvalidUrl, match="only https"):
        await client.request("GET", server.url + "/echo", timeout=5, max_body=100)
    with pytest.raises(InvalidUrl, match="only https"):
        await client.validate_url(server.url)
    answer = await client.request(
        "GET", server.url + "/echo", timeout=5, max_body=100, allow_http=True
    )
    assert answer.status == 200
    await client.close()


async def test_a_closed_client_makes_no_request(server: Server) -> None:
    client = HttpClient(allow_private=True)
    waiting = asyncio.create_task(
        client.request("GET", server.url + "/hang", timeout=5, max_body=100)
    )
    await server.asked.wait()
    await client.close()
    with pytest.raises(ConnectFailed):
        await waiting
    with pytest.raises(ConnectFailed, match="closed"):
        await client.request("GET", server.url, timeout=5, max_body=100)


def test_the_bomb_in_the_tests_is_one() -> None:
    assert len(zlib.compress(b"\0" * 50_000_000)) < 100_000
