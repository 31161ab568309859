"""Worker processes that answer one request at a time over their standard input and output.

What crashes or hangs in them costs that request, never this process. A request is a length (4 octets,
big-endian) and that many octets; an answer is a status octet (0: fine, 1: a sentence that says what
went wrong), a length and that many octets.
"""

from __future__ import annotations

import asyncio
import os
import struct
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence

from offhook.aio import wait_or

_HEAD = struct.Struct("!BI")
_PATIENCE = 30.0
"""Seconds a request waits for a free worker."""
_FAREWELL = 2.0
"""Seconds a worker has to leave by itself once its input has ended."""


class WorkerError(Exception):
    """No answer came; the text says why."""


class WorkerRefused(WorkerError):
    """The worker answered that it cannot do what was asked."""


class WorkerLost(WorkerError):
    """The worker died over the request, or did not answer in time and was killed."""


class WorkersBusy(WorkerError):
    """Too many requests wait already, or this one waited too long."""


def worker_environment() -> dict[str, str]:
    """All a worker inherits: no secrets of ours, and no threads it does not need."""
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"}


class WorkerPool:
    """Up to ``size`` processes of one program, started when they are needed and kept.

    To be used on one loop, and closed there.
    """

    def __init__(self, argv: Sequence[str], *, size: int, waiting: int, max_answer: int) -> None:
        """``argv`` is run without a shell. ``waiting`` requests may wait for a worker;

        an answer over ``max_answer`` octets counts as a failure of the worker.
        """
        self._argv = tuple(argv)
        self._slots = asyncio.Semaphore(size)
        self._limit = size + waiting
        self._max_answer = max_answer
        self._asked = 0
        self._idle: list[Process] = []
        self._burials: set[asyncio.Task[None]] = set()
        self._closed = False

    async def ask(self, request: bytes, *, timeout: float) -> bytes:
        """The answer to ``request``, within ``timeout`` seconds of a worker's time.

        A worker that dies over it is replaced and the request asked once more. Raises
        :class:`WorkerError`.
        """
        if self._closed or self._asked >= self._limit:
            raise WorkersBusy("closed" if self._closed else "too many requests wait already")
        self._asked += 1
        try:
            await self._wait_for_slot()
            try:
                return await self._ask_twice(request, timeout)
            finally:
                self._slots.release()
        finally:
            self._asked -= 1

    async def close(self) -> None:
        """End all workers. Requests under way fail; their callers should be gone by now."""
        self._closed = True
        while self._idle:
            self._bury(self._idle.pop(), farewell=_FAREWELL)
        await asyncio.gather(*self._burials)

    async def _wait_for_slot(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._slots.acquire()
        except TimeoutError as error:
            raise WorkersBusy("no worker was free in time") from error

    async def _ask_twice(self, request: bytes, timeout: float) -> bytes:
        for attempt in (1, 2):
            kept = attempt == 1 and self._idle  # the second time only a fresh one will do
            worker = self._idle.pop() if kept else await self._start()
            answered = False
            try:
                async with asyncio.timeout(timeout):
                    status, answer = await self._exchange(worker, request)
                answered = True
            except TimeoutError as error:
                raise WorkerLost(f"no answer within {timeout:g} s") from error
            except (OSError, EOFError, ValueError) as error:
                if attempt == 2:
                    raise WorkerLost("the worker died over it, twice") from error
                continue
            finally:
                if answered and not self._closed:
                    self._idle.append(worker)
                else:
                    self._bury(worker)
            if status:
                raise WorkerRefused(answer.decode("utf-8", "replace"))
            return answer
        raise AssertionError("unreachable")

    async def _start(self) -> Process:
        try:
            return await asyncio.create_subprocess_exec(
                *self._argv, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=worker_environment()
            )
        except OSError as error:
            raise WorkerLost(f"the worker cannot be started: {error.strerror}") from error

    async def _exchange(self, worker: Process, request: bytes) -> tuple[int, bytes]:
        """Raises ``OSError`` or ``EOFError`` when the worker dies, ``ValueError`` on nonsense."""
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(struct.pack("!I", len(request)) + request)
        await worker.stdin.drain()
        status, length = _HEAD.unpack(await worker.stdout.readexactly(_HEAD.size))
        if status > 1 or length > self._max_answer:
            raise ValueError("the worker's answer is malformed")
        return status, await worker.stdout.readexactly(length)

    def _bury(self, worker: Process, *, farewell: float = 0.0) -> None:
        task = asyncio.create_task(_end(worker, farewell))
        self._burials.add(task)
        task.add_done_callback(self._burials.discard)


async def _end(worker: Process, farewell: float) -> None:
    """Close the worker's input, kill it if it stays, and take what it still wrote off the pipe."""
    if worker.stdin is not None:
        worker.stdin.close()
    if not await wait_or(worker.wait(), farewell) and worker.returncode is None:
        worker.kill()
    await worker.communicate()
