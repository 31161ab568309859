"""Worker processes that answer one request at a time over their standard input and output.

A crash or a hang in them fails one request and never this process, and they have no rights but to answer
(:mod:`.confined`). A request is a length (4 octets, big-endian) and that many octets; an answer is a
status octet (0: fine, 1: a sentence that says what went wrong, 2: fine, and there is more), a length and that
many octets. A worker that has started sends one empty answer, which says that it is ready.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from enum import Enum
from pathlib import Path
from typing import Final

from offhook.aio import wait_or
from offhook.speech.restarts import WorkerRestarts
from offhook.speech.shares import FairPlaces, TooBusy

_HEAD: Final = struct.Struct("!BI")
_REFUSED: Final = 1
_PART: Final = 2
_PATIENCE: Final = 300.0
"""Seconds a request waits for a free worker; it leaves the line at once when its caller hangs up."""
_START: Final = 20.0
"""Seconds a worker has to become ready; a tenth of one is usual."""
_FAREWELL: Final = 2.0
"""Seconds a worker has to exit by itself once its input has ended."""


class WorkerError(Exception):
    """No answer came; the text says why."""


class WorkerRefused(WorkerError):
    """The worker answered that it cannot do what was asked."""


class WorkerLost(WorkerError):
    """The worker died during the request, or did not answer in time and was killed."""


class WorkersBusy(WorkerError):
    """Too many requests wait already, or this one waited too long."""


class _StartFailed(WorkerLost):
    """The worker ended before it was ready."""


class Rights(Enum):
    """What a confined program may do besides reading its input and answering."""

    ANSWER = "answer"
    THREADS = "threads"
    """It may start threads."""


def worker_environment() -> dict[str, str]:
    """The environment of a worker: no secrets, and no threads that it does not need."""
    return {
        "PATH": os.defpath,
        "LC_ALL": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def confined_program(
    program: Path,
    *arguments: str,
    memory: int,
    file_size: int,
    cpu: int | None = None,
    reads: Path | None = None,
    rights: Rights = Rights.ANSWER,
) -> list[str]:
    """The command that runs ``program`` confined.

    ``memory`` and ``file_size`` (of a file it writes) are in octets, ``cpu`` in seconds. ``reads``: a folder
    that it may read besides Python's.
    """
    launcher = str(Path(__file__).with_name("confined.py"))
    limits = ["--memory", str(memory), "--file-size", str(file_size)]
    if cpu is not None:
        limits += ["--cpu", str(cpu)]
    if reads is not None:
        limits += ["--read", str(reads)]
    if rights is Rights.THREADS:
        limits += ["--threads"]
    return [sys.executable, "-I", launcher, *limits, str(program), *arguments]


class WorkerPool:
    """Up to ``size`` processes of one program, started when they are needed and kept.

    Owners take turns for them. To be used on one loop, and closed there.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        size: int,
        waiting: int,
        max_answer: int,
        greeting: bytes = b"",
    ) -> None:
        """``argv`` is run without a shell. ``waiting`` requests of one owner may wait for a worker;

        an answer over ``max_answer`` octets counts as a failure of the worker. ``greeting`` is written to
        each new worker before its first request.
        """
        self._argv = tuple(argv)
        self._places = FairPlaces(size, waiting=waiting, patience=_PATIENCE)
        self._max_answer = max_answer
        self._greeting = greeting
        self._restarts = WorkerRestarts()
        self._idle: list[Process] = []
        self._burials: set[asyncio.Task[None]] = set()
        self._closed = False

    async def ask(self, request: bytes, *, timeout: float, owner: str) -> bytes:
        """The answer to ``request``, within ``timeout`` seconds of a worker's time.

        When the worker dies during the request, a new one is asked once more. Raises
        :class:`WorkerError`.
        """
        answer = b""
        async for part in self.parts(request, timeout=timeout, owner=owner):
            answer = part
        return answer

    async def parts(self, request: bytes, *, timeout: float, owner: str) -> AsyncGenerator[bytes]:
        """The answer to ``request`` part by part, as it is made; the last one may be empty.

        A worker that dies behind the first part is not replaced. A caller that stops early costs the
        worker. Otherwise as :meth:`ask`.
        """
        if self._closed:
            raise WorkersBusy("closed")
        try:
            answer = self._parts_of_two(request, timeout)
            async with self._places.place(owner), aclosing(answer):
                async for part in answer:
                    yield part
        except TooBusy as error:
            raise WorkersBusy(str(error)) from error

    async def warm(self) -> None:
        """Start a worker before there is a request for it; a failure is met again by the first request."""
        if self._closed or self._idle:
            return
        with contextlib.suppress(TooBusy, WorkerError):
            async with self._places.place(""):
                worker = await self._start()
                if self._closed:
                    self._bury(worker)
                else:
                    self._idle.append(worker)

    async def close(self) -> None:
        """End all workers. Requests under way fail; their callers should have ended before."""
        self._closed = True
        while self._idle:
            self._bury(self._idle.pop(), farewell=_FAREWELL)
        await asyncio.gather(*self._burials)

    async def _parts_of_two(self, request: bytes, timeout: float) -> AsyncGenerator[bytes]:
        """The parts from an idle worker, which may have died, or from a new one; at most two are asked."""
        worker = self._take_idle()
        for attempt in (1, 2):
            if worker is None:
                worker = await self._start()
            begun = False
            try:
                async with aclosing(self._parts(worker, request, timeout)) as answer:
                    async for part in answer:
                        begun = True
                        yield part
                return
            except _Died as error:
                if begun:
                    raise WorkerLost("the worker died over it") from error
                if attempt == 2:
                    raise WorkerLost("the worker died over it, twice") from error
            worker = None

    def _take_idle(self) -> Process | None:
        """An idle worker that is alive."""
        while self._idle:
            worker = self._idle.pop()
            gone = worker.returncode is not None or worker.stdin is None
            if not gone and worker.stdin is not None and not worker.stdin.is_closing():
                return worker
            self._bury(worker)
        return None

    async def _parts(
        self, worker: Process, request: bytes, timeout: float
    ) -> AsyncGenerator[bytes]:
        deadline = asyncio.get_running_loop().time() + timeout
        status = _PART
        try:
            async with asyncio.timeout_at(deadline):
                await self._write(worker, request)
            while True:
                async with asyncio.timeout_at(deadline):
                    status, answer = await self._answer(worker)
                if status != _PART:
                    break
                yield answer
        except TimeoutError as error:
            raise WorkerLost(f"no answer within {timeout:g} s") from error
        # A transport that is closed already raises RuntimeError (uvloop) where a pipe raises OSError.
        except (OSError, EOFError, ValueError, RuntimeError) as error:
            raise _Died from error
        finally:
            if status != _PART and not self._closed:
                self._idle.append(worker)
            else:
                self._bury(worker)
        if status == _REFUSED:
            raise WorkerRefused(answer.decode("utf-8", "replace"))
        yield answer

    async def _start(self) -> Process:
        """A new worker, ready. After a failed start it is tried once more at once, then only after a
        delay."""
        loop = asyncio.get_running_loop()
        for _ in range(2):
            await asyncio.sleep(self._restarts.delay(loop.time()))
            try:
                worker = await self._start_once()
            except _StartFailed as error:
                self._restarts.failed(loop.time())
                failure = error
            else:
                self._restarts.succeeded()
                return worker
        raise failure

    async def _start_once(self) -> Process:
        try:
            worker = await asyncio.create_subprocess_exec(
                *self._argv, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=worker_environment()
            )
        except OSError as error:
            raise _StartFailed(f"the worker cannot be started: {error.strerror}") from error
        ready = False
        try:
            async with asyncio.timeout(_START):
                assert worker.stdin is not None
                worker.stdin.write(self._greeting)
                await worker.stdin.drain()
                ready = await self._answer(worker) == (0, b"")
        except (OSError, EOFError, ValueError, RuntimeError) as error:  # TimeoutError is an OSError
            raise _StartFailed("the worker cannot be started: it ended at once") from error
        finally:
            if not ready:
                self._bury(worker)
        if not ready:
            raise _StartFailed("the worker cannot be started: it did not say that it is ready")
        return worker

    async def _write(self, worker: Process, request: bytes) -> None:
        """Raises ``OSError`` when the worker dies."""
        assert worker.stdin is not None
        worker.stdin.write(struct.pack("!I", len(request)) + request)
        await worker.stdin.drain()

    async def _answer(self, worker: Process) -> tuple[int, bytes]:
        """Raises ``OSError`` or ``EOFError`` when the worker dies, ``ValueError`` for a malformed
        answer."""
        assert worker.stdout is not None
        status, length = _HEAD.unpack(await worker.stdout.readexactly(_HEAD.size))
        if status > _PART or length > self._max_answer:
            raise ValueError("the worker's answer is malformed")
        return status, await worker.stdout.readexactly(length)

    def _bury(self, worker: Process, *, farewell: float = 0.0) -> None:
        task = asyncio.create_task(end_process(worker, farewell))
        self._burials.add(task)
        task.add_done_callback(self._burials.discard)


class _Died(Exception):
    """The worker died during a request, or its answer was malformed."""


async def end_process(worker: Process, farewell: float = 0.0) -> None:
    """Close the worker's input, kill it if it does not exit, and read the rest of its output."""
    if worker.stdin is not None:
        worker.stdin.close()
    if not await wait_or(worker.wait(), farewell) and worker.returncode is None:
        worker.kill()
    await worker.communicate()
