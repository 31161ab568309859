"""Pages of the console with many sessions in the store: milliseconds on the server, for its operator.

Run with ``python -m tests.bench.bench_console [--sessions 100000] [--times 30]``. To reach: each page under
200 ms at the 95th percentile.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.bench.bench_full_store import SUB_ACCOUNTS, fill
from tests.support.console_world import ConsoleClient, SignedInSite, with_console
from tests.support.http_world import OPERATOR_KEY, FakeProfiles, cancel, webhook_url_problem

from offhook.config import Admin, Config, SubAccountSection
from offhook.fabric.memory import MemoryFabric
from offhook.http.deps import Deps, Phase
from offhook.http.edge.http_server import serve
from offhook.store import open_store
from offhook.store.directory import Directory

LIMIT = 200.0
"""Milliseconds."""
PAGES = {
    "Now": "/console/now",
    "Now, one sub-account": "/console/now?account=sub-1",
    "Sessions": "/console/sessions",
    "Sessions by status": "/console/sessions?status=COMPLETED&since=7d",
    "Sessions by status, none": "/console/sessions?status=BUSY",
    "Sessions by number": "/console/sessions?number=%2B1202",
    "Sessions by SIP status": "/console/sessions?sip=200",
    "Sessions by customer's id": "/console/sessions?request=none",
    "Rejected requests": "/console/sessions?rejected=1",
    "Find by id": "/console/find?q=full-70000",
    "Find, nothing": "/console/find?q=nothing-of-the-kind",
    "Session": "/console/sessions/full-50000",
    "Figures, a day": "/console/figures?period=1d",
    "Figures, 30 days": "/console/figures?period=30d",
    "Figures, 30 days, one sub-account": "/console/figures?period=30d&account=sub-1",
    "Usage, 30 days": "/console/usage?period=30d",
    "Usage, a year, one sub-account": "/console/usage?period=366d&account=sub-1",
    "Usage as CSV": "/console/usage.csv?period=30d",
    "Webhooks": "/console/webhooks?account=sub-1",
    "Deliveries": "/console/webhooks/VSS?account=sub-1",
    "Numbers": "/console/numbers?account=sub-1",
    "Campaigns": "/console/campaigns?account=sub-1",
    "Keys": "/console/keys",
    "Trunks": "/console/trunks",
}


@asynccontextmanager
async def filled(folder: Path, sessions: int) -> AsyncIterator[SignedInSite]:
    """The console over a file with so many sessions."""
    settings = Config(
        admin=Admin(api_keys=(OPERATOR_KEY,)),
        subaccounts=tuple(
            SubAccountSection(id=f"sub-{place}", account="bench") for place in range(SUB_ACCOUNTS)
        ),
    )
    path = folder / "offhook.db"
    store, fabric = open_store(f"sqlite:///{path}"), MemoryFabric()
    await store.open()
    await asyncio.to_thread(fill, path, sessions)
    directory = Directory(settings, store)
    await directory.refresh()
    await fabric.start()
    deps = Deps(
        store=store,
        directory=directory,
        fabric=fabric,
        profiles=FakeProfiles(),
        cancel=cancel,
        webhook_url_problem=webhook_url_problem,
        config=settings,
        phase=Phase(ready=True),
    )
    site = SignedInSite()
    site.server = await serve(with_console(deps), deps, "127.0.0.1", 0)
    try:
        yield site
    finally:
        await site.server.stop(1)
        await fabric.close()
        await store.close()


async def timed(client: ConsoleClient, path: str, times: int) -> tuple[list[float], float]:
    """Milliseconds of each request, sorted; and the CPU of one, the client's included."""
    took = []
    used = 0.0
    for _ in range(times + 1):
        began, used_before = time.perf_counter(), time.process_time()
        answer = await client.get(path)
        took.append((time.perf_counter() - began) * 1000)
        used += (time.process_time() - used_before) * 1000
        if answer.status not in (200, 303):
            raise SystemExit(f"{path}: {answer.status} {answer.text[-500:]}")
    return sorted(took[1:]), used / len(took)


async def run(sessions: int, times: int) -> int:
    """Print a table; 1 where a page is too slow."""
    slow = 0
    with tempfile.TemporaryDirectory() as folder:
        async with filled(Path(folder), sessions) as site, site.signed_in(OPERATOR_KEY) as client:
            print(f"| page, {sessions} sessions | median, ms | 95 %, ms | CPU, ms |")
            print("| --- | ---: | ---: | ---: |")
            for name, path in PAGES.items():
                took, used = await timed(client, path, times)
                late = took[min(len(took) - 1, int(len(took) * 0.95))]
                slow += late > LIMIT
                print(
                    f"| {name} | {statistics.median(took):.0f} | {late:.0f} | {used:.0f} |",
                    flush=True,
                )
    return int(bool(slow))


def main() -> int:
    """Fill a store and get each page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=30)
    given = parser.parse_args()
    return asyncio.run(run(given.sessions, given.times))


if __name__ == "__main__":
    sys.exit(main())
