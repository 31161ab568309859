"""The first version that was run in earnest and this one share a record: while it is upgraded, and after."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.support import sipp
from tests.support.net import RtpSink
from tests.support.other_version import in_history, run_other, source_of
from tests.support.postgres import postgres_server
from tests.support.receiver import Receiver
from tests.support.server import Server, ServerError, configuration, voice_message
from tests.support.sipp import Sipp

from offhook.store import downgrade, upgrade

OLD = "eb5e874"
"""Its schema is 0001. It knows no recordings, opt-outs, menus and campaigns."""
CALLS = 6

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not sipp.available, reason="sipp is not installed"),
    pytest.mark.skipif(not in_history(OLD), reason="the repository's history is not here"),
]


class World(NamedTuple):
    """A carrier, a receiver and a database that both versions use."""

    folder: Path
    source: Path
    """The old version's package."""
    database: str
    receiver: Receiver
    carrier: Sipp
    sessions: list[str]

    def config(self) -> dict[str, Any]:
        """The file of one node."""
        hooks = {"VSS": self.receiver.url("/vss")}
        return configuration({"": self.carrier.address}, webhooks=hooks, database=self.database)

    def old(self) -> Server:
        """A node of the old version."""
        return Server(self.folder / "old", self.config(), source=self.source)

    def new(self) -> Server:
        """A node of this version."""
        return Server(self.folder / "new", self.config())

    async def place(
        self, servers: Sequence[Server], text: str = "Hello.", count: int = CALLS
    ) -> None:
        """Post callflows to the servers in turn."""
        for number in range(count):
            to = f"+1202558{len(self.sessions):04}"
            server = servers[number % len(servers)]
            self.sessions.append(await server.place(voice_message(to, text)))

    async def told(self) -> Counter[str]:
        """Wait for a summary of each session; how many ended how. Nobody was called twice."""
        wanted = set(self.sessions)
        await self.receiver.wait_for(lambda: self.receiver.summaries().keys() >= wanted, timeout=90)
        assert all(len(ids) == 1 for ids in self.carrier.invites().values())
        ends = {
            (one.payload["sessionId"], one.payload["sessionStatus"])
            for one in self.receiver.at("/vss")
        }
        assert len(ends) == len(wanted)
        return Counter(status for _, status in ends)

    async def ringing(self, count: int) -> None:
        """Wait until that many calls were made in all."""
        async with asyncio.timeout(60):
            while len(self.carrier.invites()) < count:
                await asyncio.sleep(0.05)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        postgres = stack.enter_context(postgres_server())
        receiver = await stack.enter_async_context(Receiver())
        ear = await stack.enter_async_context(RtpSink())
        keys = {"rtp_port": ear.port}
        carrier = Sipp("answer", tmp_path, keys=keys, log_messages=True, timeout=300)
        await stack.enter_async_context(carrier)
        source = source_of(OLD, tmp_path / "source")
        url = postgres.create_database("shared")
        made = World(tmp_path, source, url, receiver, carrier, [])
        (tmp_path / "db.toml").write_text(f'[database]\nurl = "{url}"\n')
        ran = run_other(source, "db", "upgrade", "--config", str(tmp_path / "db.toml"))
        assert ran.returncode == 0, ran.stderr
        yield made


async def test_a_cluster_is_upgraded_while_the_old_version_serves(world: World) -> None:
    async with world.old() as old:
        placing = asyncio.create_task(world.place([old], count=CALLS))
        await asyncio.to_thread(upgrade, world.database)
        await placing
        await world.place([old])
        async with world.new() as new:
            await world.place([old, new], count=2 * CALLS)
            assert await world.told() == {"COMPLETED": 4 * CALLS}
            # The old version cannot show the timeline of a session with facts that it does not know.
            for server in (old, new):
                listed = (await server.must("GET", "/sessions?limit=100"))["sessions"]
                ends = {one["sessionId"]: one["sessionStatus"] for one in listed}
                assert ends == dict.fromkeys(world.sessions, "COMPLETED")
            assert await old.stop() == 0
            await world.place([new])
            assert await world.told() == {"COMPLETED": 5 * CALLS}


def new_dies(old: Server, new: Server) -> tuple[Server, Server]:
    return new, old


def old_dies(old: Server, new: Server) -> tuple[Server, Server]:
    return old, new


@pytest.mark.parametrize("roles", [new_dies, old_dies])
async def test_each_version_takes_over_from_the_other(
    world: World, roles: Callable[[Server, Server], tuple[Server, Server]]
) -> None:
    async with world.old() as old:
        await asyncio.to_thread(upgrade, world.database)
        async with world.new() as new:
            dies, lives = roles(old, new)
            await world.place([dies], "This message is long, and the node dies. " * 8)
            await world.ringing(CALLS)
            for pid in dies.processes():
                os.kill(pid, signal.SIGKILL)
            await world.place([lives])
            told = await world.told()
            assert told["ERROR"] + told["COMPLETED"] == 2 * CALLS
            assert told["COMPLETED"] >= CALLS


async def test_the_old_version_starts_again_on_the_schema_of_its_time_only(world: World) -> None:
    with pytest.raises(ServerError, match="run `offhook db upgrade` first"):
        await world.new().start()
    await asyncio.to_thread(upgrade, world.database)
    with pytest.raises(ServerError, match="a newer Offhook has upgraded it"):
        await world.old().start()
    await asyncio.to_thread(downgrade, world.database, "0001")
    async with world.old() as old:
        await world.place([old])
        assert await world.told() == {"COMPLETED": CALLS}
