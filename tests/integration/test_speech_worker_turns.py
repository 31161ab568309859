"""A worker makes several answers side by side, part by part: the most urgent one first."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from offhook.session.ports.speech import Urgency
from offhook.speech.turns import AGEING, aged
from offhook.speech.worker_process import WorkerLost, WorkersBusy
from offhook.speech.workers import WorkerPool

SCRIPT = """
import itertools, os, struct, sys
log = open(sys.argv[1], "a", buffering=1)
def answer(payload, status=0):
    sys.stdout.buffer.write(struct.pack("!BI", status, len(payload)) + payload)
    sys.stdout.buffer.flush()
def parts(text):
    name, _, count = text.partition(" ")
    if name == "die":
        os.kill(os.getpid(), 9)
    if name == "hang":
        os.kill(os.getpid(), 19)
    for n in range(int(count or 1) - 1):
        log.write(f"{name} {n}\\n")
        yield 2, f"{name} {n} of {os.getpid()}".encode()
    log.write(f"{name} end\\n")
    yield 0, f"{name} end".encode()
numbers, going_on = itertools.count(1), {}
answer(b"")
while len(head := sys.stdin.buffer.read(4)) == 4:
    kind, number = divmod(struct.unpack("!I", head)[0], 1 << 30)
    if kind == 2:
        log.write("dropped\\n")
        del going_on[number]
        continue
    if kind == 0:
        text = sys.stdin.buffer.read(number).decode()
        number = next(numbers)
        going_on[number] = parts(text)
    status, payload = next(going_on[number])
    answer(payload, status)
"""
"""Answers ``name 3`` in three parts, and writes down the order in which it makes parts."""


class Workers:
    """A pool of one worker, and what it did."""

    def __init__(self, folder: Path) -> None:
        script = folder / "worker.py"
        script.write_text(SCRIPT)
        self._log = folder / "log"
        self._log.touch()
        command = (sys.executable, "-I", "-S", str(script), str(self._log))
        self.pool = WorkerPool(command, size=1, waiting=100, max_answer=100_000)

    @property
    def made(self) -> list[str]:
        """The parts it made, in this order."""
        return self._log.read_text().splitlines()

    async def say(
        self,
        text: str,
        urgency: Urgency = Urgency.NOW,
        *,
        owner: str = "acme",
        timeout: float = 10.0,
    ) -> list[bytes]:
        parts = self.pool.parts(text.encode(), timeout=timeout, owner=owner, urgent=lambda: urgency)
        return [part async for part in parts]


@pytest.fixture
async def workers(tmp_path: Path) -> AsyncIterator[Workers]:
    workers = Workers(tmp_path)
    await workers.say("warm")
    yield workers
    await workers.pool.close()


async def test_first_words_come_between_the_parts_of_a_long_text(workers: Workers) -> None:
    long = asyncio.create_task(workers.say("long 50", Urgency.SOON))
    while "long 0" not in workers.made:
        await asyncio.sleep(0)
    await workers.say("short")
    made = workers.made
    assert made.index("short end") <= made.index("long 0") + 3
    assert len(await long) == 50, "it went on behind it"


async def test_what_is_known_early_waits_for_what_plays_and_for_first_words(
    workers: Workers,
) -> None:
    early = asyncio.create_task(workers.say("early 5", Urgency.LATER))
    while "early 0" not in workers.made:
        await asyncio.sleep(0)
    await asyncio.gather(workers.say("sentence 4", Urgency.SOON), workers.say("words"))
    assert not early.done()
    await early
    made = [name for name in workers.made if not name.startswith("early")]
    assert made.index("words end") < made.index("sentence 2")


async def test_behind_its_first_part_a_text_is_no_longer_the_most_urgent(
    workers: Workers,
) -> None:
    await asyncio.gather(workers.say("first 4"), workers.say("second 4"))
    made = workers.made
    assert made.index("second 0") < made.index("first 1")


async def test_owners_take_turns_part_by_part(workers: Workers) -> None:
    greedy = [
        asyncio.create_task(workers.say(f"greedy{n} 10", Urgency.SOON, owner="greedy"))
        for n in range(10)
    ]
    while "greedy0 1" not in workers.made:
        await asyncio.sleep(0)
    await workers.say("modest 10", Urgency.SOON, owner="modest")
    assert len([name for name in workers.made if name.startswith("greedy")]) <= 10 + 6
    await asyncio.gather(*greedy)


async def test_an_owner_finishes_a_text_before_it_goes_on_with_the_next(workers: Workers) -> None:
    texts = [workers.say(f"text{n} 4", Urgency.LATER) for n in range(3)]
    await asyncio.gather(*texts)
    assert workers.made[1:] == [
        f"text{n} {part}" for n in range(3) for part in ("0", "1", "2", "end")
    ]


async def test_who_stops_early_costs_no_worker_and_the_rest_is_not_made(workers: Workers) -> None:
    made = workers.pool.parts(b"long 500", timeout=10, owner="acme")
    worker = (await anext(made)).split()[-1]
    await made.aclose()
    assert (await workers.say("next 2"))[0].split()[-1] == worker
    assert workers.made[-3:] == ["dropped", "next 0", "next end"]
    assert len(workers.made) < 10


def test_what_somebody_waits_for_becomes_more_urgent_and_nothing_else_does() -> None:
    waited = [0.0, AGEING, 2 * AGEING, 100 * AGEING]
    assert [aged(Urgency.LATER, seconds) for seconds in waited] == [2, 1, 0, 0]
    assert [aged(Urgency.SPARE, seconds) for seconds in waited] == [Urgency.SPARE] * 4


async def test_who_leaves_the_line_is_not_made_at_all(workers: Workers) -> None:
    long = asyncio.create_task(workers.say("long 20"))
    while "long 0" not in workers.made:
        await asyncio.sleep(0)
    waiting = asyncio.create_task(workers.say("gone", Urgency.SPARE))
    await asyncio.sleep(0)
    waiting.cancel()
    await long
    await workers.say("next")
    assert not any(name.startswith("gone") for name in workers.made)


@pytest.mark.parametrize("text", ["die", "hang"])
async def test_a_request_that_ends_the_worker_costs_no_other_one(
    workers: Workers, text: str
) -> None:
    """What had begun there is begun again, and what was given of it is not given twice."""
    long = workers.pool.parts(b"long 5", timeout=10, owner="acme", urgent=lambda: Urgency.SPARE)
    first = await anext(long)
    with pytest.raises(WorkerLost):
        await workers.say(text, timeout=0.5)
    rest = [part async for part in long]
    assert [part.split()[1] for part in [first, *rest]] == [b"0", b"1", b"2", b"3", b"end"]


async def test_a_worker_that_was_killed_between_two_parts_is_replaced(workers: Workers) -> None:
    long = workers.pool.parts(b"long 200", timeout=10, owner="acme")
    worker = int((await anext(long)).split()[-1])
    os.kill(worker, signal.SIGKILL)
    with suppress(WorkerLost):  # where it was making a part at that moment
        assert [part async for part in long][-1] == b"long end"
    assert await workers.say("next") == [b"next end"]


async def test_closing_ends_what_waits(workers: Workers) -> None:
    texts = [asyncio.create_task(workers.say(f"text{n} 50")) for n in range(5)]
    while "text0 1" not in workers.made:
        await asyncio.sleep(0)
    await workers.pool.close()
    results = await asyncio.gather(*texts, return_exceptions=True)
    assert all(isinstance(result, WorkersBusy | list) for result in results)
