"""Faults at random on a cluster of three nodes, and the time to recover from each kind.

Run with ``python -m tests.bench.bench_storm [--sessions 2000] [--rate 17] [--nodes 3] [--seed N]``. It ends
with an error when a session is lost, doubled or told in two ways, or when a call was dialled that was
answered 503. The seed is printed; the same seed gives the same faults, not the same moments.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
from pathlib import Path

from tests.support.cluster import Cluster
from tests.support.fault_storm import Storm, storm


async def run(sessions: int, rate: float, nodes: int, seed: int) -> Storm:
    """One storm in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="offhook-storm-") as folder:
        async with Cluster(Path(folder), nodes=nodes) as world:
            return await storm(world, seed, sessions, rate)


def main() -> int:
    """Run one storm; it prints its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=2_000)
    parser.add_argument("--rate", type=float, default=17.0)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    asyncio.run(run(options.sessions, options.rate, options.nodes, options.seed))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
