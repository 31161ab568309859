"""The local fabric's bounds: whoever does not read, or sends nonsense, is dropped and harms nobody."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from offhook.fabric.frames import Frame, FrameKind, encode
from offhook.fabric.local import MAX_UNSENT, LocalFabric, LocalHub

DEADLINE = 20.0


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[str]:
    path = str(tmp_path / "fabric.sock")
    hub = LocalHub(path)
    await hub.start()
    yield path
    await hub.close()
    assert not os.path.exists(path)


async def subscriber(path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client of its own make that has subscribed; it reads 128 KiB ahead at most."""
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(encode(Frame(FrameKind.SUBSCRIBE, "queue")) + encode(Frame(FrameKind.PING)))
    async with asyncio.timeout(DEADLINE):
        assert await reader.readexactly(6) == encode(Frame(FrameKind.PONG))
    return reader, writer


async def test_only_its_user_may_connect(path: str) -> None:
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


async def test_a_client_that_does_not_read_is_disconnected_and_no_client_waits(path: str) -> None:
    reader, writer = await subscriber(path)
    publisher, other = LocalFabric(path), LocalFabric(path)
    await publisher.start()
    await other.start()
    heard = 0

    def hear(topic: str, message: bytes) -> None:
        nonlocal heard
        heard += 1

    other.subscribe("queue", hear)
    await other.flush()
    sent = 0
    for _ in range(3 * MAX_UNSENT // 65_536):
        publisher.publish("queue", bytes(65_536))
        await publisher.flush()
        sent += 1
    await other.flush()
    async with asyncio.timeout(DEADLINE):
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await reader.readexactly(sent * 65_536)
    assert (heard, publisher.dropped) == (sent, 0)
    writer.close()
    await publisher.close()
    await other.close()


@pytest.mark.parametrize(
    "nonsense",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        encode(Frame(FrameKind.PONG)),
        encode(Frame(FrameKind.SUBSCRIBE, "a..b")),
        encode(Frame(FrameKind.PUBLISH, "*.a")),
    ],
)
async def test_who_sends_nonsense_is_disconnected(path: str, nonsense: bytes) -> None:
    reader, writer = await subscriber(path)
    writer.write(nonsense)
    async with asyncio.timeout(DEADLINE):
        assert await reader.read() == b""
    writer.close()
    again, other = await subscriber(path)
    other.write(encode(Frame(FrameKind.PING)))
    async with asyncio.timeout(DEADLINE):
        assert await again.readexactly(6) == encode(Frame(FrameKind.PONG))
    other.close()


async def test_a_publisher_drops_rather_than_waits(tmp_path: Path) -> None:
    path = str(tmp_path / "deaf.sock")
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(path)
        deaf.listen()
        fabric = LocalFabric(path)
        await fabric.start()
        for _ in range(2 * MAX_UNSENT // 65_536):
            fabric.publish("queue", bytes(65_536))
        assert fabric.connected
        assert fabric.dropped > 0
        await fabric.close()


async def test_a_socket_left_behind_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "fabric.sock"
    path.touch()
    hub = LocalHub(str(path))
    await hub.start()
    _, writer = await subscriber(str(path))
    writer.close()
    await hub.close()
