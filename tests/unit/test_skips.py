"""Under CI a skipped test is a failure (tests/conftest.py)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"

TESTS = {
    "call": "import pytest\ndef test_x():\n    pytest.skip('no peer')\n",
    "mark": "import pytest\n@pytest.mark.skipif(True, reason='no peer')\ndef test_x(): pass\n",
    "fixture": "import pytest\n@pytest.fixture\ndef f(): pytest.skip('no peer')\ndef test_x(f): pass\n",
    "module": "import pytest\npytest.importorskip('no_such_module')\ndef test_x(): pass\n",
}


def run(folder: Path, text: str, ci: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(CONFTEST, folder)
    (folder / "test_x.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    environ = {**os.environ, "CI": ci}
    environ.pop("PYTEST_ADDOPTS", None)
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("kind", TESTS)
def test_a_skip_fails_under_ci(tmp_path: Path, kind: str) -> None:
    done = run(tmp_path, TESTS[kind], "true")
    assert done.returncode in (1, 2)
    assert "skipped, which CI does not allow" in done.stdout


def test_elsewhere_it_is_a_note(tmp_path: Path) -> None:
    assert run(tmp_path, TESTS["call"], "").returncode == 0


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    text = "import pytest\n@pytest.mark.xfail\ndef test_x():\n    assert False\n"
    assert run(tmp_path, text, "true").returncode == 0
