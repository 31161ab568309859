"""A clean clone, and what README.md says: from nothing to an IVR that passes its simulated test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "first-time-user"


@pytest.mark.full
@pytest.mark.timeout(600)
def test_the_readme_leads_from_a_clone_to_an_ivr_of_ones_own() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--limit", "0"],
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The IVR does what it should." in done.stdout
    assert "make demo" in done.stdout
