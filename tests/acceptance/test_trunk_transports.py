"""Trunks over TCP and TLS, with independent peers: SIPp over TCP, Kamailio as an edge (TLS in, UDP out)."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.support import kamailio, sipp
from tests.support.certificates import Authority
from tests.support.kamailio import Kamailio
from tests.support.net import RtpSink, free_port
from tests.support.receiver import Receiver, Reply
from tests.support.server import Server, configuration, voice_message
from tests.support.sipp import Sipp

from offhook.net.listening import bind_error

NUMBER = "+12025550100"
WIDE = "+4915112345678"
OURS = "+6568332048"
HANGUP = Reply(body=json.dumps({"callflow": [{"action": "hangup"}]}).encode())

pytestmark = [
    pytest.mark.skipif(not sipp.available, reason="sipp is not installed"),
    pytest.mark.skipif(not kamailio.available, reason="kamailio is not installed"),
]

EDGE = """
loadmodule "tls.so"
modparam("tls", "config", "{folder}/tls.cfg")
request_route {
    if (is_method("INVITE")) record_route();
    if (has_totag()) {
        if (is_method("ACK") && !t_check_trans() && !loose_route()) exit;
        loose_route();
        t_relay();
        exit;
    }
    if (is_method("CANCEL")) { t_check_trans(); t_relay(); exit; }
    if (proto == TLS) {
        $du = "sip:127.0.0.1:{phone}";
    } else {
        $du = "sip:127.0.0.1:{ours};transport=tls";
        $fs = "tls:127.0.0.1:{tls}";
    }
    t_relay();
}
"""
TLS_CONFIG = """
[server:default]
method = TLSv1.2+
verify_certificate = no
require_certificate = no
private_key = {key}
certificate = {certificate}
ca_list = {ca}
[client:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
private_key = {key}
certificate = {certificate}
ca_list = {ca}
"""


def world(carrier: str, receiver: Receiver, listen: str) -> dict[str, Any]:
    config = configuration(
        {"": carrier},
        webhooks={kind: receiver.url(f"/{kind.lower()}") for kind in ("VCA", "VSS")},
        sub_account={"numbers": [{"msisdn": OURS}]},
    )
    config["sip"]["listen"].append(listen)
    receiver.on("/vca", lambda _request, _body: HANGUP)
    return config


async def summaries(receiver: Receiver, calls: int) -> list[str]:
    await receiver.wait_for(lambda: len(receiver.at("/vss")) == calls, 40)
    return [each.payload["sessionStatus"] for each in receiver.at("/vss")]


async def serial(port: int, authority: Path, own: tuple[str, str]) -> str:
    """The serial number of the certificate that a new connection is shown, as openssl reads it."""
    process = await asyncio.create_subprocess_exec(
        *("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", str(authority)),
        *("-cert", own[0], "-key", own[1], "-verify_return_error"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    shown, _ = await process.communicate()
    assert process.returncode == 0
    reader = await asyncio.create_subprocess_exec(
        *("openssl", "x509", "-noout", "-serial"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    found, _ = await reader.communicate(shown)
    return found.decode()


async def test_sipp_takes_and_places_calls_over_tcp(tmp_path: Path) -> None:
    port = free_port()
    phone = Sipp("answer", tmp_path, over="tcp")
    async with Receiver() as receiver, phone:
        config = world(phone.address, receiver, f"tcp:127.0.0.1:{port}")
        async with Server(tmp_path / "server", config) as server:
            for _ in range(5):
                await server.place(voice_message(NUMBER, "Hello."))
            assert await summaries(receiver, 5) == ["COMPLETED"] * 5
            counts = await phone.succeeded(5)
            assert counts.retransmissions == 0

            calls = Sipp(
                "call_refused",
                tmp_path,
                over="tcp",
                calls=5,
                target=f"127.0.0.1:{port}",
                service=OURS,
                keys={"status": 603},
            )
            async with calls:
                assert (await calls.finished()).successful == 5


@pytest.mark.full
async def test_two_workers_share_one_connection_of_a_carrier(tmp_path: Path) -> None:
    """Calls of both workers, and calls for both, over the same TCP connections; a UDP address beside."""
    port, wide = free_port(), free_port()
    phone = Sipp("answer", tmp_path, over="tcp")
    async with Receiver() as receiver, phone:
        config = world(phone.address, receiver, f"tcp:127.0.0.1:{port}")
        config["sip"]["listen"].append(f"udp:[::1]:{wide}")
        config["trunks"][0]["inbound_from"].append("::1")
        async with Server(tmp_path / "server", config, workers=2) as server:
            sessions = [await server.place(voice_message(NUMBER, "Hello.")) for _ in range(12)]
            assert await summaries(receiver, 12) == ["COMPLETED"] * 12
            await phone.succeeded(12)
            records = [await server.session(each) for each in sessions]
            nodes = {
                event["node"]
                for record in records
                for event in record["events"]
                if event["event"] == "SESSION_STARTED"
            }
            assert len(nodes) == 2
            for over, host, to in (("tcp", "127.0.0.1", port), ("udp", "::1", wide)):
                target = f"[{host}]:{to}" if ":" in host else f"{host}:{to}"
                calls = Sipp(
                    "call_refused",
                    tmp_path,
                    over=over,
                    host=host,
                    calls=6,
                    target=target,
                    service=OURS,
                    keys={"status": 603},
                )
                async with calls:
                    assert (await calls.finished()).successful == 6


@pytest.mark.full
async def test_after_the_front_was_killed_connections_are_opened_again(tmp_path: Path) -> None:
    port = free_port()
    phone = Sipp("answer", tmp_path, over="tcp")
    async with Receiver() as receiver, phone:
        config = world(phone.address, receiver, f"tcp:127.0.0.1:{port}")
        async with Server(tmp_path / "server", config, workers=2) as server:
            await server.place(voice_message(NUMBER, "Hello."))
            assert await summaries(receiver, 1) == ["COMPLETED"]
            killed = server.kill("front")
            async with asyncio.timeout(20):
                while killed in server.processes("front") or not server.processes("front"):
                    await asyncio.sleep(0.05)
                while server.log().count("connecting to it again") < 4:  # two sockets each
                    await asyncio.sleep(0.05)
            calls = Sipp(
                "call_refused",
                tmp_path,
                over="tcp",
                calls=6,
                target=f"127.0.0.1:{port}",
                service=OURS,
                keys={"status": 603},
            )
            async with asyncio.timeout(20):
                while bind_error(f"127.0.0.1:{port}", socket.SOCK_STREAM) is None:
                    await asyncio.sleep(0.05)  # the new front does not listen yet
            async with calls:
                assert (await calls.finished()).successful == 6
            await server.place(voice_message(NUMBER, "Hello."))
            assert await summaries(receiver, 8) == ["COMPLETED"] * 8


@pytest.mark.parametrize("over", [pytest.param("udp", marks=pytest.mark.full), "tcp"])
async def test_sipp_takes_and_places_calls_over_ipv6(tmp_path: Path, over: str) -> None:
    """Media goes over IPv6 too: the first address gives the one in SDP."""
    port = free_port()
    phone = Sipp("answer", tmp_path, over=over, host="::1", log_messages=True)
    async with Receiver() as receiver, phone:
        config = world(phone.address, receiver, "udp:127.0.0.1:0")
        config["sip"]["listen"] = [f"{over}:[::1]:{port}"]
        config["trunks"][0]["inbound_from"] = ["::1"]
        async with Server(tmp_path / "server", config) as server:
            await server.place(voice_message(NUMBER, "Hello."))
            assert await summaries(receiver, 1) == ["COMPLETED"]
            await phone.succeeded(1)
            assert "c=IN IP6 ::1" in phone.messages()

            calls = Sipp(
                "call_refused",
                tmp_path,
                over=over,
                host="::1",
                calls=1,
                target=f"[::1]:{port}",
                service=OURS,
                keys={"status": 603},
            )
            async with calls:
                assert (await calls.finished()).successful == 1


async def test_calls_of_both_ip_versions_have_media_of_their_own_and_are_bridged(
    tmp_path: Path,
) -> None:
    port = free_port()
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        ears, phones = [], []
        for host in ("127.0.0.1", "::1"):
            ears.append(await stack.enter_async_context(RtpSink(host)))
            keys = {"rtp_port": ears[-1].port}
            phone = Sipp("answer", tmp_path, keys=keys, host=host, log_messages=True)
            phones.append(await stack.enter_async_context(phone))
        narrow, wide = phones
        config = world(narrow.address, receiver, f"udp:[::1]:{port}")
        config["trunks"][0]["inbound_from"].append("::1")
        config["trunks"].append({"name": "wide", "address": wide.address})
        config["routes"].append({"prefix": WIDE, "trunks": ["wide"]})
        server = await stack.enter_async_context(Server(tmp_path / "server", config))
        for number in (NUMBER, WIDE):
            await server.place(voice_message(number, "Your parcel has arrived at the station."))
        assert await summaries(receiver, 2) == ["COMPLETED"] * 2
        assert [ear.heard(packets=20) for ear in ears] == [1, 1]
        assert "c=IN IP4 127.0.0.1" in narrow.messages().partition("SIP/2.0 180")[0]
        assert "c=IN IP6 ::1" in wide.messages().partition("SIP/2.0 180")[0]

        source = config["subaccounts"][0]["caller_ids"][0]
        masked = {"action": "makeCall", "params": {"source": source, "destination": NUMBER}}
        reply = Reply(body=json.dumps({"callflow": [masked]}).encode())
        receiver.on("/vca", lambda _request, _body: reply)
        talk = Sipp(
            "talk",
            tmp_path,
            host="::1",
            keys={"talk": 500, "bye_status": 200, "rtp_port": ears[1].port},
            calls=1,
            target=f"[::1]:{port}",
            service=OURS,
            log_messages=True,
        )
        async with talk:
            assert (await talk.finished()).successful == 1
            answer = talk.messages().partition("SIP/2.0 200 OK")[2]
            assert "c=IN IP6 ::1" in answer.partition("ACK sip:")[0]
        assert await summaries(receiver, 3) == ["COMPLETED"] * 3
        assert ears[0].streams.keys() != ears[1].streams.keys()


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.full), 2])
async def test_kamailio_is_an_edge_that_speaks_tls_with_us(tmp_path: Path, workers: int) -> None:
    """TLS in, UDP out: certificates are checked both ways, and the BYE takes the connection."""
    port, tls = free_port(), free_port()
    authority = Authority(tmp_path)
    edge_files = authority.sign("edge", dns=["localhost"], addresses=["127.0.0.1"])
    our_files = authority.sign("ours", dns=["localhost"], addresses=["127.0.0.1"])
    folder = tmp_path / "kamailio"
    folder.mkdir()
    text = TLS_CONFIG.format(key=edge_files[1], certificate=edge_files[0], ca=authority.file)
    (folder / "tls.cfg").write_text(text)
    phone = Sipp("answer", tmp_path, log_messages=True)
    edge = Kamailio(folder, "", also_listen=(f"tls:127.0.0.1:{tls}",))
    async with Receiver() as receiver, phone:
        routes = EDGE.replace("{folder}", str(folder)).replace("{tls}", str(tls))
        edge.use(routes.replace("{ours}", str(port)).replace("{phone}", str(phone.port)))
        config = world(f"tls:localhost:{tls}", receiver, f"tls:127.0.0.1:{port}")
        config["sip"] |= {
            "tls_certificate": our_files[0],
            "tls_key": our_files[1],
            "tls_ca": str(authority.file),
            "tls_client_ca": str(authority.file),
        }
        async with edge, Server(tmp_path / "server", config, workers=workers) as server:
            await asyncio.gather(*(server.place(voice_message(NUMBER, "Hi.")) for _ in range(3)))
            assert await summaries(receiver, 3) == ["COMPLETED"] * 3
            await phone.succeeded(3)

            before = await serial(port, authority.file, our_files)
            calls = Sipp(
                "call_refused",
                tmp_path,
                calls=30,
                rate=20,
                target=f"127.0.0.1:{edge.port}",
                service=OURS,
                keys={"status": 603},
            )
            async with calls:
                authority.sign("ours", dns=["localhost"], addresses=["127.0.0.1"])
                await server.reload(config)
                assert (await calls.finished()).successful == 30
            assert await serial(port, authority.file, our_files) != before
