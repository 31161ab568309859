"""The front of one SIP port: real sockets, several workers in one loop."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from offhook.sip.demux import mark_of
from offhook.telephony import sip_front
from offhook.telephony.sip_front import Front
from offhook.telephony.transports.datagram_port import Datagram, SharedPort
from offhook.telephony.transports.sockets import bound_socket

WORKERS = 2


def request(number: int, worker: int) -> bytes:
    tag = f"{mark_of(worker)}5"
    return (
        f"INFO sip:a@h SIP/2.0\r\nTo: <sip:a@h>;tag={tag}\r\nCSeq: {number} INFO\r\n\r\n".encode()
    )


class Phone:
    """Where the datagrams come from."""

    def __init__(self, port: int) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.connect(("127.0.0.1", port))

    def send(self, data: bytes) -> None:
        self.sock.send(data)


class World:
    def __init__(self, folder: Path) -> None:
        self.sip = bound_socket("127.0.0.1", 0)
        self.path = str(folder / "front.sock")
        self.phone = Phone(self.sip.getsockname()[1])
        self.workers: dict[int, SharedPort] = {}
        self.got: dict[int, list[Datagram]] = {n: [] for n in range(WORKERS)}
        self._changed = asyncio.Event()
        self.front = self.new_front()

    def new_front(self) -> Front:
        self.front = Front(self.sip, self.path, WORKERS)
        self.front.on_change = self._changed.set
        self.front.start()
        return self.front

    async def start(self, number: int) -> None:
        port = SharedPort(os.dup(self.sip.fileno()), self.path, number)
        self.workers[number] = port

        def readable() -> None:
            self.got[number] += port.receive()
            self._changed.set()

        port.start(readable)
        port.open()
        await self.until(lambda: number in self.front.living)

    async def kill(self, number: int) -> None:
        self.workers.pop(number).close()
        await self.until(lambda: number not in self.front.living)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not true():
                self._changed.clear()
                await self._changed.wait()

    def close(self) -> None:
        self.front.close()
        for port in self.workers.values():
            port.close()
        self.sip.close()
        self.phone.sock.close()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    for number in range(WORKERS):
        await world.start(number)
    yield world
    world.close()


async def test_each_worker_gets_its_own_in_order_with_the_source(world: World) -> None:
    messages = {worker: [request(n, worker) for n in range(200)] for worker in range(WORKERS)}
    for pair in zip(*messages.values(), strict=True):
        for data in pair:
            world.phone.send(data)
    await world.until(lambda: all(len(got) == 200 for got in world.got.values()))
    source = world.phone.sock.getsockname()
    for worker, expected in messages.items():
        assert world.got[worker] == [(data, source) for data in expected]


async def test_a_datagram_of_any_size_passes(world: World) -> None:
    sizes = [1, 100, 9_000, 60_000]
    for size in sizes:
        world.phone.send(request(0, 1) + b"x" * size)
    await world.until(lambda: len(world.got[1]) == len(sizes))
    assert [len(data) for data, _ in world.got[1]] == [len(request(0, 1)) + s for s in sizes]


async def test_a_killed_worker_takes_no_datagram_of_another(world: World) -> None:
    await world.kill(0)
    world.phone.send(request(1, 1))
    world.phone.send(request(2, 0))
    await world.until(lambda: len(world.got[1]) == 2)
    await world.start(0)
    world.phone.send(request(3, 0))
    await world.until(lambda: len(world.got[0]) == 1)


async def test_what_comes_while_the_front_is_replaced_is_not_lost(world: World) -> None:
    world.front.close()
    for number in range(20):
        world.phone.send(request(number, number % WORKERS))
    world.new_front()
    await world.until(lambda: sum(map(len, world.got.values())) == 20)
    await world.until(lambda: len(world.front.living) == WORKERS)
    world.phone.send(request(99, 1))
    await world.until(lambda: world.got[1][-1:] != [] and b"99 INFO" in world.got[1][-1][0])


async def test_before_the_first_worker_datagrams_wait(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.phone.send(request(1, 0))
    await world.start(0)
    await world.until(lambda: len(world.got[0]) == 1)
    world.close()


async def test_a_worker_that_reads_nothing_holds_up_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sip_front, "MOST_WAITING", 100_000)
    await world.kill(0)
    stuck = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stuck.connect(world.path)
    stuck.send(bytes([0]))
    await world.until(lambda: 0 in world.front.living)
    for number in range(400):
        world.phone.send(request(number, 0) + b"x" * 8_000)
        await asyncio.sleep(0)  # let the front read: the socket's buffer is small on some systems
    world.phone.send(request(1000, 1))
    await world.until(lambda: len(world.got[1]) == 1)
    assert "voice worker 0 is too slow" in caplog.text
    stuck.close()


async def test_a_stranger_on_the_front_s_socket_is_no_worker(world: World) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stranger:
        stranger.connect(world.path)
        stranger.send(bytes([WORKERS]))
        stranger.setblocking(False)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(10):
            assert await loop.sock_recv(stranger, 1) == b""
    assert world.front.living == {0, 1}
