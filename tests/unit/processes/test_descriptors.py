"""The budget of file descriptors."""

from __future__ import annotations

import subprocess
import sys

import pytest

from offhook.processes import descriptors


@pytest.mark.parametrize(
    ("limit", "sessions"), [(20, 1), (64, 1), (200, 27), (1024, 192), (1 << 20, 209_702)]
)
def test_sessions_within_a_limit(limit: int, sessions: int) -> None:
    assert descriptors.sessions_within(limit) == sessions


def in_a_process(limits: str, statement: str) -> str:
    """Run a statement under ``ulimit``s of its own; what it prints."""
    program = f"from offhook.processes import descriptors; print({statement})"
    run = subprocess.run(
        ["sh", "-ec", f'{limits}; exec "$@"', "sh", sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return run.stdout.strip()


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    statement = "descriptors.limit(), descriptors.raise_limit(), descriptors.limit()"
    assert in_a_process("ulimit -Sn 100; ulimit -Hn 300", statement) == "100 300 300"


def test_a_limit_that_is_the_hard_one_already_stays() -> None:
    statement = "descriptors.raise_limit(), descriptors.limit()"
    assert in_a_process("ulimit -n 200", statement) == "200 200"
