"""``deploy/kamailio`` in front of two nodes: calls, a dead and a drained node, phones, strangers."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self

import pytest
from tests.support import edge, sipp, softphones
from tests.support.certificates import make_certificate
from tests.support.edge import CARRIERS_IN, Edge
from tests.support.net import RtpSink, free_port
from tests.support.receiver import Receiver, Reply
from tests.support.server import (
    API_KEY,
    SOURCE,
    SUB_ACCOUNT,
    Server,
    configuration,
    voice_message,
)
from tests.support.sipp import Sipp
from tests.support.softphones import baresip

from offhook.cli import main
from offhook.store import upgrade

pytestmark = [
    pytest.mark.skipif(not edge.available, reason="kamailio is not installed"),
    pytest.mark.skipif(not sipp.available, reason="sipp is not installed"),
]

ADMIN_KEY = "key-of-the-operator"
OURS, ALICE = "+6568332048", "+12025550123"
CALLS = 12
HANGUP = Reply(
    body=json.dumps(
        {
            "callflow": [
                {"action": "say", "params": {"text": "Hello.", "language": "en-US"}},
                {"action": "hangup"},
            ]
        }
    ).encode()
)
CARRIER = "127.0.0.31"
"""Not the address of the phones."""
NODES = ("127.0.0.11", "127.0.0.12")


class World(NamedTuple):
    """Two nodes on one record behind the edge, a carrier, and who listens."""

    folder: Path
    edge: Edge
    nodes: tuple[Server, Server]
    receiver: Receiver
    carrier: Sipp

    async def run_by(self) -> Counter[str]:
        """How many sessions each node has run, by its address."""
        found: Counter[str] = Counter()
        for session in (await self.nodes[0].must("GET", "/sessions?limit=100"))["sessions"]:
            events = (await self.nodes[0].session(session["sessionId"]))["events"]
            names = [str(each["node"]) for each in events if "node" in each]
            found.update(host for host in NODES if any(host in name for name in names[:1]))
        return found

    async def load_test(self) -> str:
        """Run ``deploy/load-test`` with both nodes; what it prints."""
        numbers = [word for n in range(8) for word in ("--to", f"+1202558{n:04}")]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(edge.DEPLOYED.parent / "load-test"), "--source", SOURCE),
            *("--subaccount", SUB_ACCOUNT, "--rate", "4", "--seconds", "2", *numbers),
            *(node.url for node in self.nodes),
            env={**os.environ, "OFFHOOK_KEY": API_KEY},
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            out, _ = await process.communicate()
        assert process.returncode == 0, out
        return out.decode()

    async def drain(self, host: str, order: str) -> None:
        """Drain the node at ``host``, or let it begin sessions again."""
        server = self.nodes[NODES.index(host)]
        words = ["--url", server.url, "--admin-key", ADMIN_KEY, "--json"]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            assert main(["nodes", "list", *words]) == 0
        names = [node["name"] for node in json.loads(printed.getvalue())["nodes"]]
        (name,) = (name for name in names if host in name and not name.endswith("/api"))
        said = "drained by the operator" if order == "drain" else "begins sessions again"
        with contextlib.redirect_stdout(printed):
            assert await asyncio.to_thread(main, ["nodes", order, name, *words]) == 0
        async with asyncio.timeout(20):
            while said not in server.log():
                await asyncio.sleep(0.05)

    def silent(self) -> set[str]:
        """The nodes that the operator was told to be silent."""
        told = [json.loads(one.body) for one in self.receiver.at("/alerts")]
        return {each["data"]["node"] for each in told if each["type"] == "node.silent"}

    async def calls_by_both(self, number: str) -> list[dict[str, Any]]:
        """Call a number until each node has completed a call to it; what was told of these calls.

        Without NATS a node learns of a phone that registered with the other one a few seconds later.
        """
        completed: dict[str, dict[str, Any]] = {}
        async with asyncio.timeout(60):
            while len(completed) < len(NODES):
                known = set(self.receiver.summaries())
                before = await self.run_by()
                await self.nodes[len(known) % 2].place(voice_message(number, "Hello."))
                await self.receiver.wait_for(lambda: len(self.receiver.summaries()) > len(known))  # noqa: B023
                told = self.receiver.at("/vss")[-1].payload
                (node,) = (await self.run_by()) - before
                if told["sessionStatus"] == "COMPLETED":
                    completed[node] = told
        return list(completed.values())

    async def call_in(self, calls: int = CALLS) -> None:
        """Calls from outside, each answered and ended by a node."""
        before = len(self.receiver.summaries())
        async with Sipp(
            "call_by_edge",
            self.folder,
            calls=calls,
            target=self.edge.address,
            rate=10,
            service=OURS,
            timeout=40,
            host=CARRIER,
        ) as caller:
            await caller.finished()
        await self.receiver.wait_for(
            lambda: len(self.receiver.summaries()) == before + calls, timeout=30
        )


def node_config(host: str, port: int, trunk: str, receiver: Receiver, database: str) -> Any:
    hooks = {type_: receiver.url(f"/{type_.lower()}") for type_ in ("VCA", "VSS")}
    config = configuration(
        {"": trunk},
        webhooks=hooks,
        database=database,
        sub_account={"numbers": [{"msisdn": OURS, "reference_id": "PSTN1"}]},
    )
    config["sip"]["listen"] = [f"udp:{host}:{port}"]
    config["trunks"][0]["inbound_from"] = [CARRIERS_IN]
    config["admin"] = {"api_keys": [ADMIN_KEY]}
    config["alerts"] = {"url": receiver.url("/alerts")}
    config["trunks"][0]["media_from"] = ["127.0.0.1"]
    config["sip_users"] = [
        {"username": "alice", "password": "alice-secret", "number": ALICE, "digest": ["MD5"]}
    ]
    return config


@pytest.fixture
async def world(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        receiver.on("/vca", HANGUP)
        ear = await stack.enter_async_context(RtpSink())
        keys = {"rtp_port": ear.port}
        scenario = getattr(request, "param", "answer")
        carrier = Sipp(scenario, tmp_path, keys=keys, log_messages=True, timeout=120, host=CARRIER)
        await stack.enter_async_context(carrier)
        ports = [free_port(), free_port()]
        addresses = [f"{host}:{port}" for host, port in zip(NODES, ports, strict=True)]
        front = Edge(tmp_path / "edge", addresses, [f"{CARRIER}:{carrier.port}"])
        await stack.enter_async_context(front)
        database = f"sqlite:///{tmp_path}/shared.db"
        nodes = [
            Server(tmp_path / host, node_config(host, port, front.trunk, receiver, database))
            for host, port in zip(NODES, ports, strict=True)
        ]
        await asyncio.to_thread(upgrade, database)
        async with asyncio.TaskGroup() as group:
            for node in nodes:
                group.create_task(stack.enter_async_context(node))
        yield World(tmp_path, front, (nodes[0], nodes[1]), receiver, carrier)


@pytest.mark.full
async def test_calls_both_ways_go_through_the_edge_and_outlive_a_node(world: World) -> None:
    assert "8 COMPLETED" in await world.load_test()
    await world.receiver.wait_for(lambda: len(world.receiver.summaries()) == 8, timeout=30)
    assert len(world.carrier.invites()) == 8
    assert f"Record-Route: <sip:{world.edge.address}" in world.carrier.messages()
    await world.call_in()
    assert set(await world.run_by()) == set(NODES)
    await world.drain(NODES[0], "drain")
    before = await world.run_by()
    await world.call_in()
    assert (await world.run_by())[NODES[0]] == before[NODES[0]]
    await world.drain(NODES[0], "resume")
    for pid in world.nodes[1].processes():
        os.kill(pid, signal.SIGKILL)
    await world.call_in()
    assert {one.payload["sessionStatus"] for one in world.receiver.at("/vss")} == {"COMPLETED"}
    await world.receiver.wait_for(lambda: len(world.silent()) == 2, timeout=60)
    assert all(NODES[1] in name for name in world.silent())


@pytest.mark.full
@pytest.mark.parametrize("world", ["hangup_by_edge"], indirect=True)
async def test_the_far_end_of_a_bridge_hangs_up_through_the_edge(world: World) -> None:
    params = {"source": SOURCE, "destination": "+12025580001"}
    bridge = {"callflow": [{"action": "makeCall", "params": params}]}
    world.receiver.on("/vca", Reply(body=json.dumps(bridge).encode()))
    await world.call_in(2)
    for one in world.receiver.at("/vss"):
        assert one.payload["sessionStatus"] == "COMPLETED"
        assert set(one.payload["details"]) == {"callA", "callB"}
    assert {len(ids) for ids in world.carrier.invites().values()} == {2}


@pytest.mark.full
@pytest.mark.skipif(not softphones.available, reason="no softphones are installed")
async def test_a_phone_registers_through_the_edge_is_called_by_both_nodes_and_calls_in(
    world: World,
) -> None:
    folder = world.folder / "phone"
    async with baresip(folder, world.edge.port, "alice", "alice-secret", at=edge.OUTSIDE) as phone:
        async with asyncio.timeout(20):
            while not any("a phone registers from" in node.log() for node in world.nodes):
                await asyncio.sleep(0.05)
        said = await world.calls_by_both(ALICE)
        assert {one["details"]["callA"]["callType"] for one in said} == {"VOIP"}
        before = len(world.receiver.summaries())
        await phone.types(f"/dial sip:{OURS}@{world.edge.address}")
        await world.receiver.wait_for(lambda: len(world.receiver.summaries()) > before, 30)
        (asked,) = [told.payload for told in world.receiver.at("/vca")]
        assert (asked["source"], asked["callType"]) == (ALICE, "VOIP")
        assert world.receiver.at("/vss")[-1].payload["sessionStatus"] == "COMPLETED"


def test_the_files_as_they_are_shipped_are_valid() -> None:
    command = ["kamailio", "-c", "-f", str(edge.DEPLOYED / "kamailio.cfg")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr


class Peer:
    """A UDP socket that plays a node, a phone or a stranger."""

    def __init__(self, host: str) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._socket.setblocking(False)
        self.host, self.port = self._socket.getsockname()

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, text: str, to: str) -> None:
        host, _, port = to.rpartition(":")
        self._socket.sendto(text.replace("\n", "\r\n").encode(), (host, int(port)))

    async def hears(self, word: str, timeout: float = 20.0) -> str:
        """The next message whose first line begins with ``word``; OPTIONS are answered."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(timeout):
            while True:
                data, (host, port) = await loop.sock_recvfrom(self._socket, 65535)
                text = data.decode()
                if text.startswith(word):
                    return text
                if text.startswith("OPTIONS"):
                    self.send(response(text, "200 OK"), f"{host}:{port}")


def header(text: str, name: str) -> list[str]:
    """All lines of a header."""
    return [
        line.partition(":")[2].strip()
        for line in text.splitlines()
        if line.lower().startswith(f"{name.lower()}:")
    ]


def response(request: str, status: str, extra: str = "") -> str:
    """An answer to a request."""
    copied = "".join(
        f"{name}: {value}\n"
        for name in ("Via", "Record-Route", "From", "To", "Call-ID", "CSeq")
        for value in header(request, name)
    )
    return f"SIP/2.0 {status}\n{copied}{extra}Content-Length: 0\n\n"


def request(method: str, uri: str, peer: str, number: int = 1, extra: str = "") -> str:
    """A request outside of a call."""
    return (
        f"{method} {uri} SIP/2.0\nVia: SIP/2.0/UDP {peer};branch=z9hG4bK{method}{number};rport\n"
        f"From: <sip:alice@edge.invalid>;tag=a{number}\nTo: <sip:alice@edge.invalid>\n"
        f"Call-ID: {number}@{peer}\nCSeq: 1 {method}\nContact: <sip:alice@10.9.9.9:5060>\n"
        f"Max-Forwards: 70\n{extra}Content-Length: 0\n\n"
    )


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[tuple[Edge, Peer, Peer]]:
    """An edge, a peer that is its only node, and a stranger."""
    with Peer("127.0.0.21") as node, Peer("127.0.0.99") as stranger:
        settings = {"STRANGERS_TAKE": "20"}
        made = Edge(tmp_path / "edge", [node.address], ["127.0.0.31:5060"], settings)
        made.use_certificate(*make_certificate(tmp_path, "edge", edge.OUTSIDE))
        async with made:
            yield made, node, stranger


async def test_a_phone_registers_and_is_called_on_the_way_that_it_came(
    front: tuple[Edge, Peer, Peer],
) -> None:
    made, node, phone = front
    phone.send(request("REGISTER", "sip:edge.invalid", phone.address), made.address)
    came = await node.hears("REGISTER")
    path = header(came, "Path")
    assert path
    assert edge.PHONES_IN in came.splitlines()[1]
    node.send(response(came, "200 OK"), f"{edge.PHONES_IN}:{made.port}")
    assert (await phone.hears("SIP/2.0 200")).startswith("SIP/2.0 200")
    routes = "".join(f"Route: {each}\n" for each in path)
    invite = request("INVITE", "sip:alice@10.9.9.9:5060", node.address, 2, routes)
    node.send(invite, f"{edge.PHONES_IN}:{made.port}")
    rung = await phone.hears("INVITE")
    assert f"<sip:{made.address}" in header(rung, "Record-Route")[0]
    phone.send(response(rung, "486 Busy Here"), made.address)
    assert await node.hears("SIP/2.0 486")


async def test_a_phone_registers_over_tls(front: tuple[Edge, Peer, Peer], tmp_path: Path) -> None:
    made, node, _ = front
    context = ssl.create_default_context(cafile=str(tmp_path / "edge.pem"))
    reader, writer = await asyncio.open_connection(edge.OUTSIDE, made.tls_port, ssl=context)
    peer = "{}:{}".format(*writer.get_extra_info("sockname"))
    sent = request("REGISTER", "sip:edge.invalid", peer).replace("SIP/2.0/UDP", "SIP/2.0/TLS")
    writer.write(sent.replace("\n", "\r\n").encode())
    came = await node.hears("REGISTER")
    node.send(response(came, "200 OK"), f"{edge.PHONES_IN}:{made.port}")
    async with asyncio.timeout(20):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"SIP/2.0 200")
    routes = "".join(f"Route: {each}\n" for each in header(came, "Path"))
    uri = "sip:alice@10.9.9.9:5060;transport=tls"
    node.send(request("INVITE", uri, node.address, 2, routes), f"{edge.PHONES_IN}:{made.port}")
    async with asyncio.timeout(20):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"INVITE sip:alice@")
    writer.close()


async def test_a_stranger_is_no_carrier_and_reaches_no_third_party(
    front: tuple[Edge, Peer, Peer],
) -> None:
    made, node, stranger = front
    stranger.send(request("INVITE", f"sip:{OURS}@edge.invalid", stranger.address), made.address)
    came = await node.hears("INVITE")
    assert edge.PHONES_IN in header(came, "Via")[0]
    node.send(response(came, "403 Forbidden"), f"{edge.PHONES_IN}:{made.port}")
    assert await stranger.hears("SIP/2.0 403")
    route = f"Route: <sip:{made.address};lr>\n"
    with Peer("127.0.0.41") as third:
        inside = request("BYE", f"sip:x@{third.address}", stranger.address, 3, route)
        inside = inside.replace("To: <sip:alice@edge.invalid>", "To: <sip:b@x>;tag=1")
        stranger.send(inside, made.address)
        assert await stranger.hears("SIP/2.0 403")
        with pytest.raises(TimeoutError):
            await third.hears("BYE", timeout=0.2)


class TlsCarrier:
    """A carrier that speaks TLS and shows a certificate; one connection."""

    def __init__(self) -> None:
        self._come: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
        self._come = asyncio.Queue()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._come.put_nowait((reader, writer))

    async def hears(self, word: str) -> tuple[str, asyncio.StreamWriter]:
        """The next message that begins so, and where to answer."""
        async with asyncio.timeout(20):
            while True:
                reader, writer = await self._come.get()
                while text := (await reader.readuntil(b"\r\n\r\n")).decode():
                    if text.startswith(word):
                        self._come.put_nowait((reader, writer))
                        return text, writer


def say(writer: asyncio.StreamWriter, text: str) -> None:
    writer.write(text.replace("\n", "\r\n").encode())


async def test_a_carrier_over_tls_is_called_and_calls(tmp_path: Path) -> None:
    """Its certificate is checked, the nodes speak UDP, and what is said in a call goes the same way."""
    certificate, key = make_certificate(tmp_path, "edge", edge.OUTSIDE)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*make_certificate(tmp_path, "carrier", "127.0.0.31"))
    carrier = TlsCarrier()
    server = await asyncio.start_server(carrier.take, "127.0.0.31", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    with Peer("127.0.0.21") as node:
        made = Edge(tmp_path / "edge", [node.address], [f"127.0.0.31:{port};transport=tls"])
        made.use_certificate(certificate, key, trusts=tmp_path / "carrier.pem")
        inside = f"{edge.CARRIERS_IN}:{made.port}"
        async with server, made:
            node.send(request("INVITE", f"sip:+12025550101@{inside}", node.address), inside)
            called, writer = await carrier.hears("INVITE")
            here = f"Contact: <sip:x@127.0.0.31:{port};transport=tls>\n"
            say(writer, response(called, "200 OK", here).replace("invalid>\n", "invalid>;tag=c\n"))
            answered = await node.hears("SIP/2.0 200")
            route = "".join(f"Route: {each}\n" for each in header(answered, "Record-Route"))
            contact = header(answered, "Contact")[0].strip("<>")
            bye = request("BYE", contact, node.address, extra=route)
            node.send(bye.replace("To: <sip:alice@edge.invalid>", "To: <sip:b@x>;tag=1"), inside)
            _, writer = await carrier.hears("BYE")
            calls = request("INVITE", f"sip:{OURS}@edge.invalid", f"127.0.0.31:{port}", 2)
            say(writer, calls.replace("SIP/2.0/UDP", "SIP/2.0/TLS"))
            came = await node.hears("INVITE")
            assert edge.CARRIERS_IN in header(came, "Via")[0]
            node.send(response(came, "486 Busy Here"), inside)
            assert await carrier.hears("SIP/2.0 486")


async def test_a_phone_behind_a_nat_is_heard_from_where_it_calls(
    front: tuple[Edge, Peer, Peer],
) -> None:
    """Its description names an address of its home network."""
    made, node, phone = front
    sdp = "v=0\no=- 1 1 IN IP4 192.168.7.7\ns=-\nc=IN IP4 192.168.7.7\nt=0 0\nm=audio 4000 RTP/AVP 0\n"
    sdp = sdp.replace("\n", "\r\n")
    head = request("INVITE", f"sip:{OURS}@edge.invalid", phone.address)
    body = f"Content-Type: application/sdp\nContent-Length: {len(sdp)}\n\n"
    phone.send(
        head.replace("Content-Length: 0\n\n", body) + sdp.replace("\r\n", "\n"), made.address
    )
    came = await node.hears("INVITE")
    assert f"c=IN IP4 {phone.host}" in came
    node.send(response(came, "486 Busy Here"), f"{edge.PHONES_IN}:{made.port}")


async def test_carriers_together_may_begin_so_many_calls_a_second(tmp_path: Path) -> None:
    with Peer("127.0.0.21") as node, Peer("127.0.0.31") as carrier:
        made = Edge(tmp_path / "edge", [node.address], [carrier.address], {"CALLS_A_SECOND": "5"})
        async with made:
            for number in range(60):
                sent = request("INVITE", f"sip:{OURS}@edge.invalid", carrier.address, number)
                carrier.send(sent, made.address)
            refused = await carrier.hears("SIP/2.0 503 Too Many Calls")
            assert header(refused, "Retry-After") == ["2"]
            assert CARRIERS_IN in header(await node.hears("INVITE"), "Via")[0]


@pytest.mark.full
async def test_a_call_goes_to_the_next_carrier_when_the_first_is_silent(tmp_path: Path) -> None:
    with Peer("127.0.0.21") as node, Peer("127.0.0.31") as silent, Peer("127.0.0.32") as carrier:
        made = Edge(tmp_path / "edge", [node.address], [silent.address, carrier.address])
        async with made:
            sent = request("INVITE", f"sip:+12025550101@{CARRIERS_IN}", node.address)
            node.send(sent, f"{CARRIERS_IN}:{made.port}")
            assert await silent.hears("INVITE")
            came = await carrier.hears("INVITE")
            assert came.startswith(f"INVITE sip:+12025550101@{carrier.address} ")
            carrier.send(response(came, "486 Busy Here"), made.address)
            assert await node.hears("SIP/2.0 486")


async def test_a_node_that_answers_no_options_gets_no_calls(tmp_path: Path) -> None:
    with Peer("127.0.0.21") as node, Peer("127.0.0.22") as dead, Peer("127.0.0.31") as carrier:
        made = Edge(tmp_path / "edge", [node.address, dead.address], [carrier.address])
        async with made, asyncio.timeout(60):
            answering = asyncio.create_task(node.hears("INVITE", timeout=60))
            while dead.address not in made.down(await made.control("dispatcher.list")):
                await asyncio.sleep(0.1)
            for number in range(10):
                sent = request("INVITE", f"sip:{OURS}@edge.invalid", carrier.address, number)
                carrier.send(sent, made.address)
            came = {header(await answering, "Call-ID")[0]}
            while len(came) < 10:
                came.add(header(await node.hears("INVITE"), "Call-ID")[0])
            with pytest.raises(TimeoutError):
                await dead.hears("INVITE", timeout=0.2)


async def test_a_stranger_that_floods_gets_no_answer(front: tuple[Edge, Peer, Peer]) -> None:
    made, _, stranger = front
    for number in range(100):
        sent = request("SUBSCRIBE", "sip:edge.invalid", stranger.address, number)
        stranger.send(sent, made.address)
    answered = 0
    with contextlib.suppress(TimeoutError):
        while await stranger.hears("SIP/2.0 405", timeout=1):
            answered += 1
    assert 0 < answered < 60
    with Peer("127.0.0.98") as other:
        other.send(request("OPTIONS", f"sip:{made.address}", other.address), made.address)
        assert await other.hears("SIP/2.0 200")
