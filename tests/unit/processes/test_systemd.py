"""What systemd is told, and the unit file that it reads."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from offhook.processes.systemd import SystemdNotifier

UNIT = Path(__file__).parents[3] / "deploy" / "systemd" / "offhook.service"


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The service manager's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(5)
        yield sock


def environ(manager: socket.socket, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": str(manager.getsockname()), **more}


def test_ready_and_stopping_are_told(manager: socket.socket) -> None:
    notifier = SystemdNotifier(environ(manager))
    notifier.ready()
    notifier.stopping()
    assert [manager.recv(100) for _ in range(2)] == [b"READY=1", b"STOPPING=1"]


def test_a_reload_is_told_with_its_time_as_the_protocol_wants(manager: socket.socket) -> None:
    SystemdNotifier(environ(manager)).reloading()
    first, second = manager.recv(100).decode().split("\n")
    assert first == "RELOADING=1"
    assert second.removeprefix("MONOTONIC_USEC=").isdecimal()


async def test_signs_of_life_come_while_the_manager_watches(manager: socket.socket) -> None:
    notifier = SystemdNotifier(
        environ(manager, WATCHDOG_USEC="30000", WATCHDOG_PID=str(os.getpid()))
    )
    manager.setblocking(False)
    loop = asyncio.get_running_loop()
    alive = asyncio.create_task(notifier.keep_alive())
    async with asyncio.timeout(20):
        beats = [await loop.sock_recv(manager, 100) for _ in range(3)]
    alive.cancel()
    assert beats == [b"WATCHDOG=1"] * 3


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "x"},
        {"WATCHDOG_USEC": "9", "WATCHDOG_PID": "1"},
    ],
)
async def test_nothing_is_sent_to_a_manager_that_does_not_watch(
    manager: socket.socket, more: dict[str, str]
) -> None:
    await SystemdNotifier(environ(manager, **more)).keep_alive()
    manager.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.recv(100)


@pytest.mark.parametrize("where", ["", "/nowhere/at/all", "@offhook-test-nobody-listens"])
def test_a_server_without_a_manager_goes_on(where: str) -> None:
    SystemdNotifier({"NOTIFY_SOCKET": where}).ready()


@pytest.mark.full
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_accepts_the_unit_and_finds_it_hardened(tmp_path: Path) -> None:
    unit = tmp_path / "offhook.service"
    unit.write_text(UNIT.read_text().replace("/opt/offhook/bin/offhook", "/bin/true"))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert verified.returncode == 0, verified.stderr
    assert "offhook.service" not in verified.stderr
    secure = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert secure.returncode == 0, secure.stdout[-1500:]
