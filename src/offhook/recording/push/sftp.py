"""Uploads by SFTP. The server must show the key that is configured, or the one it has shown first."""

from __future__ import annotations

import asyncio
import posixpath
import socket
from typing import Final, final

import asyncssh

from offhook.net.host_keys import fingerprint_of
from offhook.net.outgoing_errors import OutgoingError
from offhook.net.tcp_connect import open_socket
from offhook.recording.push.upload import CONNECT, PIECE, Upload, Uploader, UploadFailed, joined
from offhook.session.tenancy import DEFAULT_PORTS, PushConfig, PushProtocol

_STEP: Final = 120.0
"""Seconds for 256 KiB, or any other request."""
_KEEPALIVE: Final = 15
_PART: Final = ".part"


@final
class _HostKeyCheck(asyncssh.SSHClient):
    """Accepts one host key."""

    def __init__(self, expected: str) -> None:
        self._expected = expected
        self.shown = ""

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        self.shown = key.get_fingerprint()
        return self.shown == self._expected


@final
class SftpUploader(Uploader):
    """Writes to ``{name}.part``, goes on at its end after an interruption, and renames it at the end."""

    def __init__(self, *, allow_private: bool) -> None:
        self.allow_private = allow_private

    async def upload(self, order: Upload) -> str:
        config = order.config
        try:
            expected = fingerprint_of(config.host_key or await self._first_key(order))
            path = joined(config.path, order.name)
            await self._upload(order, expected, path)
        except OutgoingError as error:
            raise UploadFailed(str(error)) from error
        except asyncssh.PermissionDenied as error:
            raise UploadFailed("the server refused user name and password") from error
        except asyncssh.SFTPError as error:
            raise UploadFailed(f"the server answered: {error.reason}") from error
        except (asyncssh.Error, OSError, ValueError) as error:  # TimeoutError is an OSError
            raise UploadFailed(f"the connection broke: {error or type(error).__name__}") from error
        port = f":{config.port}" if config.port not in (None, 22) else ""
        return f"sftp://{config.host}{port}/{path.lstrip('/')}"

    async def _first_key(self, order: Upload) -> str:
        """The key that the server shows, kept as the one to be trusted from now on."""
        async with asyncio.timeout(CONNECT):
            key = await asyncssh.get_server_host_key(
                sock=await self._socket(order.config), config=[]
            )
        if key is None:
            raise UploadFailed("the server showed no host key")
        line = key.export_public_key().decode().strip()
        await order.pin(line)
        return line

    async def _socket(self, config: PushConfig) -> socket.socket:
        port = config.port or DEFAULT_PORTS[PushProtocol.SFTP]
        return await open_socket(
            config.host, port, allow_private=self.allow_private, timeout=CONNECT
        )

    async def _upload(self, order: Upload, expected: str, path: str) -> None:
        config = order.config
        check = _HostKeyCheck(expected)
        private = config.password.lstrip().startswith("-----BEGIN")
        try:
            connection = await asyncssh.connect(
                sock=await self._socket(config),
                host=config.host,
                config=[],
                known_hosts=([], [], []),
                client_factory=lambda: check,
                username=config.username,
                password=None if private else config.password,
                client_keys=[asyncssh.import_private_key(config.password)] if private else None,
                agent_path=None,
                login_timeout=CONNECT,
                keepalive_interval=_KEEPALIVE,
            )
        except asyncssh.HostKeyNotVerifiable as error:
            raise UploadFailed(
                f"the server's host key is {check.shown}, not {expected}: nothing was sent"
            ) from error
        async with connection, connection.start_sftp_client() as sftp:
            await self._write(order, sftp, path)

    async def _write(self, order: Upload, sftp: asyncssh.SFTPClient, path: str) -> None:
        part, source = path + _PART, order.source
        async with asyncio.timeout(_STEP):
            folder = posixpath.dirname(path)
            if folder:
                await sftp.makedirs(folder, exist_ok=True)
            there = (await sftp.getsize(part) or 0) if await sftp.exists(part) else 0
        position = there if there <= source.size else 0
        async with sftp.open(part, "r+b" if there else "wb") as file:
            while position < source.size:
                octets = await asyncio.to_thread(source.read, position, PIECE)
                async with asyncio.timeout(_STEP):
                    await file.write(octets, position)
                position += len(octets)
        async with asyncio.timeout(_STEP):
            size = await sftp.getsize(part)
            if size != source.size:
                await sftp.remove(part)
                raise UploadFailed(f"{size} of {source.size} octets arrived")
            try:
                await sftp.posix_rename(part, path)
            except asyncssh.SFTPOpUnsupported:
                await sftp.rename(part, path)
