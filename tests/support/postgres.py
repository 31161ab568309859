"""A private PostgreSQL for tests: Debian's server in a temporary folder, on loopback, by its pid."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
from tests.support.far_machine import FarMachine
from tests.support.net import free_port

_START_SECONDS = 30.0
_USER = "offhook"
_MEMORY = Path("/dev/shm")  # the folder in it is new and closed to others
_ROOM = 3 << 30
"""Octets that must be free there. A server takes about 200 MB; several run at once."""


def programs() -> Path | None:
    """The folder of the newest installed server's programs; None: PostgreSQL is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    on_path = shutil.which("postgres")
    if found:
        return found[-1].parent
    return Path(on_path).resolve().parent if on_path else None


class PostgresServer:
    """A running server; ``stop`` and ``start`` play an outage."""

    def __init__(
        self, folder: Path, port: int, bin_: Path, durable: bool, on: FarMachine | None = None
    ) -> None:
        """``on``: the machine that it runs on, whose first cable is ours; None: this one."""
        self.port = port
        self._within = on.within if on is not None else ()
        self._host = on.address(0) if on is not None else "127.0.0.1"
        self._listen = "*" if on is not None else self._host
        self._fsync = "on" if durable else "off"
        self._folder = folder
        self._bin = bin_
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of its first process, which has started the others."""
        assert self._process is not None
        return self._process.pid

    def url(self, database: str = "postgres") -> str:
        """The URL of one of its databases."""
        return f"postgresql://{_USER}@{self._host}:{self.port}/{database}"

    def start(self) -> None:
        """Start and wait until it answers."""
        arguments = [
            str(self._bin / "postgres"),
            *("-D", str(self._folder / "data"), "-p", str(self.port)),
            *("-c", f"listen_addresses={self._listen}", "-k", str(self._folder)),
            *("-c", "max_connections=100", "-c", "shared_buffers=64MB"),
            *("-c", f"fsync={self._fsync}", "-c", "max_wal_size=128MB"),
        ]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._within, *_as_server_user(), *arguments],
                stdout=log,
                stderr=log,
                cwd=self._folder,
            )
        _run(self._answers())

    async def _answers(self) -> None:
        assert self._process is not None
        end = time.monotonic() + _START_SECONDS
        while True:
            try:
                connection = await asyncpg.connect(self.url(), timeout=5)
            except (OSError, asyncpg.PostgresError):
                if time.monotonic() > end or self._process.poll() is not None:
                    raise
                await asyncio.sleep(0.05)
            else:
                await connection.close()
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT disconnects everybody (fast shutdown), SIGQUIT crashes it."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(_START_SECONDS)

    def standby(self) -> PostgresServer:
        """A second server that has all that this one has, from now on before a commit is answered."""
        folder = self._folder / f"standby-{free_port()}"
        _own_folder(folder)
        subprocess.run(
            [
                *_as_server_user(),
                *("pg_basebackup", "-h", "127.0.0.1", "-p", str(self.port), "-U", _USER),
                *("-D", str(folder / "data"), "-R", "-X", "stream", "-c", "fast", "--no-sync"),
            ],
            check=True,
            capture_output=True,
            cwd=self._folder,
            timeout=60,
        )
        second = PostgresServer(folder, free_port(), self._bin, self._fsync == "on")
        second.start()
        self.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.execute("SELECT pg_reload_conf()")
        return second

    def promote(self) -> None:
        """Let a standby take over."""
        self.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
        self.execute("SELECT pg_promote()")

    def execute(self, statement: str) -> None:
        """Run one statement."""

        async def run() -> None:
            connection = await asyncpg.connect(self.url(), timeout=10)
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        _run(run())

    def create_database(self, name: str, template: str = "template1") -> str:
        """Make a database, empty or as ``template`` is; returns its URL."""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected to it. One takes 8 MB and 300 files."""
        self.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextlib.contextmanager
def postgres_server(
    *, durable: bool = False, on: FarMachine | None = None
) -> Iterator[PostgresServer]:
    """A fresh server for the time of the block; only a ``durable`` one is on the disk and waits for it.
    ``on``: the machine that it runs on.

    Raises FileNotFoundError when it is not installed.
    """
    bin_ = programs()
    if bin_ is None:
        raise FileNotFoundError("PostgreSQL is not installed: apt-get install postgresql")
    place = None if durable else _memory()
    with tempfile.TemporaryDirectory(
        prefix="offhook-pg-", dir=place, ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        _own_folder(folder)
        subprocess.run(
            [
                *_as_server_user(),
                *(str(bin_ / "initdb"), "-D", str(folder / "data"), "-U", _USER),
                *("-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"),
            ],
            check=True,
            capture_output=True,
            cwd=folder,
            timeout=60,
        )
        with (folder / "data" / "pg_hba.conf").open("a") as trusted:
            trusted.write("host all all 10.0.0.0/8 trust\n")
        server = PostgresServer(folder, free_port(), bin_, durable, on)
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)


def _memory() -> Path | None:
    """Linux's place for files in memory, if it has room. There a new database takes a quarter of the time."""
    if not os.access(_MEMORY, os.W_OK | os.X_OK):
        return None
    return _MEMORY if shutil.disk_usage(_MEMORY).free >= _ROOM else None


def _own_folder(folder: Path) -> None:
    """Make a folder of the user as whom the server runs."""
    folder.mkdir(exist_ok=True)
    if os.getuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run to the end in a thread of its own: the caller's may have a loop already."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, coroutine).result()


def _as_server_user() -> list[str]:
    """What runs a command as a user that PostgreSQL accepts: it refuses root."""
    if os.getuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
