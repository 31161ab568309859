"""Mapped files: what becomes of a prompt when its file is made shorter while it is played."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from offhook.config.server_checks import NATIVE_MODULE
from offhook.speech.mapped import map_file

SHORTENED = """
import os, sys
from offhook.speech.mapped import map_file

descriptor = os.open(sys.argv[1], os.O_RDWR)
size = os.fstat(descriptor).st_size
kept, shorter = map_file(descriptor, size), map_file(descriptor, size)
os.ftruncate(descriptor, 4096)
octets = shorter.octets
assert bytes(octets[:4096]) == b"s" * 4096
assert bytes(octets[4096:]) == b"\\xff" * (size - 4096)
os.ftruncate(descriptor, 0)
assert bytes(kept.octets) == b"\\xff" * size
del kept, shorter, octets
if sys.argv[2] == "another":
    import mmap
    os.ftruncate(descriptor, 8192)
    other = mmap.mmap(descriptor, 8192, prot=mmap.PROT_READ)
    os.ftruncate(descriptor, 0)
    other[0]
print("alive")
"""


def run(path: Path, what: str) -> subprocess.CompletedProcess[str]:
    path.write_bytes(b"s" * 40_000)
    command = [sys.executable, "-c", SHORTENED, str(path), what]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(not NATIVE_MODULE.exists(), reason="the native media engine is not built")
def test_a_file_that_becomes_shorter_is_silent_from_there_on(tmp_path: Path) -> None:
    done = run(tmp_path / "prompt", "")
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr


@pytest.mark.skipif(not NATIVE_MODULE.exists(), reason="the native media engine is not built")
def test_other_mappings_are_not_touched(tmp_path: Path) -> None:
    done = run(tmp_path / "prompt", "another")
    assert done.returncode == -7, done.stderr  # SIGBUS


def test_a_mapping_outlives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "prompt"
    path.write_bytes(b"s" * 5_000)
    with path.open("rb") as file:
        mapping = map_file(file.fileno(), 5_000)
    path.unlink()
    view = mapping.octets
    del mapping
    assert bytes(view) == b"s" * 5_000
