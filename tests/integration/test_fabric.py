"""The contract of every fabric, run against each of them: the hub in between, or a real NATS."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import uvloop
from tests.support.cutting_proxy import CuttingProxy
from tests.support.nats_server import NatsServer
from tests.support.net import free_port

from offhook.fabric.local import LocalFabric, LocalHub
from offhook.fabric.memory import MemoryFabric
from offhook.fabric.nats import NatsFabric

AnyFabric = MemoryFabric | LocalFabric | NatsFabric
DEADLINE = 10.0


class Middle:
    """What stands between two processes: can go away and come back."""

    def __init__(
        self,
        new_fabric: Callable[[], AnyFabric],
        start: Callable[[], Awaitable[None]],
        stop: Callable[[], Awaitable[None]],
    ) -> None:
        self.new_fabric = new_fabric
        self.start = start
        self.stop = stop


def local_middle(folder: Path) -> Middle:
    path = str(folder / "fabric.sock")
    hubs = [LocalHub(path)]

    async def start() -> None:
        hubs[0] = LocalHub(path)
        await hubs[0].start()

    async def stop() -> None:
        await hubs[0].close()

    return Middle(lambda: LocalFabric(path), start, stop)


NATS_SERVER = shutil.which("nats-server", path=os.environ["PATH"] + ":/usr/sbin")


def nats_middle(program: str) -> Middle:
    port = free_port()
    server: list[asyncio.subprocess.Process] = []

    async def start() -> None:
        process = await asyncio.create_subprocess_exec(
            program, "-a", "127.0.0.1", "-p", str(port), stderr=asyncio.subprocess.PIPE
        )
        assert process.stderr is not None
        async with asyncio.timeout(DEADLINE):
            while b"Server is ready" not in await process.stderr.readline():
                assert process.returncode is None
        server[:] = [process]

    async def stop() -> None:
        process = server.pop()
        process.send_signal(signal.SIGTERM)
        await process.communicate()

    return Middle(lambda: NatsFabric(f"nats://127.0.0.1:{port}"), start, stop)


@pytest.fixture(params=["local", "nats"])
async def middle(request: pytest.FixtureRequest, tmp_path: Path) -> Middle:
    if request.param == "nats":
        if NATS_SERVER is None:
            pytest.skip("nats-server is not installed: scripts/system-packages")
        return nats_middle(NATS_SERVER)
    return local_middle(tmp_path)


@pytest.fixture
async def running(middle: Middle) -> AsyncIterator[Middle]:
    await middle.start()
    yield middle
    await middle.stop()


@pytest.fixture
async def pair(running: Middle) -> AsyncIterator[tuple[AnyFabric, AnyFabric]]:
    async with AsyncExitStack() as stack:
        fabrics = running.new_fabric(), running.new_fabric()
        for fabric in fabrics:
            stack.push_async_callback(fabric.close)
            await joined(fabric)
        yield fabrics


class Ear:
    """A listener that can be awaited."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

    def __call__(self, topic: str, message: bytes) -> None:
        self.heard.put_nowait((topic, message))

    async def next(self) -> tuple[str, bytes]:
        async with asyncio.timeout(DEADLINE):
            return await self.heard.get()


async def test_a_message_reaches_the_other_process_and_our_own(
    pair: tuple[AnyFabric, AnyFabric],
) -> None:
    near, far = Ear(), Ear()
    pair[0].subscribe("queue", near)
    pair[1].subscribe("queue", far)
    await pair[1].flush()
    pair[0].publish("queue", b"\x00\xff")
    assert await near.next() == ("queue", b"\x00\xff")
    assert await far.next() == ("queue", b"\x00\xff")
    await pair[0].flush()
    assert near.heard.empty()


async def test_a_pattern_hears_all_below_it_and_nothing_else(
    pair: tuple[AnyFabric, AnyFabric],
) -> None:
    ear = Ear()
    pair[1].subscribe("session.*", ear)
    await pair[1].flush()
    for topic in ("session", "sessions.a", "session.a.events", "queue", "session.b"):
        pair[0].publish(topic, topic.encode())
    assert await ear.next() == ("session.a.events", b"session.a.events")
    assert await ear.next() == ("session.b", b"session.b")


async def test_messages_of_one_publisher_stay_in_order(pair: tuple[AnyFabric, AnyFabric]) -> None:
    ear = Ear()
    pair[1].subscribe("queue", ear)
    await pair[1].flush()
    for number in range(500):
        pair[0].publish("queue", str(number).encode())
    assert [int((await ear.next())[1]) for _ in range(500)] == list(range(500))


async def test_after_unsubscribing_nothing_is_heard(pair: tuple[AnyFabric, AnyFabric]) -> None:
    gone, stays = Ear(), Ear()
    unsubscribe = pair[1].subscribe("queue", gone)
    unsubscribe()
    unsubscribe()
    pair[1].subscribe("queue", stays)
    await pair[1].flush()
    pair[0].publish("queue")
    await stays.next()
    assert gone.heard.empty()


async def test_a_listener_that_fails_does_not_stop_the_other_listeners(
    pair: tuple[AnyFabric, AnyFabric],
) -> None:
    def fails(topic: str, message: bytes) -> None:
        raise RuntimeError

    ear = Ear()
    pair[0].subscribe("queue", fails)
    pair[0].subscribe("queue", ear)
    pair[0].publish("queue")
    assert await ear.next() == ("queue", b"")


async def test_it_starts_while_nothing_is_there_and_joins_later(middle: Middle) -> None:
    first, second = middle.new_fabric(), middle.new_fabric()
    ear = Ear()
    first.subscribe("queue", ear)
    await first.start()
    first.publish("queue", b"own")
    assert await ear.next() == ("queue", b"own")
    await middle.start()
    await second.start()
    await until_heard(second, ear)
    await first.close()
    await second.close()
    await middle.stop()


async def test_it_comes_back_after_an_absence_with_its_subscriptions(
    middle: Middle, pair_when_started: tuple[AnyFabric, AnyFabric]
) -> None:
    publisher, hearer = pair_when_started
    before, meanwhile = Ear(), Ear()
    hearer.subscribe("before", before)
    await hearer.flush()
    await middle.stop()
    hearer.subscribe("meanwhile", meanwhile)
    publisher.publish("before", b"lost, and nobody fails")
    await middle.start()
    await until_heard(publisher, before, "before")
    await until_heard(publisher, meanwhile, "meanwhile")


@pytest.mark.skipif(
    NATS_SERVER is None, reason="nats-server is not installed: scripts/system-packages"
)
async def test_a_server_whose_answers_vanish_is_away_until_they_come_again() -> None:
    """The connection hangs: it breaks on neither side."""
    async with NatsServer() as server, CuttingProxy(server.port) as network:
        fabric = NatsFabric(f"nats://127.0.0.1:{network.port}", pulse=0.1)
        try:
            await joined(fabric)
            network.lose()
            async with asyncio.timeout(DEADLINE):
                while fabric.connected:
                    await asyncio.sleep(0.01)
            network.heal()
            async with asyncio.timeout(DEADLINE):
                while not fabric.connected:
                    await asyncio.sleep(0.01)
        finally:
            await fabric.close()


@pytest.fixture
async def pair_when_started(middle: Middle) -> AsyncIterator[tuple[AnyFabric, AnyFabric]]:
    await middle.start()
    fabrics = middle.new_fabric(), middle.new_fabric()
    for fabric in fabrics:
        await joined(fabric)
    yield fabrics
    for fabric in fabrics:
        await fabric.close()
    await middle.stop()


async def joined(fabric: AnyFabric) -> None:
    """Start it, and wait until it has reached the middle (which start does not promise)."""
    await fabric.start()
    assert not isinstance(fabric, MemoryFabric)
    async with asyncio.timeout(DEADLINE):
        while not fabric.connected:
            await asyncio.sleep(0.01)


async def until_heard(publisher: AnyFabric, ear: Ear, topic: str = "queue") -> None:
    """Publish again and again: how a process that only now connects is noticed."""
    async with asyncio.timeout(DEADLINE):
        while ear.heard.empty():
            publisher.publish(topic, b"again")
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("topic", ["", ".", "a..b", "a b", "*.a", "a.*.b", "x" * 300, "é", "a\n"])
async def test_a_bad_topic_is_our_own_mistake(topic: str) -> None:
    fabric = MemoryFabric()
    await fabric.start()
    with pytest.raises(ValueError, match=r"topic|last word"):
        fabric.subscribe(topic, Ear())


def test_the_hub_and_its_clients_run_on_uvloop_too(tmp_path: Path) -> None:
    async def scenario() -> None:
        middle = local_middle(tmp_path)
        await middle.start()
        first, second = middle.new_fabric(), middle.new_fabric()
        await joined(first)
        await joined(second)
        ear = Ear()
        second.subscribe("queue", ear)
        await second.flush()
        first.publish("queue", b"over uvloop")
        assert await ear.next() == ("queue", b"over uvloop")
        await first.close()
        await second.close()
        await middle.stop()

    uvloop.run(scenario())
