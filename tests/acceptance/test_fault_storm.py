"""Three nodes and 2,000 sessions with faults every few seconds from a printed seed (docs/faults.md)."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from tests.support import cluster, sipp
from tests.support.cluster import Cluster
from tests.support.fault_storm import storm

SESSIONS = int(os.environ.get("OFFHOOK_STORM_SESSIONS", "2000"))
RATE = 17.0
"""A second, so that it takes two minutes."""


@pytest.mark.skipif(
    not (sipp.available and cluster.available), reason="sipp, postgresql or nats is missing"
)
@pytest.mark.full
@pytest.mark.timeout(600)
async def test_nothing_is_lost_or_doubled_while_faults_come_at_random(tmp_path: Path) -> None:
    seed = int(os.environ.get("OFFHOOK_STORM_SEED") or random.SystemRandom().randrange(10**6))
    print(f"OFFHOOK_STORM_SEED={seed}")
    async with Cluster(tmp_path, nodes=3) as world:
        found = await storm(world, seed, SESSIONS, RATE)
    assert found.ends is not None
    assert found.recovered
