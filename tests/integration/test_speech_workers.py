"""Worker processes: what they answer, and what happens when they die, hang or talk nonsense."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from offhook.speech import worker_process
from offhook.speech.worker_process import (
    WorkerLost,
    WorkerRefused,
    WorkersBusy,
    WorkerStartFailed,
    start_worker,
    worker_environment,
)
from offhook.speech.workers import WorkerPool

SCRIPT = """
import os, signal, struct, sys
def read():
    head = sys.stdin.buffer.read(4)
    if len(head) < 4: sys.exit()
    return sys.stdin.buffer.read(struct.unpack("!I", head)[0] if head[0] < 64 else 0)
def answer(payload, status=0, length=None):
    size = len(payload) if length is None else length
    sys.stdout.buffer.write(struct.pack("!BI", status, size) + payload)
    sys.stdout.buffer.flush()
answer(b"")
while True:
    request = read()
    word, _, rest = request.partition(b" ")
    match word:
        case b"echo": answer(rest)
        case b"pid": answer(str(os.getpid()).encode())
        case b"env": answer(repr(dict(os.environ)).encode())
        case b"refuse": answer(b"I cannot", 1)
        case b"die": os.kill(os.getpid(), signal.SIGKILL)
        case b"half": answer(b"abc", 0, 9); sys.exit()
        case b"status": answer(b"", 7)
        case b"parts":
            answer(b"first", 2); read(); answer(b"second", 2); read(); answer(b"")
        case b"part":
            answer(b"first", 2); read(); os.kill(os.getpid(), signal.SIGKILL)
        case b"huge": answer(b"x" * 200_000)
        case b"claim": answer(b"x", 0, 4_000_000_000)
        case b"once":
            try: os.mkdir(rest)
            except FileExistsError: answer(b"second time")
            else: os.kill(os.getpid(), signal.SIGKILL)
        case b"stop": os.kill(os.getpid(), signal.SIGSTOP)
"""
MAX_ANSWER = 100_000
New = Callable[..., WorkerPool]


@pytest.fixture
async def new(tmp_path: Path) -> AsyncIterator[New]:
    script = tmp_path / "worker.py"
    script.write_text(SCRIPT)
    pools: list[WorkerPool] = []

    def new(size: int = 1, waiting: int = 10, argv: tuple[str, ...] | None = None) -> WorkerPool:
        command = argv or (sys.executable, "-I", "-S", str(script))
        pools.append(WorkerPool(command, size=size, waiting=waiting, max_answer=MAX_ANSWER))
        return pools[-1]

    yield new
    for pool in pools:
        await pool.close()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_worker_is_kept_for_the_next_request(new: New) -> None:
    pool = new()
    assert await pool.ask(b"echo hello", timeout=10, owner="acme") == b"hello"
    assert await pool.ask(b"echo ", timeout=10, owner="acme") == b""
    first = await pool.ask(b"pid", timeout=10, owner="acme")
    assert await pool.ask(b"pid", timeout=10, owner="acme") == first


async def test_no_more_workers_than_allowed_are_started(new: New) -> None:
    pool = new(size=2)
    pids = await asyncio.gather(*(pool.ask(b"pid", timeout=10, owner="acme") for _ in range(8)))
    assert len(set(pids)) == 2


async def test_a_refusal_is_told_and_costs_no_worker(new: New) -> None:
    pool = new()
    pid = await pool.ask(b"pid", timeout=10, owner="acme")
    with pytest.raises(WorkerRefused, match="I cannot"):
        await pool.ask(b"refuse", timeout=10, owner="acme")
    assert await pool.ask(b"pid", timeout=10, owner="acme") == pid


async def test_workers_killed_while_idle_are_replaced_unnoticed(new: New) -> None:
    pool = new(size=3)
    pids = await asyncio.gather(*(pool.ask(b"pid", timeout=10, owner="acme") for _ in range(3)))
    for pid in pids:
        os.kill(int(pid), signal.SIGKILL)
    assert await pool.ask(b"pid", timeout=10, owner="acme") not in pids


async def test_a_kept_worker_whose_transport_is_closed_costs_no_request(new: New) -> None:
    """uvloop raises RuntimeError for a write to a closed transport, not an OSError."""
    pool = new()
    pid = await pool.ask(b"pid", timeout=10, owner="acme")
    stdin = pool.workers[0].stdin
    assert stdin is not None
    stdin.transport.abort()
    assert await pool.ask(b"pid", timeout=10, owner="acme") != pid


async def test_a_transport_that_closes_under_a_request_costs_no_request(
    new: New, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = new()
    pid = await pool.ask(b"pid", timeout=10, owner="acme")
    stdin = pool.workers[0].stdin
    assert stdin is not None

    def closed(data: bytes) -> None:
        raise RuntimeError("unable to perform operation on <UnixTransport closed=True>")

    monkeypatch.setattr(stdin, "write", closed)
    assert await pool.ask(b"pid", timeout=10, owner="acme") != pid


async def test_a_program_that_ends_at_once_is_started_ever_more_seldom(
    new: New, tmp_path: Path
) -> None:
    """And at once again after it has started once."""
    log, healthy = tmp_path / "starts", tmp_path / "healthy"
    program = tmp_path / "fragile.py"
    program.write_text(
        f"import os, sys\nopen({str(log)!r}, 'a').write('x')\n"
        f"if not os.path.exists({str(healthy)!r}): sys.exit(1)\n" + SCRIPT
    )
    pool = new(argv=(sys.executable, "-I", "-S", str(program)))
    loop = asyncio.get_running_loop()
    for _ in range(2):
        with pytest.raises(WorkerLost, match="cannot be started"):
            await pool.ask(b"pid", timeout=10, owner="acme")
    assert log.read_text() == "xxxx"
    assert pool._restarts.delay(loop.time()) > 0.4
    healthy.touch()
    pid = int(await pool.ask(b"pid", timeout=10, owner="acme"))
    os.kill(pid, signal.SIGKILL)
    assert pool._restarts.delay(loop.time()) == 0
    healthy.unlink()
    with pytest.raises(WorkerLost, match="cannot be started"):
        await pool.ask(b"pid", timeout=10, owner="acme")
    assert pool._restarts.delay(loop.time()) < 0.3, "the row of failures began anew"


async def test_owners_take_turns(new: New) -> None:
    pool = new(waiting=100)
    order: list[str] = []

    async def ask(owner: str) -> None:
        await pool.ask(b"echo x", timeout=10, owner=owner)
        order.append(owner)

    many = [asyncio.create_task(ask("greedy")) for _ in range(40)]
    await asyncio.sleep(0)
    one = asyncio.create_task(ask("modest"))
    await asyncio.gather(*many, one)
    assert order.index("modest") <= 2


async def test_a_request_its_worker_died_over_is_asked_once_more(new: New, tmp_path: Path) -> None:
    marker = str(tmp_path / "been-here").encode()
    assert await new().ask(b"once " + marker, timeout=10, owner="acme") == b"second time"


@pytest.mark.parametrize("request_", [b"die", b"half", b"status", b"huge", b"claim"])
async def test_a_request_that_kills_every_worker_or_gets_nonsense_fails_and_the_next_one_works(
    new: New, request_: bytes
) -> None:
    pool = new()
    with pytest.raises(WorkerLost, match="twice"):
        await pool.ask(request_, timeout=10, owner="acme")
    assert await pool.ask(b"echo fine", timeout=10, owner="acme") == b"fine"


async def test_a_worker_that_stops_answering_is_killed_at_its_deadline(new: New) -> None:
    pool = new()
    pid = int(await pool.ask(b"pid", timeout=10, owner="acme"))
    with pytest.raises(WorkerLost, match=r"0\.2 s"):
        await pool.ask(b"stop", timeout=0.2, owner="acme")
    assert await pool.ask(b"echo fine", timeout=10, owner="acme") == b"fine"
    await pool.close()
    assert not alive(pid)


async def test_a_caller_that_gives_up_leaves_no_half_read_answer_behind(new: New) -> None:
    """And a worker that never answers is killed at the deadline all the same."""
    pool = new()
    await pool.ask(b"pid", timeout=10, owner="acme")
    asked = asyncio.create_task(pool.ask(b"stop", timeout=0.3, owner="acme"))
    while not pool._working:
        await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert await pool.ask(b"echo fine", timeout=10, owner="acme") == b"fine"


async def test_requests_beyond_the_queue_are_refused_at_once(new: New) -> None:
    pool = new(size=1, waiting=1)
    asked = [asyncio.create_task(pool.ask(b"echo x", timeout=10, owner="acme")) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(WorkersBusy):
        await pool.ask(b"echo x", timeout=10, owner="acme")
    assert await asyncio.gather(*asked) == [b"x", b"x"]


async def test_a_program_that_is_not_there_says_so(new: New) -> None:
    with pytest.raises(WorkerLost, match="cannot be started"):
        await new(argv=("/nonexistent/worker",)).ask(b"x", timeout=10, owner="acme")


async def test_closing_ends_the_workers_and_refuses_more(new: New) -> None:
    pool = new(size=2)
    pids = await asyncio.gather(*(pool.ask(b"pid", timeout=10, owner="acme") for _ in range(4)))
    await pool.close()
    assert not any(alive(int(pid)) for pid in pids)
    with pytest.raises(WorkersBusy, match="closed"):
        await pool.ask(b"pid", timeout=10, owner="acme")


async def test_workers_inherit_no_secrets(new: New, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_ADMIN__API_KEYS", "hunter2")
    assert b"hunter2" not in await new().ask(b"env", timeout=10, owner="acme")
    known = {"PATH", "LC_ALL", "OPENBLAS_NUM_THREADS", "PYTHONDONTWRITEBYTECODE"}
    assert set(worker_environment()) == known


async def test_an_answer_comes_in_parts(new: New) -> None:
    pool = new()
    made = pool.parts(b"parts", timeout=10, owner="acme")
    assert [part async for part in made] == [b"first", b"second", b""]
    assert await pool.ask(b"echo next", timeout=10, owner="acme") == b"next"


async def test_a_worker_that_dies_behind_a_part_fails_the_rest(new: New) -> None:
    pool = new()
    made = pool.parts(b"part", timeout=10, owner="acme")
    assert await anext(made) == b"first"
    with pytest.raises(WorkerLost, match="died"):
        await anext(made)
    assert await pool.ask(b"echo next", timeout=10, owner="acme") == b"next"


async def test_a_worker_that_is_not_ready_in_time_is_told_apart_from_one_that_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_process, "_START", 0.05)
    with pytest.raises(WorkerStartFailed, match="it was not ready within"):
        await start_worker((sys.executable, "-I", "-S", "-c", "input()"), b"")
    monkeypatch.setattr(worker_process, "_START", 60.0)
    with pytest.raises(WorkerStartFailed, match="it ended at once"):
        await start_worker((sys.executable, "-I", "-S", "-c", ""), b"")
