"""Real servers that recordings are uploaded to: S3 (moto), SFTP (asyncssh), FTP and FTPS (pyftpdlib)."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from getpass import getuser
from pathlib import Path

import asyncssh
from tests.support.net import free_port

from offhook.session.ports.recording import RecordedFile

USER, PASSWORD = "offhook", "s3cret-password"
SYSTEM_PYTHON = "/usr/bin/python3"


class Octets(RecordedFile):
    """A file in memory; remembers what was read of it, and can break off.

    ``arrived``: whether the far end has some of it, which must be so before it breaks off.
    """

    def __init__(
        self,
        octets: bytes,
        *,
        breaks_at: int | None = None,
        arrived: Callable[[], bool] = lambda: True,
    ) -> None:
        self.octets = octets
        self.size = len(octets)
        self.breaks_at = breaks_at
        self.arrived = arrived
        self.read_from: list[int] = []

    def read(self, position: int, count: int) -> bytes:
        if self.breaks_at is not None and position >= self.breaks_at:
            end = time.monotonic() + 20
            while not self.arrived() and time.monotonic() < end:
                time.sleep(0.01)
            raise OSError("the process was killed")
        self.read_from.append(position)
        return self.octets[position : position + count]

    def close(self) -> None:
        pass


@contextmanager
def s3_server() -> Iterator[str]:
    """moto's server; its URL."""
    port = free_port()
    environment = os.environ | {"S3_UPLOAD_PART_MIN_SIZE": "1000"}
    argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(
        argv, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url)
        yield url
    finally:
        server.terminate()
        server.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


class Disk:
    """What an SFTP server does with writes."""

    def __init__(self) -> None:
        self.room: int | None = None
        """Octets that may still be written; None: any number."""


class _Server(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)


class SftpServer:
    """A running server."""

    def __init__(self, port: int, key: asyncssh.SSHKey, folder: Path, disk: Disk) -> None:
        self.port = port
        self.key = key
        self.folder = folder
        self.disk = disk


@asynccontextmanager
async def sftp_server(
    folder: Path, *, key: asyncssh.SSHKey | None = None, port: int = 0
) -> AsyncIterator[SftpServer]:
    """An SFTP server that shows ``folder`` as its root."""
    disk = Disk()
    own = key or asyncssh.generate_private_key("ssh-ed25519")
    folder.mkdir(exist_ok=True)

    class Files(asyncssh.SFTPServer):
        def __init__(self, channel: asyncssh.SSHServerChannel[bytes]) -> None:
            super().__init__(channel, chroot=str(folder).encode())

        def write(self, file_obj: object, offset: int, data: bytes) -> int:
            if disk.room is not None:
                disk.room -= len(data)
                if disk.room < 0:
                    raise OSError(28, "No space left on device")
            return super().write(file_obj, offset, data)  # type: ignore[return-value]

    server = await asyncssh.create_server(
        _Server, "127.0.0.1", port, server_host_keys=[own], sftp_factory=Files
    )
    try:
        yield SftpServer(server.sockets[0].getsockname()[1], own, folder, disk)
    finally:
        server.close()
        await server.wait_closed()


_FTP = """
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer
port, folder, user, password = sys.argv[1:]
FTPHandler.authorizer = DummyAuthorizer()
FTPHandler.authorizer.add_user(user, password, folder, perm="elradfmwMT")
server = FTPServer(("127.0.0.1", int(port)), FTPHandler)
print("ready", flush=True)
server.serve_forever()
"""


@contextmanager
def ftp_server(folder: Path) -> Iterator[int]:
    """pyftpdlib of Debian; its port."""
    port = free_port()
    folder.mkdir(exist_ok=True)
    argv = [SYSTEM_PYTHON, "-W", "ignore", "-c", _FTP, str(port), str(folder), USER, PASSWORD]
    server = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n", "is python3-pyftpdlib installed?"
        yield port
    finally:
        server.terminate()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()


@contextmanager
def ftps_server(folder: Path, certificate: Path, key: Path) -> Iterator[int]:
    """vsftpd with TLS and its strict defaults: the data connection must reuse the session of the command
    connection. Only ``anonymous`` may come in, with any password. It has no root of its own:
    paths are those of this machine, so tests name a folder below ``folder``."""
    port = free_port()
    (folder / "files").mkdir(parents=True)
    options = {
        "listen": "YES",
        "listen_address": "127.0.0.1",
        "listen_port": port,
        "run_as_launching_user": "YES",
        "background": "NO",
        "seccomp_sandbox": "NO",
        "anonymous_enable": "YES",
        "local_enable": "NO",
        "write_enable": "YES",
        "anon_upload_enable": "YES",
        "anon_mkdir_write_enable": "YES",
        "anon_other_write_enable": "YES",
        "anon_umask": "022",
        "anon_root": folder,
        "ssl_enable": "YES",
        "allow_anon_ssl": "YES",
        "force_anon_logins_ssl": "YES",
        "force_anon_data_ssl": "YES",
        "ssl_ciphers": "HIGH",
        "rsa_cert_file": certificate,
        "rsa_private_key_file": key,
        "xferlog_enable": "NO",
        "secure_chroot_dir": folder,
        "ftp_username": getuser(),
    }
    settings = folder.with_suffix(".conf")
    settings.write_text("".join(f"{name}={value}\n" for name, value in options.items()))
    server = subprocess.Popen(["/usr/sbin/vsftpd", str(settings)])
    try:
        _wait_until_it_listens(port)
        yield port
    finally:
        server.terminate()
        server.wait()


def _wait_until_it_listens(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


class CutLine:
    """A TCP proxy that breaks off each connection after some octets from the client."""

    def __init__(self, port: int, octets: int | None) -> None:
        """``octets`` None: it never does."""
        self.target = port
        self.octets = octets
        self.port = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> CutLine:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)

        async def back() -> None:
            while octets := await far_reader.read(65536):
                writer.write(octets)
                await writer.drain()

        returning = asyncio.create_task(back())
        left = self.octets
        try:
            while octets := await reader.read(16384):
                far_writer.write(octets)
                await far_writer.drain()
                if left is not None:
                    left -= len(octets)
                    if left <= 0:
                        break
        except ConnectionError:
            pass
        finally:
            returning.cancel()
            for each in (far_writer, writer):
                each.transport.abort()
