"""SIP over TLS: whose certificate is believed, what a new one changes, and peers that stop half-way."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from tests.support.certificates import Authority
from tests.support.endpoints import Talker, started

from offhook.sip import Address, Answered, Ended, Rejected
from offhook.sip.transport import Protocol
from offhook.telephony.transports.sip_connection import Patience
from offhook.telephony.transports.stream_transport import StreamTransport
from offhook.telephony.transports.tls import CertificateFiles, SipTls, TlsFiles

OPTIONS = (
    b"OPTIONS sip:offhook@localhost SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK1\r\n"
    b"From: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
    b"Content-Length: 0\r\n\r\n"
)


class World:
    """An authority that both sides believe, and endpoints with its certificates."""

    def __init__(self, stack: AsyncExitStack, folder: Path) -> None:
        self.stack = stack
        self.authority = Authority(folder)

    def files(
        self,
        name: str,
        *dns: str,
        days: int = 30,
        trusted: Path | None = None,
        mutual: bool = False,
    ) -> TlsFiles:
        own = CertificateFiles(*self.authority.sign(name, dns=dns, days=days))
        clients = str(self.authority.file) if mutual else None
        return TlsFiles((own,), str(trusted or self.authority.file), clients)

    async def talker(
        self,
        files: TlsFiles,
        patience: Patience = Patience(),  # noqa: B008 frozen
    ) -> tuple[Talker, StreamTransport, SipTls]:
        tls = SipTls(files)
        transport = StreamTransport(Protocol.TLS, "127.0.0.1", 0, tls=tls, patience=patience)
        return Talker(await started(self.stack, transport)), transport, tls


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield World(stack, tmp_path)


def named(transport: StreamTransport, host: str = "localhost") -> Address:
    return Address("tls", host, transport.local_address[1])


async def shown(transport: StreamTransport, authority: Path, name: str = "localhost") -> str:
    """The serial number of the certificate that a new connection gets."""
    context = ssl.create_default_context(cafile=str(authority))
    context.check_hostname = False
    where = transport.local_address
    _, writer = await asyncio.open_connection(*where, ssl=context, server_hostname=name)
    found = writer.get_extra_info("peercert")["serialNumber"]
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return str(found)


@pytest.mark.parametrize("mutual", [False, True])
async def test_a_call_over_tls_both_ways(world: World, *, mutual: bool) -> None:
    alice, _, _ = await world.talker(world.files("alice", "alice.example"))
    bob, theirs, _ = await world.talker(world.files("bob", "localhost", mutual=mutual))
    handle = alice.call(named(theirs))
    await alice.hears(handle, Answered)
    bob.hang_up(bob.invites[0].handle)
    assert isinstance(await alice.ends(handle), Ended)
    assert bob.invites[0].source is not None
    assert bob.invites[0].source.transport == "tls"


@pytest.mark.parametrize(
    ("dns", "days", "words"),
    [
        ("elsewhere.example", 30, "its certificate is for elsewhere.example, not for localhost"),
        ("*.localhost", 30, "not for localhost"),
        ("localhost", -1, "certificate has expired"),
    ],
)
async def test_a_certificate_that_is_not_the_domains_ends_the_call(
    world: World, dns: str, days: int, words: str
) -> None:
    alice, _, _ = await world.talker(world.files("alice"))
    bob, theirs, _ = await world.talker(world.files("bob", dns, days=days))
    event = await alice.ends(alice.call(named(theirs)))
    assert isinstance(event, Rejected)
    assert words in (event.problem or "")
    assert bob.invites == []


async def test_an_authority_that_is_not_trusted_ends_the_call(world: World, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other").file
    alice, _, _ = await world.talker(world.files("alice", trusted=other))
    _, theirs, _ = await world.talker(world.files("bob", "localhost"))
    event = await alice.ends(alice.call(named(theirs)))
    assert isinstance(event, Rejected)
    assert "its certificate is not valid" in (event.problem or "")


async def test_a_configured_domain_counts_instead_of_the_host(world: World) -> None:
    alice, _, _ = await world.talker(world.files("alice"))
    _, theirs, _ = await world.talker(world.files("bob", "carrier.example"))
    alice.endpoint.tls_names = {"localhost": "carrier.example"}
    handle = alice.call(named(theirs))
    assert isinstance(await alice.hears(handle, Answered, Rejected), Answered)
    alice.hang_up(handle)
    await alice.ends(handle)


async def first_octet(world: World, transport: StreamTransport) -> bytes:
    """Of the answer to a peer without a certificate."""
    context = ssl.create_default_context(cafile=str(world.authority.file))
    where = transport.local_address
    reader, writer = await asyncio.open_connection(*where, ssl=context, server_hostname="localhost")
    world.stack.callback(writer.close)
    writer.write(OPTIONS)
    return await reader.readexactly(1)


async def test_who_shows_no_certificate_is_not_served_where_one_is_asked_for(world: World) -> None:
    _, transport, _ = await world.talker(world.files("bob", "localhost", mutual=True))
    with pytest.raises((ConnectionError, ssl.SSLError, asyncio.IncompleteReadError)):
        await first_octet(world, transport)


async def test_certificates_are_read_again_while_calls_go_on(world: World) -> None:
    alice, ours, _ = await world.talker(world.files("alice"))
    bob, theirs, tls = await world.talker(world.files("first", "localhost"))
    before = await shown(theirs, world.authority.file)
    kept = alice.call(named(theirs))
    await alice.hears(kept, Answered)
    for turn in range(10):
        tls.reload(world.files(f"next{turn}", "localhost"))
        handle = alice.call(named(theirs))
        assert isinstance(await alice.hears(handle, Answered, Rejected), Answered)
        alice.hang_up(handle)
        await alice.ends(handle)
    assert await shown(theirs, world.authority.file) != before
    assert ours.connections == 1  # the one of the first certificate
    bob.hang_up(bob.invites[0].handle)
    assert isinstance(await alice.ends(kept), Ended)


async def test_files_that_cannot_be_used_change_nothing(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, theirs, tls = await world.talker(world.files("bob", "localhost"))
    before = await shown(theirs, world.authority.file)
    one, other = world.files("one", "localhost").own[0], world.files("two", "localhost").own[0]
    (tmp_path / "empty.pem").touch()
    for broken in (
        CertificateFiles(one.certificate, other.key),
        CertificateFiles(str(tmp_path / "none.pem"), one.key),
        CertificateFiles(str(tmp_path / "empty.pem"), one.key),
    ):
        tls.reload(TlsFiles((broken,), str(world.authority.file)))
    assert await shown(theirs, world.authority.file) == before
    assert caplog.text.count("the old certificates stay in use") == 3


async def test_the_name_that_a_peer_asks_for_chooses_the_certificate(world: World) -> None:
    files = [world.files(name, f"{name}.example").own[0] for name in ("a", "b")]
    _, transport, _ = await world.talker(TlsFiles(tuple(files), str(world.authority.file)))
    serials = [
        await shown(transport, world.authority.file, name)
        for name in ("a.example", "b.example", "B.example", "c.example")
    ]
    assert serials[0] != serials[1] == serials[2]
    assert serials[3] == serials[0]


def test_an_expired_certificate_of_our_own_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = CertificateFiles(*Authority(tmp_path).sign("old", dns=["localhost"], days=-3))
    soon = CertificateFiles(*Authority(tmp_path).sign("soon", dns=["localhost"], days=3))
    SipTls(TlsFiles((own, soon)))
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.ERROR]
    assert "expired on" in caplog.text


async def test_a_handshake_that_stops_half_way_costs_its_place_only_for_a_time(
    world: World,
) -> None:
    _, transport, _ = await world.talker(
        world.files("bob", "localhost"), Patience(first=0.3, look=0.05)
    )
    loop = asyncio.get_running_loop()
    for begun in (b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"):
        sock = world.stack.enter_context(socket.socket())
        sock.setblocking(False)
        await loop.sock_connect(sock, transport.local_address)
        await loop.sock_sendall(sock, begun)
        async with asyncio.timeout(20):
            with suppress(ConnectionError):
                while await loop.sock_recv(sock, 1000):
                    pass
    assert transport.connections == 0
    assert transport.half_open == 0


async def test_openssl_as_a_peer_gets_an_answer(world: World) -> None:
    _, transport, _ = await world.talker(world.files("bob", "localhost"))
    host, port = transport.local_address
    process = await asyncio.create_subprocess_exec(
        *("openssl", "s_client", "-connect", f"{host}:{port}", "-servername", "localhost"),
        *("-CAfile", str(world.authority.file), "-verify_return_error", "-quiet", "-no_ign_eof"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdin is not None and process.stdout is not None  # noqa: PT018 pipes
    process.stdin.write(OPTIONS)
    async with asyncio.timeout(10):
        assert (await process.stdout.readline()) == b"SIP/2.0 200 OK\r\n"
        process.stdin.close()
        await process.wait()
