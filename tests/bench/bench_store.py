"""How many durable writes a second, at which CPU and latency: SQLite and a private PostgreSQL.

Run with ``python tests/bench/bench_store.py [--seconds N] [--only sqlite|postgres] [--profile]``. Accepts
and saves by 1, 16 and 64 callers at once, claims, deliveries; for SQLite also accepts while a second
process writes as fast as it can, and while the loop is busy half of the time (as under HTTP load). CPU is
that of the calling process, all threads: PostgreSQL's own is beside it. What to reach: 1,500 accepted
callflows a second including HTTP (DESIGN.md), so several times that here.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import multiprocessing
import pstats
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from multiprocessing.synchronize import Event

import msgspec
from tests.support.postgres import postgres_server
from tests.support.stores import CONNECTED, request_for, start_all, waiting, webhook_entry

from offhook.codes import SessionStatus
from offhook.events import SessionQueued
from offhook.session.ports.record import (
    DeliveryResult,
    DeliveryState,
    Node,
    NodeRole,
)
from offhook.session.ports.stores import Store
from offhook.session.session import Session
from offhook.store import open_store, upgrade

CALLERS = (1, 16, 64)


class Measure:
    """Runs one operation by several callers for a while and prints what it took."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def run(self, name: str, callers: int, operation: Callable[[], Awaitable[int]]) -> None:
        """``operation`` returns how many it did."""
        times: list[float] = []
        done = 0
        end = time.perf_counter() + self._seconds

        async def call() -> None:
            nonlocal done
            while time.perf_counter() < end:
                began = time.perf_counter()
                count = await operation()
                done += count
                times.append(time.perf_counter() - began)

        began, cpu = time.perf_counter(), cpu_seconds()
        await asyncio.gather(*(call() for _ in range(callers)))
        took, used = time.perf_counter() - began, cpu_seconds() - cpu
        times.sort()
        half, most = (1000 * times[int(len(times) * part)] for part in (0.5, 0.99))
        print(
            f"{name:28} {callers:4} callers {done / took:8.0f} a second "
            f"{1000 * used / done:7.3f} ms of CPU   p50 {half:6.2f} ms   p99 {most:6.2f} ms"
        )


def cpu_seconds() -> float:
    """User and system time of this process, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def accepting(store: Store) -> Callable[[], Awaitable[int]]:
    """Accept one new session."""
    body = b'{"callflow":[{"action":"makeCall"}]}' * 12

    async def operation() -> int:
        session = waiting(created_at=datetime.now(UTC))
        request = request_for(session, body=body, at=session.created_at)
        await store.accept(session, [SessionQueued(at=session.created_at)], request)
        return 1

    return operation


def saving(store: Store, node: Node, sessions: list[Session]) -> Callable[[], Awaitable[int]]:
    """Save one of the sessions with an event and a webhook."""
    turn = 0

    async def operation() -> int:
        nonlocal turn
        turn += 1
        session = sessions[turn % len(sessions)]
        changed = msgspec.structs.replace(session, last_action=str(turn))
        await store.save(node, changed, [CONNECTED], [webhook_entry(session=session)])
        return 1

    return operation


def claiming(store: Store, node: Node, found: list[Session]) -> Callable[[], Awaitable[int]]:
    """Claim fifty sessions."""

    async def operation() -> int:
        decisions = await store.claim(node, start_all, datetime.now(UTC), limit=50)
        found.extend(decision.session for decision in decisions)
        return max(1, len(decisions))

    return operation


def delivering(store: Store) -> Callable[[], Awaitable[int]]:
    """Lease sixty-four deliveries and finish them, each on its own."""

    async def operation() -> int:
        now = datetime.now(UTC)
        leased = await store.lease_deliveries("bench", now, lease=30, limit=64)
        await asyncio.gather(
            *(
                store.finish_deliveries(
                    [
                        DeliveryResult(
                            delivery_id=delivery.entry.delivery_id,
                            at=now,
                            http_status=200,
                            detail="",
                            state=DeliveryState.DELIVERED,
                        )
                    ]
                )
                for delivery in leased
            )
        )
        return max(1, len(leased))

    return operation


async def measure(url: str, seconds: float) -> None:
    """Everything on one database."""
    store = open_store(url)
    await store.open()
    measure = Measure(seconds)
    for callers in CALLERS:
        await measure.run("accept", callers, accepting(store))
    node = await store.register_node("bench", NodeRole.VOICE, datetime.now(UTC))
    sessions: list[Session] = []
    await Measure(0.5).run("claim, 50 each", 1, claiming(store, node, sessions))
    live = [each for each in sessions if each.status is SessionStatus.RUNNING][:1000]
    for callers in CALLERS:
        await measure.run("save, event and webhook", callers, saving(store, node, live))
    await measure.run("deliver, 64 each", 1, delivering(store))
    await store.close()


async def measure_disturbed(url: str, seconds: float) -> None:
    """SQLite with a second process writing, and with a busy loop."""
    store = open_store(url)
    await store.open()
    measure = Measure(seconds)
    with another_writer(url):
        await measure.run("accept, second writer", 16, accepting(store))
    busy = asyncio.create_task(burn())
    await measure.run("accept, loop half busy", 16, accepting(store))
    busy.cancel()
    await store.close()


async def burn() -> None:
    """Keep the loop busy half of the time, two milliseconds at once."""
    while True:
        end = time.perf_counter() + 0.002
        while time.perf_counter() < end:
            pass
        await asyncio.sleep(0.002)


@contextlib.contextmanager
def another_writer(url: str) -> Iterator[None]:
    """A second process with 16 callers for the time of the block."""
    stop = multiprocessing.Event()
    process = multiprocessing.Process(target=write_until, args=(url, stop))
    process.start()
    try:
        yield
    finally:
        stop.set()
        process.join(30)


def write_until(url: str, stop: Event) -> None:
    """The second process."""

    async def write() -> None:
        store = open_store(url)
        await store.open()
        accept = accepting(store)

        async def keep_accepting() -> None:
            while not stop.is_set():
                await accept()

        await asyncio.gather(*(keep_accepting() for _ in range(16)))
        await store.close()

    asyncio.run(write())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--only", choices=["sqlite", "postgres"])
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    profile = cProfile.Profile()
    with contextlib.ExitStack() as stack:
        if options.profile:
            stack.enter_context(profile)
        if options.only != "postgres":
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            url = f"sqlite:///{folder}/bench.db"
            print("SQLite")
            asyncio.run(measure(url, options.seconds))
            asyncio.run(measure_disturbed(url, options.seconds))
        if options.only != "sqlite":
            server = stack.enter_context(postgres_server(durable=True))
            url = server.create_database("bench")
            upgrade(url)
            print("PostgreSQL")
            asyncio.run(measure(url, options.seconds))
    if options.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)


if __name__ == "__main__":
    main()
