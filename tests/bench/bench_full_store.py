"""Calls on a store that is empty and on stores with many finished sessions: what grows with the record.

Run with ``python -m tests.bench.bench_full_store [--sizes 0,100000,500000] [--rate 5] [--seconds 60]``.
Each size gets a SQLite file of its own, filled with finished sessions of the last 30 days, and a server
that places calls on it (:mod:`.bench_calls`). To reach: every ratio to the empty store at most 1.2.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
from tests.bench.bench_calls import Result, at_rate
from tests.support.stores import claimed, ended, opened, waiting, webhook_entry

from offhook.codes import SessionStatus
from offhook.events import (
    AnyEvent,
    CallConnected,
    SessionEnded,
    SessionQueued,
    SessionStarted,
)
from offhook.session.ports.record import DeliveryState, SessionFilter
from offhook.session.session import Session
from offhook.store import upgrade
from offhook.store.documents import encode_session, micros
from offhook.store.rows import event_documents, outbox_row, session_row

DAYS = 30
SUB_ACCOUNTS = 20
LISTS = 30
"""How often each list is read."""


class Figures(NamedTuple):
    """What one size gave; times in milliseconds."""

    accepted_to_invite: float
    answer_to_packet: float
    cpu: float
    """Of API and voice process, for each call."""
    list_all: float
    list_status: float
    list_number: float

    def ratios(self, empty: Figures) -> list[float]:
        """Each figure by that of the empty store."""
        return [mine / its if its else 0.0 for mine, its in zip(self, empty, strict=True)]


def sample() -> Session:
    """A finished session of the usual size."""
    return ended(claimed(waiting("placeholder")))


def fill(path: Path, size: int) -> None:
    """Add ``size`` finished sessions with timelines, requests, deliveries and search terms."""
    session = sample()
    entry = webhook_entry(type_="VSS", session=session)
    entry = msgspec.structs.replace(entry, payload=encode_session(session).encode())
    at = session.created_at
    facts: list[AnyEvent] = [
        SessionQueued(at=at),
        SessionStarted(at=at, node="n1"),
        CallConnected(at=at, call_id="c"),
        SessionEnded(at=at, status="COMPLETED"),
    ]
    now = micros(datetime.now(UTC))
    step = int(timedelta(days=DAYS).total_seconds() * 1e6) // max(size, 1)
    row, sent = session_row(session, len(facts)), outbox_row(entry)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous=OFF")
    numbers = (
        f"WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {size}),"
        f" r AS (SELECT 'full-' || n AS id, {now} - n * {step} AS at,"
        f" 'sub-' || (n % {SUB_ACCOUNTS}) AS sub FROM n) "
    )
    statements: list[tuple[str, Sequence[object]]] = [
        (
            "INSERT INTO sessions SELECT id, sub, 'COMPLETED', at, NULL, NULL, '', 'n1', 1, '[]',"
            f" {len(facts)}, replace(?, ?, id) FROM r",
            (row.document, session.session_id),
        ),
        (
            "INSERT INTO requests SELECT 'req-' || id, sub, at, ?, 200, ?, id, NULL FROM r",
            (b"{}" * 200, b"{}" * 50),
        ),
        (
            "INSERT INTO outbox SELECT 'del-' || id, sub, 'VSS', id, NULL, ?, at, at, ?, at, NULL,"
            " 1, ? FROM r",
            (sent.payload, DeliveryState.DELIVERED.value, sent.history),
        ),
        (
            "INSERT INTO session_terms SELECT sub, 'number:+1202' || id, at, id FROM r",
            (),
        ),
        ("INSERT INTO session_terms SELECT sub, 'sip:200', at, id FROM r", ()),
    ]
    statements += [
        (f"INSERT INTO events SELECT id, {number}, ? FROM r", (document,))
        for number, document in enumerate(event_documents(facts), 1)
    ]
    for sql, arguments in statements:
        head, _, tail = sql.partition(" SELECT")
        connection.execute(f"{head} {numbers} SELECT{tail}", arguments)
        connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


async def listing(url: str, chosen: SessionFilter) -> float:
    """Milliseconds that one page takes, at the median."""
    took = []
    async with opened(url) as store:
        for _ in range(LISTS):
            began = time.perf_counter()
            await store.sessions("sub-1", chosen)
            took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


async def measure(folder: Path, size: int, rate: float, seconds: float) -> tuple[Figures, Result]:
    """One size."""
    path = folder / f"full-{size}.db"
    url = f"sqlite:///{path}"
    await asyncio.to_thread(upgrade, url)
    if size:
        await asyncio.to_thread(fill, path, size)
    result = await at_rate(rate, seconds, url)
    figures = Figures(
        accepted_to_invite=statistics.median(result.accept_to_invite) * 1000,
        answer_to_packet=statistics.median(result.answer_to_packet) * 1000,
        cpu=sum((*result.api, *result.voice)) / result.calls * 1000,
        list_all=await listing(url, SessionFilter()),
        list_status=await listing(url, SessionFilter(status=SessionStatus.BUSY)),
        list_number=await listing(url, SessionFilter(number="+12025550101")),
    )
    path.unlink()
    return figures, result


def main() -> int:
    """Measure and print; 1 when a call was lost or a call's ratio to the empty store is over 1.2."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="0,100000,500000")
    parser.add_argument("--rate", type=float, default=5)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    print(f"| sessions stored | calls | completed | {' | '.join(Figures._fields)} | ratios |")
    print("|" + " --- |" * (len(Figures._fields) + 4))
    empty: Figures | None = None
    failed = False
    with tempfile.TemporaryDirectory() as name:
        for size in map(int, options.sizes.split(",")):
            measured = measure(Path(name), size, options.rate, options.seconds)
            figures, result = asyncio.run(measured)
            empty = empty or figures
            ratios = figures.ratios(empty)
            failed |= result.completed != result.calls or max(ratios[:3]) > 1.2
            cells = [str(size), str(result.calls), str(result.completed)]
            cells += [f"{figure:.1f}" for figure in figures]
            cells.append(" ".join(f"{ratio:.2f}" for ratio in ratios))
            print("| " + " | ".join(cells) + " |", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
