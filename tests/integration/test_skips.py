"""Under CI a skipped test is a failure (tests/conftest.py)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

CONFTEST = Path(__file__).parents[1] / "conftest.py"

SKIPS = {
    "call": "import pytest\ndef test_x():\n    pytest.skip('no peer')\n",
    "mark": "import pytest\n@pytest.mark.skipif(True, reason='no peer')\ndef test_x(): pass\n",
    "fixture": "import pytest\n@pytest.fixture\ndef f(): pytest.skip('no peer')\ndef test_x(f): pass\n",
    "module": "import pytest\npytest.importorskip('no_such_module')\ndef test_x(): pass\n",
}


EXPECTED_FAILURE = "import pytest\n@pytest.mark.xfail\ndef test_x():\n    assert False\n"


def outcomes(folder: Path, ci: str) -> dict[str, str]:
    """The outcome of each of the tests above, by name, in a run of its own."""
    shutil.copy(CONFTEST, folder)
    for name, text in {**SKIPS, "xfail": EXPECTED_FAILURE}.items():
        (folder / f"test_{name}.py").write_text(text)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-rA",
            "--tb=no",
            "--continue-on-collection-errors",
            "-p",
            "no:cacheprovider",
            str(folder),
        ],
        cwd=folder,
        env={**os.environ, "CI": ci, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    told = re.findall(
        r"^(SKIPPED|FAILED|ERROR|XFAIL)\b.*?test_(\w+)\.py", done.stdout, re.MULTILINE
    )
    return {name: outcome for outcome, name in told}


def test_a_skip_fails_under_ci(tmp_path: Path) -> None:
    failed = dict.fromkeys(SKIPS, "ERROR") | {"call": "FAILED", "xfail": "XFAIL"}
    assert outcomes(tmp_path, "true") == failed


def test_elsewhere_it_is_a_note(tmp_path: Path) -> None:
    assert outcomes(tmp_path, "") == dict.fromkeys(SKIPS, "SKIPPED") | {"xfail": "XFAIL"}
