"""Several servers on one PostgreSQL and one NATS, with a carrier and a receiver: the fault table's world.

Every node reaches PostgreSQL and NATS through forwarders of its own, so that one node alone can be cut off.
:meth:`Cluster.settled` is the equality that holds after every fault.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import asyncpg
import msgspec
from tests.support import nats_server
from tests.support.cutting_proxy import CuttingProxy
from tests.support.far_machine import FarMachine
from tests.support.nats_server import NatsServer
from tests.support.net import RtpSink
from tests.support.postgres import PostgresServer, postgres_server, programs
from tests.support.receiver import Receiver
from tests.support.server import API_KEY, SUB_ACCOUNT, Server, configuration, voice_message
from tests.support.sipp import Sipp
from tests.support.waiting import Changes

from offhook.store import upgrade

available = nats_server.program is not None and programs() is not None

SHORT = "Your parcel has arrived."
LONG = "Please hold the line, an agent will be with you in a moment. " * 14
"""About 50 s of speech."""
ADMIN_KEY = "key-of-the-operator"
SETTLE_SECONDS = 60.0
_PORTS_OF_NODE = 480
_STEPPED = str(Path(__file__).parent / "stepped_clock")
_FINAL = "status NOT IN ('QUEUED', 'RUNNING')"


def descendants(pid: int) -> list[int]:
    """A process and all that it has started, oldest first."""
    found = [pid]
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for child in children:
            found += descendants(int(child))
    return found


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """SIGSTOP a process and all that it has started, for the time of the block."""
    pids = descendants(pid)
    for one in pids:
        os.kill(one, signal.SIGSTOP)
    try:
        yield
    finally:
        for one in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGCONT)


class ClusterNode:
    """One ``offhook serve`` of the cluster, and its two cables."""

    def __init__(
        self,
        config: dict[str, Any],
        server: Server,
        database: CuttingProxy,
        bus: CuttingProxy,
    ) -> None:
        self.config = config
        """Its file."""
        self.server = server
        self.database = database
        self.bus = bus

    @property
    def pid(self) -> int:
        """Of its supervisor."""
        return self.server.processes()[0]

    def step_clock(self, seconds: int) -> None:
        """Let its wall clock be so many seconds ahead of the machine's."""
        self.server.folder.mkdir(parents=True, exist_ok=True)
        (self.server.folder / "clock").write_text(str(seconds))

    async def kill(self) -> None:
        """``kill -9`` of all its processes at once."""
        await self.server.kill_all()


class Posted(msgspec.Struct):
    """What the answers to all posted callflows were."""

    acknowledged: dict[str, str] = {}
    """Session by number."""
    began: dict[str, float] = {}
    """When the callflow of each acknowledged session was posted, in monotonic seconds."""
    refused: set[str] = set()
    """Numbers whose callflow was answered 503: none of them may be dialled."""
    unknown: set[str] = set()
    """Numbers whose callflow got no answer, or one that promises nothing."""


class Ends(msgspec.Struct):
    """How the sessions ended, after :meth:`Cluster.settled`."""

    status: dict[str, str]
    """By session."""
    dialled: dict[str, set[str]]
    """The Call-IDs of each number."""

    def counts(self) -> Counter[str]:
        """How many sessions ended in each way."""
        return Counter(self.status.values())


class Cluster(Changes):
    """``async with Cluster(folder, nodes=2) as cluster``: all started, ready, and ended at the end.

    ``phones``: the SIPp scenario of the numbers that begin so. ``trunk``: members of every trunk;
    ``sub_account``, ``limits``: as in the configuration. ``name``: the same for every node.
    ``prompts``: an empty folder that the nodes see as a small disk; they keep their prompts there.
    ``more``: further sections of the configuration. ``far``: the machines of PostgreSQL and of NATS;
    their first cable is ours, the others are the nodes'. Without them every node has forwarders.
    """

    def __init__(
        self,
        folder: Path,
        *,
        nodes: int = 2,
        phones: Mapping[str, str] | None = None,
        hooks: Sequence[str] = ("VSS",),
        trunk: Mapping[str, Any] | None = None,
        sub_account: Mapping[str, Any] | None = None,
        limits: Mapping[str, float] | None = None,
        name: str | None = None,
        prompts: Path | None = None,
        more: Mapping[str, Any] | None = None,
        far: tuple[FarMachine, FarMachine] | None = None,
    ) -> None:
        super().__init__()
        self._folder = folder
        self._wanted = nodes
        self._scenarios = dict(phones or {"": "answer"})
        self._hooks = hooks
        self._trunk, self._sub_account, self._limits = trunk, sub_account, limits
        self._name, self._prompts, self._more = name, prompts, dict(more or {})
        self._stack = AsyncExitStack()
        self._numbers = iter(range(5_550_000, 5_999_999))
        self._client: aiohttp.ClientSession | None = None
        self.nodes: list[ClusterNode] = []
        self.phones: dict[str, Sipp] = {}
        self.receiver = Receiver()
        self.ear = RtpSink()
        self._far = far
        self.bus = NatsServer(far[1] if far is not None else None)
        self.posted = Posted()
        self.postgres: PostgresServer
        self.database = ""
        """The URL of the record, past all forwarders."""
        self.began = time.monotonic()

    async def __aenter__(self) -> Self:
        enter = self._stack.enter_async_context
        try:
            await enter(self.receiver)
            await enter(self.ear)
            await enter(self.bus)
            for prefix, scenario in self._scenarios.items():
                self.phones[prefix] = await enter(self._phone(scenario))
            self.postgres = self._stack.enter_context(
                postgres_server(on=self._far[0] if self._far is not None else None)
            )
            self.database = self.postgres.create_database("offhook")
            await asyncio.to_thread(upgrade, self.database)
            timeout = aiohttp.ClientTimeout(total=120)
            self._client = await enter(aiohttp.ClientSession(timeout=timeout))
            await self.join(self._wanted)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            for number, node in enumerate(self.nodes):
                error.add_note(f"log of node {number}:\n{node.server.log()[-5000:]}")
        await self._stack.aclose()

    def _phone(self, scenario: str) -> Sipp:
        keys = {"rtp_port": self.ear.port}
        return Sipp(scenario, self._folder, keys=keys, log_messages=True, timeout=900)

    # --- nodes

    async def join(self, count: int = 1) -> None:
        """Start more nodes, one after the other."""
        enter = self._stack.enter_async_context
        new: list[ClusterNode] = []
        for _ in range(count):
            database = await enter(CuttingProxy(self.postgres.port))
            bus = await enter(CuttingProxy(self.bus.port))
            place = len(self.nodes) + len(new)
            places = (f"127.0.0.1:{database.port}", f"127.0.0.1:{bus.port}")
            if self._far is not None:
                hosts = [machine.address(place + 1) for machine in self._far]
                places = (f"{hosts[0]}:{self.postgres.port}", f"{hosts[1]}:{self.bus.port}")
            config = self.configuration(place, *places)
            folder = self._folder / f"node-{place}"
            clock = {"PYTHONPATH": _STEPPED, "OFFHOOK_TEST_CLOCK": str(folder / "clock")}
            server = Server(folder, config, environ=clock, disk=self._prompts)
            new.append(ClusterNode(config, server, database, bus))
        for node in new:
            await enter(node.server)
        self.nodes += new

    def configuration(self, place: int, database: str, bus: str) -> dict[str, Any]:
        """The file of one node; ``database``, ``bus``: host and port as it reaches them."""
        carriers = {prefix: phone.address for prefix, phone in self.phones.items()}
        config = configuration(
            carriers,
            webhooks={hook: self.receiver.url(f"/{hook.lower()}") for hook in self._hooks},
            limits=self._limits,
            sub_account=self._sub_account,
            database=f"postgresql://offhook@{database}/offhook",
        )
        first = int(config["sip"]["rtp_ports"].partition("-")[0]) + place * _PORTS_OF_NODE
        config["sip"]["rtp_ports"] = f"{first}-{first + _PORTS_OF_NODE - 1}"
        config["cluster"] = {"nats": f"nats://{bus}"}
        if self._name is not None:
            config["cluster"]["name"] = self._name
        config["admin"] = {"api_keys": [ADMIN_KEY]}
        if self._prompts is not None:
            config["speech"] = {"cache_folder": str(self._prompts / "prompts")}
        for trunk in config["trunks"]:
            trunk |= self._trunk or {}
        config |= self._more
        return config

    # --- the servers beside them

    async def add_standby(self) -> PostgresServer:
        """A standby of PostgreSQL that has every acknowledged commit."""
        standby = await asyncio.to_thread(self.postgres.standby)
        self._stack.callback(standby.stop, signal.SIGQUIT)
        return standby

    def moved_to(self, server: PostgresServer) -> None:
        """The address of the database leads to another server from now on."""
        self.database = server.url("offhook")
        for node in self.nodes:
            node.database.target = server.port

    # --- callflows

    def number(self, prefix: str = "+1202") -> str:
        """A number that was never used before."""
        return f"{prefix}{next(self._numbers)}"

    async def place(
        self, count: int = 1, text: str = SHORT, *, at: int | None = None, prefix: str = "+1202"
    ) -> list[str]:
        """Post voice messages to node ``at`` (None: to all in turn); the numbers."""
        numbers = [self.number(prefix) for _ in range(count)]
        bodies = [voice_message(number, text) for number in numbers]
        async with asyncio.TaskGroup() as group:
            for turn, body in enumerate(bodies):
                node = self.nodes[turn % len(self.nodes) if at is None else at]
                group.create_task(self.post(node, body))
        return numbers

    async def place_steadily(self, count: int, rate: float, text: str = SHORT) -> None:
        """Post voice messages to the nodes in turn, so many a second, whatever becomes of them."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for turn in range(count):
                await asyncio.sleep(began + turn / rate - time.monotonic())
                body = voice_message(self.number(), text)
                group.create_task(self.post(self.nodes[turn % len(self.nodes)], body))

    async def post(
        self,
        node: ClusterNode,
        body: Mapping[str, Any],
        key: str | None = None,
        owner: str = SUB_ACCOUNT,
        api_key: str = API_KEY,
    ) -> int | None:
        """Post one callflow and remember its answer; the HTTP status, None: the connection broke."""
        assert self._client is not None
        number = str(body["clientRequestId"])
        headers = {"Authorization": f"Bearer {api_key}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        url = f"{node.server.url}/api/v1/subaccounts/{owner}/callflows"
        began = time.monotonic()
        try:
            async with self._client.post(url, json=body, headers=headers) as answer:
                status, told = answer.status, await answer.json()
        except (aiohttp.ClientConnectorError, ConnectionRefusedError):
            self.posted.refused.add(number)
            return None
        except (aiohttp.ClientError, OSError, json.JSONDecodeError):
            self.posted.unknown.add(number)
            return None
        if status == 200:
            self.posted.unknown.discard(number)
            self.posted.acknowledged[number] = str(told["sessionId"])
            self.posted.began[str(told["sessionId"])] = began
        elif status == 503:
            self.posted.refused.add(number)
        else:
            self.posted.unknown.add(number)
        self.changed()
        return status

    def told(self, ends: Ends, numbers: Sequence[str]) -> Counter[str]:
        """How the sessions of these numbers ended."""
        return Counter(ends.status[self.posted.acknowledged[number]] for number in numbers)

    async def hang_up(self, numbers: Sequence[str]) -> None:
        """``DELETE`` the sessions of these numbers that run, at any node: the one that runs it must hear."""
        for turn, number in enumerate(numbers):
            session_id = self.posted.acknowledged[number]
            server = self.nodes[turn % len(self.nodes)].server
            async with asyncio.timeout(20):
                while await server.delete_session(session_id) not in (200, 202, 409):
                    await asyncio.sleep(0.2)

    async def talking(self, numbers: Sequence[str], legs: int = 1, timeout: float = 40.0) -> None:
        """Wait until the calls to these numbers are up, each with so many legs."""
        ids = [self.posted.acknowledged[number] for number in numbers]
        up = (
            "SELECT 1 FROM sessions WHERE session_id = $1 AND status = 'RUNNING' AND $2 = ("
            "SELECT count(*) FROM jsonb_array_elements(document::jsonb -> 'legs') AS leg "
            "WHERE leg ->> 'connected_at' IS NOT NULL AND leg ->> 'status' IS NULL)"
        )
        for session_id in ids:
            await self.wait_for_rows(up, session_id, legs, timeout=timeout)

    # --- what the record says

    async def rows(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """A question to the record, past all forwarders."""
        connection = await asyncpg.connect(self.database, timeout=10)
        try:
            found: list[asyncpg.Record] = await connection.fetch(query, *arguments)
            return found
        finally:
            await connection.close()

    async def wait_for_rows(self, query: str, *arguments: Any, timeout: float = 30.0) -> None:
        """Wait until a question to the record has an answer."""
        async with asyncio.timeout(timeout):
            while not await self.rows(query, *arguments):
                await asyncio.sleep(0.05)

    async def node_of(self, session_id: str) -> str:
        """The name of the node that has run a session; empty: none has."""
        query = (
            "SELECT document::jsonb ->> 'node' AS node FROM events WHERE session_id = $1 "
            "AND document::jsonb ? 'node' ORDER BY number DESC LIMIT 1"
        )
        found = await self.rows(query, session_id)
        return str(found[0]["node"]) if found else ""

    # --- the equality

    async def settled(self, timeout: float = SETTLE_SECONDS) -> Ends:
        """Wait until every session has ended and was told, and check the equality.

        Acknowledged = finished = distinct summaries; none missing, none with two outcomes, none dialled
        twice, none dialled that was answered 503.
        """
        posted = self.posted
        acknowledged = set(posted.acknowledged.values())
        await self.receiver.wait_for(
            lambda: self.receiver.summaries().keys() >= acknowledged, timeout
        )
        async with asyncio.timeout(timeout):
            while await self.rows(f"SELECT 1 FROM sessions WHERE NOT {_FINAL} LIMIT 1"):
                await asyncio.sleep(0.1)
        stored = {
            row["session_id"]: (row["status"], _number_in(row["document"]))
            for row in await self.rows("SELECT session_id, status, document FROM sessions")
        }
        await self.receiver.wait_for(
            lambda: self.receiver.summaries().keys() >= stored.keys(), timeout
        )
        told: defaultdict[str, set[str]] = defaultdict(set)
        for one in self.receiver.at("/vss"):
            told[one.payload["sessionId"]].add(one.payload["sessionStatus"])
        dialled: defaultdict[str, set[str]] = defaultdict(set)
        for phone in self.phones.values():
            for number, call_ids in phone.invites().items():
                dialled[number] |= call_ids
        assert acknowledged <= stored.keys(), "an acknowledged session is not in the record"
        assert told.keys() == stored.keys(), "summaries and sessions differ"
        assert all(len(ends) == 1 for ends in told.values()), "an end was told in two ways"
        assert {session: {end} for session, (end, _) in stored.items()} == told
        twice = {number: ids for number, ids in dialled.items() if len(ids) > 1}
        assert not twice, "dialled twice"
        assert not posted.refused & dialled.keys(), "answered 503, and dialled"
        extra = {number for _, number in stored.values()} - posted.acknowledged.keys()
        assert extra <= posted.unknown, "sessions that were refused are in the record"
        return Ends({session: end for session, (end, _) in stored.items()}, dict(dialled))


def _number_in(document: str) -> str:
    """The destination of a stored session's first action."""
    return str(json.loads(document)["callflow"]["actions"][0]["destination"])
