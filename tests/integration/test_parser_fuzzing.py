"""A minute of fuzzing by atheris: the parsers of SIP, SDP and streams keep their invariants."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from pathlib import Path

import pytest
from tests.support.fuzz.targets import HERE, TARGETS

SECONDS = 20
"""For each target."""

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(180),
    pytest.mark.skipif(
        importlib.util.find_spec("atheris") is None, reason="atheris has no wheel here"
    ),
]


@pytest.mark.parametrize("name", TARGETS)
async def test_fuzzing_finds_nothing(name: str, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.fuzz.run", name),
        *(f"-max_total_time={SECONDS}", f"-artifact_prefix={tmp_path}/", "-max_len=4096"),
        *(str(tmp_path), str(HERE / "seeds" / name)),
        cwd=HERE.parents[2],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode(errors="replace")[-4000:]
    assert b"Done " in output
