"""One worker process: how it is started, asked and ended, and what it is allowed.

A request is a head of 4 octets (big-endian) and, for something new, octets behind it. The upper two bits
of the head say what is wanted (:class:`RequestKind`); the others are the number of octets or, to go on and
to drop, the number of the request at this worker, the first one 1. An answer is a status octet
(:class:`AnswerStatus`), a length and that many octets. Behind a part the worker stops and waits for the next
request, which may be another one. A worker that has started sends one empty answer, which says that it is
ready.
"""

from __future__ import annotations

import asyncio
import os
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from enum import Enum, IntEnum
from pathlib import Path
from typing import Final, NamedTuple

from offhook.aio import wait_or

_HEAD: Final = struct.Struct("!BI")
_KIND: Final = 30
"""Bits of a request's head below its kind."""
_START: Final = 60.0
"""Seconds a worker has to become ready. A tenth of one is usual; on a busy machine 20 were too few."""


class WorkerError(Exception):
    """No answer came; the text says why."""


class WorkerRefused(WorkerError):
    """The worker answered that it cannot do what was asked."""


class WorkerLost(WorkerError):
    """The worker died during the request, or did not answer in time and was killed."""


class WorkersBusy(WorkerError):
    """Too many requests wait already, or this one waited too long."""


class WorkerStartFailed(WorkerLost):
    """The worker ended before it was ready."""


class RequestKind(IntEnum):
    """What a request is."""

    NEW = 0
    GO_ON = 1
    """The next part of a request that has begun."""
    DROP = 2
    """Nobody wants the rest of a request that has begun. There is no answer."""


class AnswerStatus(IntEnum):
    """What an answer is."""

    DONE = 0
    FAILED = 1
    """A sentence that says what went wrong."""
    PART = 2
    """There is more."""


class WorkerAnswer(NamedTuple):
    """What a worker has answered."""

    status: AnswerStatus
    octets: bytes


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


async def start_worker(argv: Sequence[str], greeting: bytes) -> Process:
    """A new worker, ready. Raises :class:`WorkerStartFailed`."""
    try:
        worker = await asyncio.create_subprocess_exec(
            *argv, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=worker_environment()
        )
    except OSError as error:
        raise WorkerStartFailed(f"the worker cannot be started: {error.strerror}") from error
    ready = False
    try:
        async with asyncio.timeout(_START):
            assert worker.stdin is not None
            worker.stdin.write(greeting)
            await worker.stdin.drain()
            ready = await worker_answer(worker, 0) == (AnswerStatus.DONE, b"")
    except TimeoutError as error:
        late = f"the worker cannot be started: it was not ready within {_START:.0f} s"
        raise WorkerStartFailed(late) from error
    except (OSError, EOFError, ValueError, RuntimeError) as error:
        raise WorkerStartFailed("the worker cannot be started: it ended at once") from error
    finally:
        if not ready:
            await end_process(worker)
    if not ready:
        raise WorkerStartFailed("the worker cannot be started: it did not say that it is ready")
    return worker


def is_usable(worker: Process) -> bool:
    """Whether a worker that is not asked anything is alive, as far as is known."""
    stdin = worker.stdin
    return worker.returncode is None and stdin is not None and not stdin.is_closing()


def new_request(payload: bytes) -> bytes:
    """The octets of a new request."""
    return struct.pack("!I", len(payload)) + payload


def head_for(wanted: RequestKind, number: int) -> bytes:
    """The octets that say what becomes of request ``number`` at a worker."""
    return struct.pack("!I", wanted << _KIND | number)


async def worker_answer(worker: Process, max_answer: int) -> WorkerAnswer:
    """Raises ``OSError`` or ``EOFError`` when the worker dies, ``ValueError`` for a malformed answer."""
    assert worker.stdout is not None
    status, length = _HEAD.unpack(await worker.stdout.readexactly(_HEAD.size))
    if length > max_answer:
        raise ValueError("the worker's answer is malformed")
    return WorkerAnswer(AnswerStatus(status), await worker.stdout.readexactly(length))


async def end_process(worker: Process, farewell: float = 0.0) -> None:
    """Close the worker's input, kill it if it does not exit, and read the rest of its output."""
    if worker.stdin is not None:
        worker.stdin.close()
    if not await wait_or(worker.wait(), farewell) and worker.returncode is None:
        worker.kill()
    await worker.communicate()
