"""How many webhooks one process delivers a second: real store, real HTTP, a receiver of its own.

Run with ``python tests/bench/bench_webhooks.py [--count N] [--endpoints N] [--profile]``. The receiver
runs in a process of its own. Prints deliveries per second and the CPU time of the delivering process per
delivery, of repeated runs. What to reach: 1,000 a second (DESIGN.md).
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import multiprocessing
import pstats
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from aiohttp import web

from offhook.clock import new_id
from offhook.codes import CallStatus, SessionStatus
from offhook.flow.actions import Callflow
from offhook.net.http_client import HttpClient
from offhook.session.ports.record import (
    DeliveryResult,
    NodeRole,
    OutboxEntry,
    OutboxType,
)
from offhook.session.session import Direction, Leg, Session
from offhook.session.tenancy import Webhook, WebhookType
from offhook.store import open_store, upgrade
from offhook.webhook_secrets import new_secret
from offhook.webhooks import payloads
from offhook.webhooks.delivery import DeliveryWorker


def receive(pipe: Connection) -> None:
    """Answer every POST with 200 until killed."""

    async def handle(request: web.BaseRequest) -> web.Response:
        await request.read()
        return web.Response()

    async def serve() -> None:
        runner = web.ServerRunner(web.Server(handle))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        pipe.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(serve())


def queued(endpoint: int, now: datetime) -> tuple[Session, OutboxEntry]:
    """A session to end, and its summary."""
    leg = Leg(
        call_id=new_id(),
        direction=Direction.OUTBOUND,
        source="+6568332048",
        destination="+6591234567",
        initiated_at=now,
        connected_at=now,
        disconnected_at=now,
        status=CallStatus.COMPLETED,
    )
    session = Session(
        session_id=new_id(),
        sub_account_id=f"account-{endpoint}",
        call_flow_request_id=new_id(),
        status=SessionStatus.COMPLETED,
        callflow=Callflow(actions=()),
        created_at=now,
        ended_at=now,
        last_action="SAY",
        legs=(leg,),
    )
    return session, OutboxEntry(
        delivery_id=new_id(),
        sub_account_id=session.sub_account_id,
        type=OutboxType.VSS,
        payload=payloads.session_summary(session),
        created_at=now,
        give_up_at=now + timedelta(days=1),
        session_id=session.session_id,
    )


async def run(count: int, endpoints: int, port: int, url: str) -> tuple[float, float]:
    """Deliver ``count`` summaries; returns the seconds it took and the seconds of CPU time."""
    upgrade(url)
    store = open_store(url)
    await store.open()
    now = datetime.now(UTC)
    node = await store.register_node("bench", NodeRole.VOICE, now)
    secret = new_secret()

    async def fill(number: int) -> None:
        session, entry = queued(number % endpoints, now)
        running = Session(
            session_id=session.session_id,
            sub_account_id=session.sub_account_id,
            call_flow_request_id=session.call_flow_request_id,
            status=SessionStatus.RUNNING,
            callflow=session.callflow,
            created_at=now,
        )
        await store.start(node, running, ())
        await store.save(node, session, (), (entry,))

    for first in range(0, count, 200):
        await asyncio.gather(*(fill(number) for number in range(first, min(count, first + 200))))
    client = HttpClient(allow_private=True)
    done = asyncio.Event()
    finished = 0
    record = store.finish_deliveries

    async def counted(results: Sequence[DeliveryResult]) -> None:
        nonlocal finished
        await record(results)
        finished += sum(result.state == "delivered" for result in results)
        if finished >= count:
            done.set()

    store.finish_deliveries = counted  # type: ignore[method-assign]

    async def disable(sub_account: str, type_: WebhookType) -> None:
        raise AssertionError("the receiver answers 200 to all")

    worker = DeliveryWorker(
        store,
        client,
        lambda sub_account, type_: Webhook(
            type=type_, url=f"http://127.0.0.1:{port}/{sub_account}", secret=secret
        ),
        owner="bench",
        disable=disable,
    )
    began, cpu = time.perf_counter(), cpu_seconds()
    worker.start()
    await asyncio.wait_for(done.wait(), 120)
    took, used = time.perf_counter() - began, cpu_seconds() - cpu
    await worker.close()
    await client.close()
    await store.close()
    return took, used


def cpu_seconds() -> float:
    """User and system time of this process, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--endpoints", type=int, default=10)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    receiver = multiprocessing.Process(target=receive, args=(theirs,), daemon=True)
    receiver.start()
    port = ours.recv()
    profile = cProfile.Profile()
    rates, costs = [], []
    for _ in range(options.runs):
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite:///{Path(folder) / 'bench.db'}"
            if options.profile:
                profile.enable()
            took, used = asyncio.run(run(options.count, options.endpoints, port, url))
            profile.disable()
        rates.append(options.count / took)
        costs.append(used / options.count * 1000)
        print(f"{rates[-1]:7.0f} deliveries a second, {costs[-1]:.2f} ms of CPU each")
    print(f"median {statistics.median(rates):.0f} a second, {statistics.median(costs):.2f} ms")
    if options.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(35)
    receiver.terminate()


if __name__ == "__main__":
    main()
