"""The whole server as its users run it: ``offhook serve`` in processes of its own, on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from tests.support.net import free_port

API_KEY = "key-for-the-tests"
SUB_ACCOUNT = "acme_corp"
SOURCE = "+6512341234"

START_TIMEOUT = 60.0


class ServerError(Exception):
    """It did not start, or did not end, as it should have. The text ends with its log."""


def configuration(
    carriers: Mapping[str, str],
    *,
    webhooks: Mapping[str, str] | None = None,
    limits: Mapping[str, float] | None = None,
    sub_account: Mapping[str, Any] | None = None,
    database: str = "sqlite:///offhook.db",
) -> dict[str, Any]:
    """A configuration with one sub-account; ``carriers``: SIP address per destination prefix.

    ``webhooks``: URL per type. Ports are free ones, media has a range of its own.
    """
    first_rtp = _free_rtp_range()
    return {
        "http": {"listen": f"127.0.0.1:{free_port()}"},
        "sip": {
            "listen": [f"udp:127.0.0.1:{free_port()}"],
            "rtp_ports": f"{first_rtp}-{first_rtp + 1999}",
        },
        "database": {"url": database},
        "webhooks": {"allow_private": True},
        "limits": dict(limits or {}),
        "trunks": [
            {"name": f"carrier-{number}", "address": address, "inbound_from": ["127.0.0.1"]}
            for number, address in enumerate(carriers.values())
        ],
        "routes": [
            {"prefix": prefix, "trunks": [f"carrier-{number}"]}
            for number, prefix in enumerate(carriers)
        ],
        "subaccounts": [
            {
                "id": SUB_ACCOUNT,
                "account": "acme",
                "api_keys": [API_KEY],
                "caller_ids": [SOURCE],
                "webhooks": [
                    {"type": type_, "url": url} for type_, url in (webhooks or {}).items()
                ],
                **(sub_account or {}),
            }
        ],
    }


def voice_message(destination: str, text: str, *, repetition: int = 1) -> dict[str, Any]:
    """The callflow of a voice message."""
    return {
        "callflow": [
            {"action": "makeCall", "params": {"source": SOURCE, "destination": destination}},
            {
                "action": "say",
                "params": {"text": text, "language": "en-US", "repetition": repetition},
            },
            {"action": "hangup"},
        ],
        "clientRequestId": destination,
    }


class Server:
    """``async with Server(folder, configuration(…))``: started, ready, and stopped at the end."""

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any],
        *,
        workers: int = 1,
        descriptors: int | None = None,
        disk: Path | None = None,
        source: Path | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """``descriptors``: ``ulimit -n`` of all its processes; None: as here.

        ``disk``: an empty folder that its processes see as a disk of 8 MiB (see :meth:`on_disk`).
        ``source``: the folder with the package of another version; None: this one.
        ``environ``: further variables of their environment.
        """
        self.folder = folder
        self._limit = f"ulimit -n {descriptors}; " if descriptors else ""
        self._disk = disk
        other = {"PYTHONPATH": str(source)} if source else {}
        self._environ = other | dict(environ or {})
        self.url = f"http://{config['http']['listen']}"
        self.sip_port = int(str(config["sip"]["listen"][0]).rpartition(":")[2])
        self.started_in = 0.0
        """Seconds from its start to its ready line."""
        self._config = config
        self._workers = workers
        self._process: asyncio.subprocess.Process | None = None
        self._client: aiohttp.ClientSession | None = None

    # --- life

    async def __aenter__(self) -> Self:
        await self.start()
        connector = aiohttp.TCPConnector(limit=64)
        self._client = aiohttp.ClientSession(
            self.url, connector=connector, headers={"Authorization": f"Bearer {API_KEY}"}
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._client is not None
        await self._client.close()
        self._end_at_once()
        if self._process is not None:
            await self._process.wait()
        if error is not None:
            error.add_note(f"the server's log, its end:\n{self.log()[-6000:]}")

    async def start(self) -> None:
        """Start it and wait for its ready line. Raises :class:`ServerError`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "offhook.toml"
        path.write_text(to_toml(self._config))
        began = time.monotonic()
        with (self.folder / "log.txt").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *("sh", "-ec", f'{self._limit}exec "$@"', "sh"),
                *(_with_disk(self._disk) if self._disk else ()),
                *(sys.executable, "-m", "offhook", "serve", "--json", "--config", str(path)),
                *("--workers", str(self._workers)),
                cwd=self.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={
                    **environment(),
                    "XDG_CACHE_HOME": str(self.folder / "cache"),
                    **self._environ,
                },
            )
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(START_TIMEOUT):
                line = await self._process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line.strip() or not json.loads(line).get("ready"):
            self._end_at_once()
            await self._process.wait()
            raise ServerError(f"it did not become ready:\n{self.log()[-4000:]}")
        self.started_in = time.monotonic() - began

    async def stop(self, timeout: float = 45.0) -> int:
        """SIGTERM and wait; returns its exit status. Raises :class:`ServerError` when it stays."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(timeout):
                return await self._process.wait()
        except TimeoutError:
            raise ServerError(f"it did not stop:\n{self.log()[-4000:]}") from None

    async def reload(self, config: Mapping[str, Any], timeout: float = 20.0) -> None:
        """Change its file and send SIGHUP; returns once its voice workers have taken it over."""
        assert self._process is not None
        done = self.log().count("the configuration was read again")
        (self.folder / "offhook.toml").write_text(to_toml(config))
        self._process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(timeout):
            while self.log().count("the configuration was read again") < done + self._workers:
                await asyncio.sleep(0.02)

    def processes(self, role: str | None = None) -> list[int]:
        """The pids of its processes of a role (``api``, ``voice``), oldest first; None: of all."""
        assert self._process is not None
        children = _children(self._process.pid)
        if role is None:
            return [self._process.pid, *children]
        return [pid for pid in children if _role_of(pid) == role]

    def kill(self, role: str) -> int:
        """``kill -9`` of its process of that role; returns the pid."""
        (pid, *_) = self.processes(role)
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_supervisor(self) -> list[int]:
        """``kill -9`` of ``offhook serve`` itself; returns the pids of the processes it had started."""
        supervisor, *children = self.processes()
        os.kill(supervisor, signal.SIGKILL)
        return children

    async def restarted(self, role: str, killed: int, timeout: float = 20.0) -> None:
        """Wait until the supervisor has put a new process in the place of ``killed``, and all is ready."""
        async with asyncio.timeout(timeout):
            while killed in self.processes(role) or not self.processes(role):
                await asyncio.sleep(0.05)
            await self.ready()

    async def ready(self) -> None:
        """Wait until ``/readyz`` says so."""
        assert self._client is not None
        while True:
            with contextlib.suppress(aiohttp.ClientError, OSError):
                async with self._client.get("/readyz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.05)

    def on_disk(self, name: str) -> Path:
        """A file of its small disk, as seen from here."""
        assert self._process is not None
        return Path(f"/proc/{self._process.pid}/root{self._disk}/{name}")

    async def kill_all(self) -> None:
        """``kill -9`` of all its processes at once; returns when they are gone."""
        self._end_at_once()
        assert self._process is not None
        await self._process.wait()

    def log(self) -> str:
        """Everything it has logged."""
        path = self.folder / "log.txt"
        return path.read_text(errors="replace") if path.exists() else ""

    def _end_at_once(self) -> None:
        if self._process is None:
            return
        for pid in reversed(self.processes()) if self._process.returncode is None else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    # --- its API

    async def post(self, body: Mapping[str, Any], **headers: str) -> tuple[int, dict[str, Any]]:
        """POST a callflow; HTTP status and answer."""
        assert self._client is not None
        path = f"/api/v1/subaccounts/{SUB_ACCOUNT}/callflows"
        async with self._client.post(path, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def place(self, body: Mapping[str, Any]) -> str:
        """POST a callflow that must be accepted; the session's id."""
        status, answer = await self.post(body)
        assert status == 200, answer
        return str(answer["sessionId"])

    async def place_at(self, rate: float, bodies: Sequence[Mapping[str, Any]]) -> list[str]:
        """POST callflows at ``rate`` a second, each in its time whatever the others do; their ids."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.TaskGroup() as group:
            tasks = []
            for number, body in enumerate(bodies):
                await asyncio.sleep(began + number / rate - loop.time())
                tasks.append(group.create_task(self.place(body)))
        return [task.result() for task in tasks]

    async def delete_session(self, session_id: str) -> int:
        """``DELETE …/sessions/{id}``; the HTTP status."""
        assert self._client is not None
        path = f"/api/v1/subaccounts/{SUB_ACCOUNT}/sessions/{session_id}"
        async with self._client.delete(path) as answer:
            return answer.status

    async def replace(self, session_id: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """POST another callflow to a live session; HTTP status and answer."""
        assert self._client is not None
        path = f"/api/v1/subaccounts/{SUB_ACCOUNT}/sessions/{session_id}/callflows"
        async with self._client.post(path, json=body) as answer:
            return answer.status, await answer.json()

    async def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Ask ``path`` below the sub-account; HTTP status and answer."""
        assert self._client is not None
        path = f"/api/v1/subaccounts/{SUB_ACCOUNT}/{path}"
        async with self._client.request(method, path, json=body) as answer:
            return answer.status, await answer.json()

    async def must(
        self, method: str, path: str, body: object = None, *, content_type: str = "application/json"
    ) -> dict[str, Any]:
        """A request below the sub-account that must succeed; its JSON answer."""
        assert self._client is not None
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        headers = {"Content-Type": content_type} if data is not None else {}
        url = f"/api/v1/subaccounts/{SUB_ACCOUNT}{path}"
        async with self._client.request(method, url, data=data, headers=headers) as answer:
            found: dict[str, Any] = await answer.json()
            assert answer.ok, found
            return found

    async def session(self, session_id: str) -> dict[str, Any]:
        """``GET …/sessions/{id}``."""
        assert self._client is not None
        path = f"/api/v1/subaccounts/{SUB_ACCOUNT}/sessions/{session_id}"
        async with self._client.get(path) as answer:
            found: dict[str, Any] = await answer.json()
            return found


def to_toml(config: Mapping[str, Any]) -> str:
    """A configuration as TOML: tables, arrays of tables, plain values (JSON's forms are TOML's)."""
    lines: list[str] = []
    _write_table(lines, "", config)
    return "\n".join(lines) + "\n"


def _write_table(lines: list[str], prefix: str, table: Mapping[str, Any]) -> None:
    inner: list[tuple[str, str, Mapping[str, Any]]] = []
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            inner.append((f"[{name}]", name, value))
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            inner += [(f"[[{name}]]", name, one) for one in value]
        else:
            lines.append(f"{key} = {json.dumps(value)}")
    for header, name, value in inner:
        lines.append(header)
        _write_table(lines, f"{name}.", value)


def environment() -> dict[str, str]:
    """Ours without ``OFFHOOK_*`` variables, which would override the file."""
    return {name: value for name, value in os.environ.items() if not name.startswith("OFFHOOK_")}


def _free_rtp_range() -> int:
    """The first of 2,000 ports below the ephemeral ones, different for tests that run in parallel."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return 10_000 + 2_000 * (worker % 5)


def _with_disk(folder: Path) -> tuple[str, ...]:
    """The command that gives a program a small disk at ``folder``, which nobody else sees.

    In a chroot, where mounts cannot be made private, those of the surrounding namespace are.
    """
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    command = ("unshare", *user, "--mount")
    if subprocess.run((*command, "true"), capture_output=True, check=False).returncode:
        command += ("--propagation", "unchanged")
    mount = f"mount -t tmpfs -o size=8m tmpfs '{folder}'"
    return (*command, "sh", "-ec", f'{mount}; exec "$@"', "sh")


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        return [int(child) for child in path.read_text().split()]
    except FileNotFoundError:
        return []


def _role_of(pid: int) -> str | None:
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return None
    if b"--role" not in arguments:
        return None
    return arguments[arguments.index(b"--role") + 1].decode()
