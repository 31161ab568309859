"""Calls while half a million finished sessions are deleted: what they notice of it.

Run with ``python -m tests.bench.bench_retention [--size 500000] [--rate 5] [--seconds 300]``. Two equal
SQLite files hold finished sessions of the last 30 days; on the first all are kept, on the second those of the
last day. The server begins to delete when it starts, and calls run meanwhile. To reach: ratios of the medians
of the second to the first at most 1.2; the CPU time is that of the deletion too.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from tests.bench.bench_calls import Result, at_rate
from tests.bench.bench_full_store import fill

from offhook.store import upgrade

KEPT_DAYS = 1


def figures(result: Result) -> list[float]:
    """Medians and 99th percentiles in milliseconds, and the CPU time of a call."""
    found = []
    for values in (sorted(result.accept_to_invite), sorted(result.answer_to_packet)):
        found.append(statistics.median(values) * 1000)
        found.append(values[min(len(values) - 1, int(len(values) * 0.99))] * 1000)
    return [*found, sum((*result.api, *result.voice)) / result.calls * 1000]


def stored(path: Path) -> int:
    """Sessions in the file."""
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM sessions").fetchone()[0])


def run(path: Path, options: argparse.Namespace, keep: dict[str, int]) -> tuple[Result, int]:
    """Calls on a file; the result, and how many sessions were deleted meanwhile."""
    before = stored(path)
    load = at_rate(options.rate, options.seconds, f"sqlite:///{path}", {"retention": keep})
    result = asyncio.run(load)
    return result, before + result.calls + 3 - stored(path)


def line(name: str, result: Result, deleted: int, values: Sequence[float]) -> str:
    """A row of the table."""
    cells = [name, f"{result.completed} of {result.calls}", str(deleted)]
    return "| " + " | ".join([*cells, *(f"{value:.1f}" for value in values)]) + " |"


def main() -> int:
    """Measure and print; 1 when a call was lost or noticed it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=500_000)
    parser.add_argument("--rate", type=float, default=5)
    parser.add_argument("--seconds", type=float, default=300)
    options = parser.parse_args()
    heads: tuple[str, ...] = (
        "retention",
        "completed",
        "sessions deleted",
        "accepted to INVITE ms, median",
        "p99",
    )
    heads += ("answer to packet ms, median", "p99", "CPU ms a call")
    print("| " + " | ".join(heads) + " |\n|" + " --- |" * len(heads), flush=True)
    with tempfile.TemporaryDirectory() as name:
        whole, less = Path(name) / "whole.db", Path(name) / "less.db"
        upgrade(f"sqlite:///{whole}")
        fill(whole, options.size)
        shutil.copy(whole, less)
        kept, none = run(whole, options, {"sessions": 3650, "requests": 3650})
        print(line("all kept", kept, none, figures(kept)), flush=True)
        purged, gone = run(less, options, {"sessions": KEPT_DAYS, "requests": KEPT_DAYS})
        print(line(f"{KEPT_DAYS} day", purged, gone, figures(purged)), flush=True)
    ratios = [mine / its for mine, its in zip(figures(purged), figures(kept), strict=True)]
    print("ratios: " + " ".join(f"{ratio:.2f}" for ratio in ratios))
    lost = any(result.completed != result.calls for result in (kept, purged))
    return int(lost or max(ratios[0], ratios[2]) > 1.2)


if __name__ == "__main__":
    sys.exit(main())
