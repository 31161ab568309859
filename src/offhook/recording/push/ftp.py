"""Uploads by FTP, and by FTP with TLS (RFC 4217, explicit)."""

from __future__ import annotations

import asyncio
import contextlib
import posixpath
import ssl
from typing import Final, final

import aioftp
from aioftp.common import SSLSessionBoundContext

from offhook.aio import abort, wait_or
from offhook.net.outgoing_errors import OutgoingError
from offhook.net.tcp_connect import open_socket
from offhook.recording.push.upload import CONNECT, PIECE, Upload, Uploader, UploadFailed, joined
from offhook.session.tenancy import DEFAULT_PORTS, PushProtocol

_STEP: Final = 120.0
"""Seconds for 256 KiB, or any other command."""
_PART: Final = ".part"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@final
class _GuardedClient(aioftp.Client):
    """Connects through the guard of :mod:`offhook.net`.

    The data connection goes to the address of the command connection: a server cannot send us elsewhere.
    """

    def __init__(self, *, allow_private: bool) -> None:
        super().__init__(socket_timeout=_STEP, connection_timeout=CONNECT)
        self._allow_private = allow_private
        self._address: str | None = None

    async def _open_connection(self, host: str, port: int) -> Streams:
        made = await open_socket(
            self._address or host, port, allow_private=self._allow_private, timeout=CONNECT
        )
        self._address = str(made.getpeername()[0])
        return await asyncio.open_connection(sock=made)

    async def send(self, command: str) -> asyncio.StreamWriter:
        """Begin to write to a file by ``STOR path`` or ``APPE path``.

        The handshake of TLS follows the command: many servers wait for that.
        """
        _, writer = await self.get_passive_connection()
        try:
            await self.command(command, "1xx")
            control = self.stream.writer.transport.get_extra_info("ssl_object")
            if control is not None:
                # Servers demand the session of the command connection, as a proof that it is the same client.
                context = SSLSessionBoundContext(
                    ssl.PROTOCOL_TLS_CLIENT, context=control.context, session=control.session
                )
                async with asyncio.timeout(CONNECT):
                    await writer.start_tls(context, server_hostname=self.server_host)
        except BaseException:
            await _closed(writer)
            raise
        return writer

    async def leave(self) -> None:
        """Close the command connection."""
        if self._stream is not None:
            await _closed(self._stream.writer)

    async def sent(self, writer: asyncio.StreamWriter) -> None:
        """All of it was written: close the data connection and hear that the server has it."""
        async with asyncio.timeout(_STEP):
            writer.close()
            with contextlib.suppress(ssl.SSLError, ConnectionError):  # not all say goodbye in TLS
                await writer.wait_closed()
        await self.command(None, "2xx")


@final
class FtpUploader(Uploader):
    """Writes to ``{name}.part``, appends after an interruption, and renames it at the end."""

    def __init__(self, *, allow_private: bool, tls: ssl.SSLContext | None = None) -> None:
        """``tls``: instead of the system's trust, for FTPS."""
        self.allow_private = allow_private
        self._tls = tls

    async def upload(self, order: Upload) -> str:
        config = order.config
        path = joined(config.path, order.name)
        client = _GuardedClient(allow_private=self.allow_private)
        try:
            await client.connect(config.host, config.port or DEFAULT_PORTS[config.protocol])
            if config.protocol is PushProtocol.FTPS:
                await client.upgrade_to_tls(self._tls)
            await client.login(config.username, config.password)
            await self._write(order, client, path)
            await client.quit()
        except OutgoingError as error:
            raise UploadFailed(str(error)) from error
        except aioftp.StatusCodeError as error:
            raise UploadFailed(_answer(error)) from error
        except ssl.SSLError as error:
            raise UploadFailed(f"no TLS with the server: {error.reason}") from error
        except (aioftp.AIOFTPException, OSError, ValueError) as error:
            raise UploadFailed(f"the connection broke: {error or type(error).__name__}") from error
        finally:
            await client.leave()
        scheme = config.protocol.value.lower()
        port = f":{config.port}" if config.port not in (None, 21) else ""
        return f"{scheme}://{config.host}{port}/{path.lstrip('/')}"

    async def _write(self, order: Upload, client: _GuardedClient, path: str) -> None:
        part, source = path + _PART, order.source
        await _make_folders(client, posixpath.dirname(path))
        await client.command("TYPE I", "2xx")
        position = await _size(client, part)
        if position > source.size:
            position = 0
        writer = await client.send(f"APPE {part}" if position else f"STOR {part}")
        try:
            while position < source.size:
                octets = await asyncio.to_thread(source.read, position, PIECE)
                writer.write(octets)
                async with asyncio.timeout(_STEP):
                    await writer.drain()
                position += len(octets)
            await client.sent(writer)
        finally:
            await _closed(writer)
        arrived = await _size(client, part)
        if arrived != source.size:
            await client.remove_file(part)
            raise UploadFailed(f"{arrived} of {source.size} octets arrived")
        try:
            await client.rename(part, path)
        except aioftp.StatusCodeError:
            await client.remove_file(path)  # a server that replaces nothing
            await client.rename(part, path)


async def _closed(writer: asyncio.StreamWriter) -> None:
    """Close a connection, whatever its state."""
    abort(writer.transport)
    with contextlib.suppress(OSError, ssl.SSLError):
        await wait_or(writer.wait_closed(), CONNECT)


async def _make_folders(client: aioftp.Client, folder: str) -> None:
    """Make a folder and those above it; one that is there already is an error of no account."""
    begin = 1
    while begin and folder:
        begin = folder.find("/", begin) + 1
        with contextlib.suppress(aioftp.StatusCodeError):
            await client.command(f"MKD {folder[: begin - 1] if begin else folder}", "257")


async def _size(client: aioftp.Client, path: str) -> int:
    """Octets of a file (RFC 3659 §4); 0 when it is not there."""
    try:
        _, lines = await client.command(f"SIZE {path}", "213")
    except aioftp.StatusCodeError:
        return 0
    text = lines[-1].strip()
    return int(text) if text.isdecimal() else 0


def _answer(error: aioftp.StatusCodeError) -> str:
    """What the server said, at most a line."""
    codes = " ".join(str(code) for code in error.received_codes)
    info = " ".join(line.strip() for line in error.info)[:200]
    return f"the server answered {codes} {info}".strip()
