"""A TCP forwarder between a node and a server: cuts connections, loses data, changes its target."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.support.waiting import Changes

_CHUNK = 64 * 1024


class CuttingProxy(Changes):
    """``async with CuttingProxy(port) as proxy``: what connects to ``proxy.port`` reaches ``target``.

    :meth:`cut` ends every connection and refuses new ones, as a machine does whose program has died.
    :meth:`lose` carries nothing and says nothing, as a network does whose cable is pulled.
    """

    def __init__(self, target: int) -> None:
        super().__init__()
        self.target = target
        """The port of 127.0.0.1 that new connections reach."""
        self.port = 0
        self.refused = 0
        """Connections that were refused while it was cut."""
        self.lost_answers = 0
        """Connections ended by :meth:`lose_answer_to`."""
        self._marks: list[tuple[bytes, ...]] = []
        self._holds: list[tuple[bytes, ...]] = []
        self._cuts: list[tuple[bytes, ...]] = []
        self.held = 0
        """Connections that carry nothing any more because of :meth:`hold_commit_of`."""
        self._carries = asyncio.Event()
        self._carries.set()
        self._accepts = True
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._silent: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """End all connections, and refuse new ones until :meth:`heal`."""
        self._accepts = False
        self._carries.set()
        for writer in self._open:
            writer.transport.abort()

    def lose(self) -> None:
        """Carry nothing until :meth:`heal`; connections stay, and new ones are taken."""
        self._carries.clear()

    def heal(self) -> None:
        """Carry everything again, what has waited first."""
        self._accepts = True
        self._carries.set()

    def lose_answer_to(self, mark: bytes) -> None:
        """Cut one connection right after the next request with ``mark`` was passed on: its answer is lost."""
        self._marks.append((mark,))

    def lose_commit_of(self, *marks: bytes) -> None:
        """Cut one connection right after the COMMIT of a transaction that sends all ``marks`` at once."""
        self._cuts.append(marks)

    def hold_commit_of(self, *marks: bytes) -> None:
        """Pass on the COMMIT of the next transaction that sends all ``marks`` at once, and never its answer.

        The other connections go on.
        """
        self._holds.append(marks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._accepts:
            self.refused += 1
            self.changed()
            writer.transport.abort()
            return
        self._open.add(writer)
        try:
            far, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            self._open.discard(writer)
            return
        self._open.add(far_writer)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(reader, far_writer, writer))
                group.create_task(self._carry(far, writer, None))
        finally:
            self._open -= {writer, far_writer}
            self._silent.discard(writer)
            writer.transport.abort()
            far_writer.transport.abort()

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        asker: asyncio.StreamWriter | None,
    ) -> None:
        """One direction; ``asker``: who has sent what is read, if that is the client."""
        in_held = in_cut = False
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._carries.wait()
                if writer in self._silent:
                    continue
                writer.write(data)
                await writer.drain()
                if asker is None:
                    continue
                in_held = in_held or _found(self._holds, data)
                in_cut = in_cut or _found(self._cuts, data)
                if in_held and b"COMMIT" in data:
                    self.held += 1
                    self.changed()
                    self._silent.add(asker)
                    return
                if (in_cut and b"COMMIT" in data) or _found(self._marks, data):
                    self.lost_answers += 1
                    self.changed()
                    asker.transport.abort()
                    return
        with suppress(OSError, RuntimeError):
            writer.write_eof()


def _found(waited_for: list[tuple[bytes, ...]], data: bytes) -> bool:
    """Whether data has all the marks of an entry, which is over then."""
    for marks in waited_for:
        if all(mark in data for mark in marks):
            waited_for.remove(marks)
            return True
    return False
