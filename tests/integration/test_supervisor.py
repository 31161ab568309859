"""The supervisor with real processes: small ones that keep the contract of offhook.processes.child."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

DEADLINE = 60.0

CHILD = """
import asyncio, os, signal, sys, pathlib, time
from offhook.processes.child import ORPHANED, SupervisorLink
from offhook.processes.ready_facts import ReadyFacts

folder = pathlib.Path(os.environ["FOLDER"])
role, worker = sys.argv[2], sys.argv[4]
name = f"{role}-{worker}"

def note(text):
    with open(folder / "notes", "a") as notes:
        notes.write(f"{name} {text}\\n")

async def main():
    supervisor = SupervisorLink.of()
    supervisor.end_with_supervisor()
    alive = asyncio.create_task(supervisor.keep_alive())
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, lambda: (note("asked to stop"), stop.set()))
    loop.add_signal_handler(signal.SIGHUP, lambda: note("reload"))
    loop.add_signal_handler(signal.SIGUSR1, lambda: None)
    loop.add_signal_handler(ORPHANED, lambda: None)
    note(f"started {os.getpid()} testbed={supervisor.testbed} fabric={bool(supervisor.fabric)}")
    if (folder / f"{name}.fails").exists():
        sys.exit(3)
    if (folder / f"{name}.explains").exists():
        assert supervisor.failed("the disk\\nis full")
        assert not supervisor.failed("twice")
        sys.exit(1)
    facts = {"api": {"url": "http://127.0.0.1:1", "api_key": "oh_secret"},
             "voice": {"sip": ["udp:127.0.0.1:2"]},
             "front": {},
             "testbed": {"address": "udp:127.0.0.1:3"}}[role]
    supervisor.ready(ReadyFacts(**facts))
    if (folder / f"{name}.blocks").exists():
        (folder / f"{name}.blocks").unlink()
        note("blocked")
        time.sleep(3600)
    gone = asyncio.create_task(supervisor.gone())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait((gone, stopped), return_when=asyncio.FIRST_COMPLETED)
    if gone.done():
        note("supervisor gone")
    if (folder / f"{name}.hangs").exists():
        await asyncio.sleep(3600)
    note("ended")

asyncio.run(main())
"""

SERVE = """
import os, pathlib, sys
import msgspec
from offhook import log
from offhook.processes import supervisor
log.setup("serve")
folder = sys.argv[1]
options = supervisor.Options(
    config_path=folder + "/offhook.toml", workers=2, command=(sys.executable, folder + "/child.py"))
supervisor.HURRIED_TIMEOUT = 1.0
supervisor.PORT_PATIENCE = float(os.environ.get("PORT_PATIENCE", "0"))
sys.exit(supervisor.serve(
    options, lambda facts: print(msgspec.json.encode(facts).decode(), flush=True)))
"""

CONFIG = """
[http]
listen = "127.0.0.1:0"
[sip]
listen = ["udp:127.0.0.1:0"]
[limits]
drain_timeout = 0
[[testbed.phones]]
number = "+12025550101"
"""


class Running:
    """A supervisor process and what its children noted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "child.py").write_text(CHILD)
        (folder / "serve.py").write_text(SERVE)
        (folder / "offhook.toml").write_text(CONFIG)
        (folder / "notes").touch()
        self.process: asyncio.subprocess.Process

    async def start(self, **environ: str) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(self.folder / "serve.py"),
            str(self.folder),
            env={**os.environ, "FOLDER": str(self.folder), **environ},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def ready(self) -> dict[str, object]:
        assert self.process.stdout is not None
        async with asyncio.timeout(DEADLINE):
            facts = json.loads(await self.process.stdout.readline())
        assert isinstance(facts, dict)
        return facts

    async def logged(self, text: str) -> None:
        """Wait until a line with this text is logged."""
        assert self.process.stderr is not None
        async with asyncio.timeout(DEADLINE):
            while text not in (line := (await self.process.stderr.readline()).decode()):
                assert line, f"it ended without saying {text!r}"

    async def noted(self, wanted: Callable[[list[str]], bool]) -> list[str]:
        """Wait until the notes are as wanted."""
        async with asyncio.timeout(DEADLINE):
            while not wanted(notes := self.notes()):
                await asyncio.sleep(0.01)
        return notes

    def notes(self) -> list[str]:
        return (self.folder / "notes").read_text().splitlines()

    def pid(self, name: str) -> int:
        started = [note.split() for note in self.notes() if note.startswith(f"{name} started")]
        return int(started[-1][2])

    async def end(self) -> tuple[int, str]:
        """Wait for its end: the exit status, and what it logged."""
        async with asyncio.timeout(DEADLINE):
            _, stderr = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, stderr.decode()


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    running = Running(tmp_path)
    yield running
    if running.process.returncode is None:
        running.process.kill()
    await running.end()


async def test_it_starts_the_phones_first_and_tells_the_workers_where_they_are(
    running: Running,
) -> None:
    await running.start()
    facts = await running.ready()
    assert facts == {
        "url": "http://127.0.0.1:1",
        "api_key": "oh_secret",
        "sip": ["udp:127.0.0.1:2"],
        "embedded": False,
        "phones": [{"number": "+12025550101", "outcome": "answer"}],
    }
    started = {note.split()[0]: note.split(maxsplit=3)[3] for note in running.notes()}
    told = {"voice-0": "udp:127.0.0.1:3", "voice-1": "udp:127.0.0.1:3"}
    assert started.keys() == {"front-0", "testbed-0", "api-0", "voice-0", "voice-1"}
    assert {name: started[name] for name in told} == {
        name: f"testbed={address} fabric=True" for name, address in told.items()
    }


async def test_sigterm_stops_the_calls_first_then_the_api_and_the_phones_last(
    running: Running,
) -> None:
    await running.start()
    await running.ready()
    running.process.terminate()
    status, log = await running.end()
    assert (status, log.count("killed")) == (0, 0)
    ended = [note for note in running.notes() if "started" not in note]
    assert ended[-2:] == ["testbed-0 asked to stop", "testbed-0 ended"]
    assert ended[-4:-2] == ["api-0 asked to stop", "api-0 ended"]
    assert ended[-6:-4] == ["front-0 asked to stop", "front-0 ended"]
    assert sorted(ended[:-6])[::2] == [f"{n} asked to stop" for n in ("voice-0", "voice-1")]


async def test_a_dead_worker_is_started_again_at_once(running: Running) -> None:
    await running.start()
    await running.ready()
    os.kill(running.pid("voice-1"), signal.SIGKILL)
    await running.noted(lambda notes: sum("voice-1 started" in note for note in notes) == 2)
    running.process.terminate()
    status, log = await running.end()
    assert status == 0
    assert "voice worker 1 ended (signal SIGKILL) after" in log
    assert "starting it again now" in log


async def test_the_phones_come_back_where_they_were(running: Running) -> None:
    await running.start()
    await running.ready()
    os.kill(running.pid("testbed-0"), signal.SIGKILL)
    notes = await running.noted(lambda notes: sum("testbed-0 started" in n for n in notes) == 2)
    assert notes[-1].endswith("testbed=udp:127.0.0.1:3 fabric=True")
    running.process.terminate()
    assert (await running.end())[0] == 0


async def test_a_start_that_fails_ends_everything_and_says_what_failed(running: Running) -> None:
    (running.folder / "api-0.fails").touch()
    await running.start()
    status, log = await running.end()
    assert status == 1
    assert "the API process could not start (exit code 3)" in log
    others = {n.split()[0] for n in running.notes() if " started " in n} - {"api-0"}
    assert {n.split()[0] for n in running.notes() if n.endswith("ended")} == others


async def test_a_process_that_cannot_start_says_why(running: Running) -> None:
    (running.folder / "voice-1.explains").touch()
    await running.start()
    status, log = await running.end()
    assert status == 1
    assert "voice worker 1 could not start (exit code 1: the disk is full)" in log
    assert "Traceback" not in log


async def test_addresses_that_are_taken_are_named_before_anything_starts(running: Running) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        socket.socket(type=socket.SOCK_DGRAM) as udp,
    ):
        udp.bind(("127.0.0.1", 0))
        http, sip = taken.getsockname()[1], udp.getsockname()[1]
        config = CONFIG.replace('"127.0.0.1:0', f'"127.0.0.1:{http}').replace(
            "udp:127.0.0.1:0", f"udp:127.0.0.1:{sip}"
        )
        (running.folder / "offhook.toml").write_text(config)
        await running.start()
        status, log = await running.end()
    assert status == 1
    assert f"http.listen: cannot listen on 127.0.0.1:{http}: Address already in use" in log
    assert f"sip.listen: cannot listen on 127.0.0.1:{sip}: Address already in use" in log
    assert running.notes() == []


async def test_the_start_waits_for_an_address_that_another_process_still_has(
    running: Running,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = CONFIG.replace('"127.0.0.1:0', f'"127.0.0.1:{taken.getsockname()[1]}')
        (running.folder / "offhook.toml").write_text(config)
        await running.start(PORT_PATIENCE="60")
        await running.logged("Address already in use; waiting up to 60 s for it")
    assert (await running.ready())["url"] == "http://127.0.0.1:1"


@pytest.mark.parametrize("blocks", ["its loop", "SIGSTOP"])
async def test_a_process_whose_loop_has_stopped_is_killed_and_replaced(
    running: Running, blocks: str
) -> None:
    if blocks == "its loop":
        (running.folder / "voice-1.blocks").touch()
    await running.start()
    await running.ready()
    if blocks == "SIGSTOP":
        os.kill(running.pid("voice-1"), signal.SIGSTOP)
    await running.noted(lambda notes: sum("voice-1 started" in note for note in notes) == 2)
    running.process.terminate()
    status, log = await running.end()
    assert status == 0
    assert "voice worker 1 has not answered for 10 s: its event loop has stopped" in log
    assert "voice worker 1 ended (signal SIGKILL) after" in log
    assert log.count("has not answered") == 1


async def test_sighup_reloads_only_a_configuration_that_is_right(running: Running) -> None:
    await running.start()
    await running.ready()
    config = running.folder / "offhook.toml"
    config.write_text(CONFIG.replace("drain_timeout", "drain_time"))
    running.process.send_signal(signal.SIGHUP)
    await running.logged("nothing changed")
    changed = CONFIG.replace('"127.0.0.1:0"', '"127.0.0.1:9"')
    config.write_text(changed.replace("drain_timeout = 0", "drain_timeout = 0.5"))
    running.process.send_signal(signal.SIGHUP)
    await running.noted(lambda notes: sum(note.endswith("reload") for note in notes) == 5)
    running.process.terminate()
    status, log = await running.end()
    assert status == 0
    assert "limits.drain_time: there is no such key" in log
    assert "http.listen changes only with a restart" in log
    assert "reload: limits.drain_timeout" in log


async def test_what_does_not_drain_is_killed_after_a_second_signal(running: Running) -> None:
    (running.folder / "voice-0.hangs").touch()
    await running.start()
    await running.ready()
    running.process.send_signal(signal.SIGINT)
    await running.noted(lambda notes: "voice-0 asked to stop" in notes)
    running.process.send_signal(signal.SIGINT)
    status, log = await running.end()
    assert status == 1
    assert "voice worker 0 did not end in time: killed" in log
    assert running.notes()[-1] == "testbed-0 ended"


async def test_children_end_when_the_supervisor_is_killed(running: Running) -> None:
    await running.start()
    await running.ready()
    running.process.kill()
    notes = await running.noted(lambda notes: sum(n.endswith(" ended") for n in notes) == 5)
    assert sum(note.endswith("supervisor gone") for note in notes) == 5


async def test_a_blocked_child_ends_when_the_supervisor_is_killed(running: Running) -> None:
    (running.folder / "voice-1.blocks").touch()
    await running.start()
    await running.ready()
    await running.noted(lambda notes: "voice-1 blocked" in notes)
    child = running.pid("voice-1")
    running.process.kill()
    async with asyncio.timeout(DEADLINE):
        while runs(child):
            await asyncio.sleep(0.01)


async def test_a_service_manager_is_told_of_start_reload_and_stop(
    running: Running, tmp_path: Path
) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "manager"))
        manager.setblocking(False)

        async def told() -> list[bytes]:
            async with asyncio.timeout(DEADLINE):
                return (await loop.sock_recv(manager, 200)).split(b"\n")

        await running.start(NOTIFY_SOCKET=str(tmp_path / "manager"))
        assert await told() == [b"READY=1"]
        await running.ready()
        running.process.send_signal(signal.SIGHUP)
        assert [(await told())[0], (await told())[0]] == [b"RELOADING=1", b"READY=1"]
        running.process.terminate()
        assert await told() == [b"STOPPING=1"]
        assert (await running.end())[0] == 0
