"""The API over https, by a certificate that is replaced while the server runs."""

from __future__ import annotations

import asyncio
import logging
import shutil
import ssl
from pathlib import Path

import aiohttp
import pytest
import uvloop
from tests.support.certificates import make_certificate
from tests.support.http_world import KEY, MESSAGE, RawClient, World, running_world

from offhook.config import Config, Http
from offhook.http.deps import HttpLimits
from offhook.http.edge.server_tls import ServerTls


def config_with(certificate: Path, key: Path) -> Config:
    return Config(http=Http(tls_certificate=str(certificate), tls_key=str(key)))


def trusting(*certificates: Path) -> ssl.SSLContext:
    context = ssl.create_default_context()
    for certificate in certificates:
        context.load_verify_locations(certificate)
    return context


async def submitted(world: World, context: ssl.SSLContext) -> int:
    url = world.url("callflows").replace("http:", "https:")
    headers = {"authorization": f"Bearer {KEY}"}
    async with (
        aiohttp.ClientSession(headers=headers) as client,
        client.post(url, json=MESSAGE, ssl=context) as response,
    ):
        return response.status


async def certificate_name(world: World, context: ssl.SSLContext) -> str:
    """The common name of the certificate that a new connection is shown."""
    _, writer = await asyncio.open_connection("127.0.0.1", world.port, ssl=context)
    subject = writer.get_extra_info("peercert")["subject"]
    writer.close()
    await writer.wait_closed()
    name: str = subject[0][0][1]
    return name


async def test_a_callflow_is_submitted_over_https(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path, "first")
    async with running_world(config=config_with(certificate, key)) as world:
        assert await submitted(world, trusting(certificate)) == 200
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await submitted(world, ssl.create_default_context())


async def test_plain_http_on_the_https_port_is_no_request(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path, "first")
    async with running_world(config=config_with(certificate, key)) as world:
        reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" not in await reader.read()
        writer.close()


async def test_a_new_certificate_is_shown_to_new_connections(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificate, key = make_certificate(tmp_path, "first")
    second, second_key = make_certificate(tmp_path, "second")
    context = trusting(certificate, second)
    async with running_world(config=config_with(certificate, key)) as world:
        assert await certificate_name(world, context) == "first"
        shutil.copy(second, certificate)
        with caplog.at_level(logging.ERROR):
            world.server.reload_certificate()
        assert "the old certificate stays in use" in caplog.text
        assert await certificate_name(world, context) == "first"
        shutil.copy(second_key, key)
        world.server.reload_certificate()
        assert await certificate_name(world, context) == "second"
        assert await submitted(world, context) == 200


async def test_old_protocol_versions_are_refused(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path, "first")
    assert ServerTls(str(certificate), str(key)).context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("content", [None, "nonsense"])
async def test_a_certificate_that_cannot_be_used_stops_the_start(
    tmp_path: Path, content: str | None
) -> None:
    _, key = make_certificate(tmp_path, "first")
    certificate = tmp_path / "other.pem"
    if content is not None:
        certificate.write_text(content)
    with pytest.raises(OSError):
        async with running_world(config=config_with(certificate, key)):
            pass


class TestHandshakes:
    """A client that connects and never ends its handshake."""

    async def test_they_take_places_of_their_address_only(self, tmp_path: Path) -> None:
        certificate, key = make_certificate(tmp_path, "first")
        limits = HttpLimits(connections=8, address_half_open=3)
        async with running_world(limits, config=config_with(certificate, key)) as world:
            silent = [await RawClient.connect(world.port) for _ in range(5)]
            for gone in silent[:2]:
                assert await gone.closed()
            for kept in silent[2:]:
                await kept.writer.start_tls(trusting(certificate))
            assert await submitted(world, trusting(certificate)) == 200
            for client in silent:
                await client.close()

    async def test_a_finished_handshake_leaves_its_place(self, tmp_path: Path) -> None:
        certificate, key = make_certificate(tmp_path, "first")
        limits = HttpLimits(connections=2, address_half_open=1)
        async with running_world(limits, config=config_with(certificate, key)) as world:
            for _ in range(5):
                assert await submitted(world, trusting(certificate)) == 200

    async def test_what_is_no_handshake_is_closed(self, tmp_path: Path) -> None:
        certificate, key = make_certificate(tmp_path, "first")
        async with running_world(config=config_with(certificate, key)) as world:
            reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
            writer.write(b"\x16\x03\x01\xff\xff" + b"\xff" * 200)
            alert = await asyncio.wait_for(reader.read(), 10)
            assert len(alert) < 16
            writer.close()
            assert await submitted(world, trusting(certificate)) == 200

    async def test_the_stop_does_not_wait_for_them(self, tmp_path: Path) -> None:
        certificate, key = make_certificate(tmp_path, "first")
        async with running_world(config=config_with(certificate, key)) as world:
            client = await RawClient.connect(world.port)
            client.send(b"\x16")
        assert await client.closed()
        await client.close()

    def test_it_is_so_on_the_loop_of_the_server(self, tmp_path: Path) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self.test_they_take_places_of_their_address_only(tmp_path))
