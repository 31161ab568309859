"""The inputs of fuzzing, each played once: seeds, and what fuzzing has found."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.fuzz.targets import HERE, TARGETS

FOUND = sorted((HERE / "found").glob("*-*"))


@pytest.mark.parametrize("name", TARGETS)
def test_no_seed_breaks_an_invariant(name: str) -> None:
    seeds = sorted((HERE / "seeds" / name).iterdir())
    assert seeds
    for seed in seeds:
        TARGETS[name](seed.read_bytes())


@pytest.mark.parametrize("path", FOUND, ids=[path.name for path in FOUND])
def test_what_fuzzing_found_is_mended(path: Path) -> None:
    TARGETS[path.name.partition("-")[0]](path.read_bytes())
