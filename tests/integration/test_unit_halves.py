"""``make unit`` in two processes: what either of them finds is in the one report and in the exit code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.halves import FEWEST_FILES, halves

ROOT = Path(__file__).parents[2]
FILES = 2 * FEWEST_FILES
PROGRAM = """
import sys
from pathlib import Path
from tests.support import halves
halves.TESTS = halves.UNIT = Path(sys.argv[1])
halves.SECONDS = halves.TESTS / "build" / "seconds.json"
halves.OPTIONS = ("-q", "-rf", "-p", "no:xdist", "-p", "no:schemathesis", "-p", "no:faker")
sys.exit(halves.main(sys.argv[2:]))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Tests that pass, in more files than one process would run alone."""
    settings = "addopts = --import-mode=importlib\nasyncio_default_fixture_loop_scope = function\n"
    (tmp_path / "pytest.ini").write_text(f"[pytest]\n{settings}")
    for number in range(FILES):
        (tmp_path / f"test_{number:02}.py").write_text(f"def test_{number:02}(): pass\n")
    return tmp_path


def a_file_of_each_half(folder: Path) -> list[Path]:
    """The halves stay the same whatever is then written to them."""
    files = sorted(folder.glob("test_*.py"))
    known = {str(file): 1.0 for file in files}
    (folder / "build").mkdir()
    (folder / "build" / "seconds.json").write_text(json.dumps(known))
    return [min(part) for part in halves(files, known)]


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    """The exit code and all output of ``make unit`` over a folder."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_failures_of_both_halves_are_shown_and_fail(folder: Path) -> None:
    for file, word in zip(a_file_of_each_half(folder), ("first", "second"), strict=True):
        file.write_text(f"def test_it(): assert '{word}' == ''")
    status, output = run(folder)
    assert status == 1
    assert "assert 'first' == ''" in output
    assert "assert 'second' == ''" in output
    assert f"2 failed, {FILES - 2} passed" in output
    assert len(re.findall("^FAILED ", output, re.MULTILINE)) == 2


@pytest.mark.parametrize("half", [0, 1])
def test_a_process_that_dies_fails_the_run(folder: Path, half: int) -> None:
    a_file_of_each_half(folder)[half].write_text("import os\ndef test_it(): os._exit(7)")
    status, output = run(folder)
    assert status != 0
    if half == 1:
        assert "the second process ended with status 7" in output


@pytest.mark.parametrize("half", [0, 1])
def test_a_file_that_does_not_load_fails_the_run(folder: Path, half: int) -> None:
    a_file_of_each_half(folder)[half].write_text("import nowhere_at_all")
    status, output = run(folder)
    assert status != 0
    assert "No module named 'nowhere_at_all'" in output


def test_all_passes_and_the_next_run_knows_how_long_each_file_took(folder: Path) -> None:
    status, output = run(folder)
    assert status == 0
    assert f"{FILES} passed" in output
    known = json.loads((folder / "build" / "seconds.json").read_text())
    assert len(known) == FILES


def test_a_pattern_selects_in_both_halves(folder: Path) -> None:
    names = [file.stem for file in a_file_of_each_half(folder)]
    status, output = run(folder, "-k", " or ".join(names))
    assert status == 0, output
    assert "2 passed" in output
    status, output = run(folder, "-k", names[1])
    assert status == 0, output
    assert "1 passed" in output
    assert run(folder, "-k", "nothing_at_all")[0] == pytest.ExitCode.NO_TESTS_COLLECTED


def test_the_longest_files_are_parted_first(tmp_path: Path) -> None:
    seconds = {"a": 9.0, "b": 5.0, "c": 4.0, "d": 1.0}
    for name in seconds:
        (tmp_path / name).touch()
    parts = halves(tmp_path.iterdir(), {str(tmp_path / name): it for name, it in seconds.items()})
    assert [{file.name for file in part} for part in parts] == [{"a", "d"}, {"b", "c"}]
