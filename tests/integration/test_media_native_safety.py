"""The native engine under sanitizers: its whole suite, and fuzzers on packets and on commands."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from tests.support.native_core import HERE, PACKAGE, SANITIZERS, compiled

from offhook.media import rtcp, rtp
from offhook.media.native import build

ROOT = Path(__file__).parents[2]
FUZZED = 60
"""Seconds for each target."""

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
def test_the_suite_of_the_media_engine_passes_with_sanitizers(tmp_path: Path) -> None:
    package = tmp_path / "src" / "offhook" / "media" / "native"
    shutil.copytree(ROOT / "src", tmp_path / "src")
    shutil.copytree(ROOT / "tests", tmp_path / "tests")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    headers = f"-I{sysconfig.get_paths()['include']}"
    flags = (*SANITIZERS, "-O1", "-fPIC", "-shared", headers)
    compiled(package / build.MODULE, PACKAGE / "_core.c", flags=flags)
    runtime = subprocess.run(
        ["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    )
    environment = {
        **os.environ,
        "LD_PRELOAD": runtime.stdout.strip(),
        # The interpreter itself frees little at its end; the fuzzers look for leaks.
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONPATH": f"{tmp_path / 'src'}:{tmp_path}",
        "PYTHONMALLOC": "malloc",
    }
    names = ("engine", "relay", "rtcp", "sources", "tap")
    native = ("native_engine", "codecs", "srtp")
    suite = [f"tests/integration/test_media_{name}.py" for name in (*names, *native)]
    which = " or ".join(("native", *native))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-k", which, "-p", "no:cacheprovider", *suite],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "Sanitizer" not in done.stderr + done.stdout


def seeds(folder: Path) -> Path:
    """Inputs that are right, and those that it found once, for the fuzzer to start from."""
    folder.mkdir()
    stream = bytearray()
    for number in range(12):
        packet = rtp.build(
            payload_type=(0, 8, 96, 111 if number % 8 == 3 else 9)[number % 4],
            sequence=65530 + number,
            timestamp=160 * number,
            ssrc=7,
            payload=b"\x01\x8a\x01\x40" if number % 4 == 2 else bytes(range(160)),
            marker=number == 0,
        )
        stream += bytes((len(packet), 16)) + packet
    empty = rtp.build(payload_type=0, sequence=1, timestamp=160, ssrc=7, payload=b"")
    # Between two legs of G.711 it made an encoder of G.722 that was never freed.
    (folder / "empty").write_bytes(bytes((0, len(empty), 16)) + empty)
    for kinds in (0x04, 0x0B, 0x0E, 0x1C):
        (folder / f"rtp{kinds}").write_bytes(bytes((kinds,)) + stream)
    block = rtcp.ReportBlock(7, 3, 4, 65535, 80, 1, 2)
    reports: list[rtcp.Packet] = [
        rtcp.SenderReport(7, 1 << 40, 1, 2, 3, (block,)),
        rtcp.SourceDescription(7, "somebody"),
        rtcp.Goodbye((7,)),
    ]
    report = rtcp.build(reports)
    (folder / "rtcp").write_bytes(bytes((4, len(report), 4)) + report)
    commands = struct.pack("BBB", 14, 0, 100) + bytes((0, 0, 0, 0, 3, 1, 1, 0))
    commands += bytes((1, 0, 2, 0, 1, 2, 3, 15, 0, 5, 0, 49, 10, 255, 0, 6, 4, 7, 0, 13, 0))
    (folder / "commands").write_bytes(commands * 3)
    return folder


@pytest.mark.skipif(shutil.which("clang") is None, reason="clang is not installed")
@pytest.mark.parametrize("target", ["packets", "commands"])
def test_a_fuzzer_finds_nothing(target: str, tmp_path: Path) -> None:
    flags = (*SANITIZERS, "-O1", "-fsanitize=fuzzer")
    fuzzer = compiled(tmp_path / target, HERE / f"fuzz_{target}.c", compiler="clang", flags=flags)
    command = [str(fuzzer), f"-max_total_time={FUZZED}", "-max_len=4096", "-timeout=20"]
    done = subprocess.run(
        [*command, f"-artifact_prefix={tmp_path}/", str(seeds(tmp_path / "corpus"))],
        capture_output=True,
        text=True,
        timeout=FUZZED + 300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
