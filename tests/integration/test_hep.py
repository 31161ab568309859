"""What a capture server gets, read by npm's ``hep-js``, which Homer's own agents use."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from offhook.sip import Address
from offhook.telephony.hep import HepEndpoints, HepExport, packet

HERE = Path(__file__).parent / "hep"
NOW = datetime(2026, 11, 28, 3, 14, 15, 926_535, tzinfo=UTC)
INVITE = (
    b"INVITE sip:+6512345678@192.0.2.10 SIP/2.0\r\n"
    b"Call-ID: a84b4c76e66710\r\n"
    b'Authorization: Digest username="u", response="0123456789abcdef"\r\n'
    b"Content-Length: 0\r\n\r\n"
)


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """A capture server's socket."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)
        yield sock


def export_to(server: socket.socket) -> HepExport:
    ours = Address("udp", "203.0.113.5", 5060)
    return HepExport(server.getsockname(), lambda _: ours, lambda: NOW, agent=2001)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with hep-js in it."""
    if shutil.which("npm") is None:
        pytest.skip("npm installs the reader")
    folder = tmp_path_factory.mktemp("hep")
    shutil.copytree(HERE, folder, dirs_exist_ok=True)
    install = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def read(reader: Path, packets: Sequence[bytes]) -> list[dict[str, Any]]:
    """What hep-js makes of packets."""
    done = subprocess.run(
        ["node", "read.js"],
        cwd=reader,
        input="\n".join(one.hex() for one in packets),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.full
def test_hep_js_reads_what_comes_and_goes(server: socket.socket, reader: Path) -> None:
    export = export_to(server)
    carrier = Address("udp", "192.0.2.10", 5080)
    export.tap(">", INVITE, carrier)
    export.tap("<", b"SIP/2.0 100 Trying\r\nCall-ID: a84b4c76e66710\r\n\r\n", carrier)
    sent, answer = read(reader, [server.recv(65_535) for _ in range(2)])
    export.close()
    facts = sent["rcinfo"]
    assert (facts["srcIp"], facts["srcPort"]) == ("203.0.113.5", 5060)
    assert (facts["dstIp"], facts["dstPort"]) == ("192.0.2.10", 5080)
    assert (answer["rcinfo"]["srcIp"], answer["rcinfo"]["dstIp"]) == ("192.0.2.10", "203.0.113.5")
    assert facts["timeSeconds"] == int(NOW.timestamp())
    assert facts["timeUseconds"] == 926_535
    assert sent["payload"].startswith("INVITE sip:+6512345678@192.0.2.10 SIP/2.0\r\n")
    assert "0123456789abcdef" not in sent["payload"]


@pytest.mark.full
def test_hep_js_reads_addresses_of_version_6(reader: Path) -> None:
    between = HepEndpoints(("2001:db8::1", 5060), ("2001:db8::2", 5061), "tcp")
    [seen] = read(reader, [packet(INVITE, between, NOW, agent=7)])
    assert seen["rcinfo"]["protocolFamily"] == 10
    assert seen["rcinfo"]["protocol"] == 6
    assert seen["payload"] == INVITE.decode()


def test_a_packet_is_chunks_in_network_order() -> None:
    between = HepEndpoints(("192.0.2.1", 5060), ("192.0.2.2", 5061), "udp")
    made = packet(b"OPTIONS", between, NOW, agent=7)
    assert made[:6] == b"HEP3" + len(made).to_bytes(2, "big")
    chunks: dict[int, bytes] = {}
    rest = made[6:]
    while rest:
        vendor, kind, length = (int.from_bytes(rest[at : at + 2], "big") for at in (0, 2, 4))
        assert vendor == 0
        chunks[kind], rest = rest[6:length], rest[length:]
    assert chunks[3] + chunks[4] == bytes([192, 0, 2, 1, 192, 0, 2, 2])
    assert (chunks[7], chunks[8]) == (b"\x13\xc4", b"\x13\xc5")
    assert chunks[12] == b"\0\0\0\7"
    assert chunks[15] == b"OPTIONS"


def test_a_keep_alive_is_left_out(server: socket.socket) -> None:
    export = export_to(server)
    export.tap("<", b"\r\n\r\n", Address("udp", "192.0.2.10", 5080))
    server.setblocking(False)
    with pytest.raises(BlockingIOError):
        server.recv(100)
    export.close()


def test_a_server_that_is_away_fails_no_call(
    server: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    export = export_to(server)
    server.close()
    for _ in range(20):
        export.tap(">", INVITE, Address("udp", "192.0.2.10", 5080))
    export.close()
    assert export.dropped > 0
    assert 1 <= caplog.text.count("HEP:") <= 2


def test_an_address_that_is_no_literal_fails_no_call(server: socket.socket) -> None:
    export = export_to(server)
    export.tap(">", INVITE, Address("udp", "sip.example.com", 5060))
    export.tap(">", INVITE, Address("udp", "2001:db8::1", 5060))
    assert export.dropped == 2
    export.close()
