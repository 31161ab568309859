"""Requests through an egress proxy: private targets are refused before the proxy is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from offhook.net.http_client import HttpClient
from offhook.net.outgoing_errors import AddressRefused, ConnectFailed


class Proxy:
    """Answers plain requests itself, and CONNECT with 502; notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await reader.readline()).decode().strip()
        self.asked.append(line)
        length = 0
        while header := (await reader.readline()).decode().strip():
            name, _, value = header.partition(":")
            length = int(value) if name.lower() == "content-length" else length
        await reader.readexactly(length)
        status = "502 Bad Gateway" if line.startswith("CONNECT") else "200 OK"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    one = Proxy()
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    async with server:
        one.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield one


@pytest.fixture
async def client(proxy: Proxy) -> AsyncIterator[HttpClient]:
    one = HttpClient(allow_private=False, proxy=proxy.url)
    yield one
    await one.close()


async def test_a_plain_request_goes_to_the_proxy_with_its_whole_url(
    proxy: Proxy, client: HttpClient
) -> None:
    answer = await client.request(
        "POST", "http://8.8.8.8/vss?x=%2F", body=b"{}", timeout=10, max_body=100
    )
    assert answer.status == 200
    assert proxy.asked == ["POST http://8.8.8.8/vss?x=%2F HTTP/1.1"]


async def test_https_asks_the_proxy_for_a_tunnel(proxy: Proxy, client: HttpClient) -> None:
    with pytest.raises(ConnectFailed):
        await client.request("POST", "https://8.8.8.8/", body=b"{}", timeout=10, max_body=100)
    assert proxy.asked == ["CONNECT 8.8.8.8:443 HTTP/1.1"]


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "[::ffff:169.254.169.254]", "localhost"])
async def test_the_proxy_is_not_asked_for_a_private_target(
    proxy: Proxy, client: HttpClient, host: str
) -> None:
    with pytest.raises(AddressRefused):
        await client.request("POST", f"http://{host}/", body=b"{}", timeout=10, max_body=100)
    assert proxy.asked == []
