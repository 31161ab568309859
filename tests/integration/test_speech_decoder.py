"""The decoder's process: what becomes of a file that kills it, hangs it or asks too much of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from offhook.net.client import HttpClient
from offhook.speech import files as files_module
from offhook.speech.files import AudioFiles, FileFailed


@pytest.fixture
async def files() -> AsyncIterator[AudioFiles]:
    client = HttpClient(allow_private=False)
    yield AudioFiles(client)
    await client.close()


def replace_decoder(files: AudioFiles, folder: Path, program: str) -> None:
    script = folder / "decoder.py"
    script.write_text("import os, signal, sys, time\n" + program)
    files._script = str(script)


@pytest.mark.parametrize(
    "program",
    [
        "os.kill(os.getpid(), signal.SIGKILL)",
        "sys.stdin.buffer.read(); os.kill(os.getpid(), signal.SIGSEGV)",
        "sys.exit(1)",
        "raise MemoryError",
        "sys.stdout.write('x')",
    ],
)
async def test_a_file_that_kills_its_decoder_fails_in_words(
    files: AudioFiles, tmp_path: Path, program: str
) -> None:
    replace_decoder(files, tmp_path, program)
    with pytest.raises(FileFailed, match="the decoder died over the file"):
        await files.decode(b"x" * 1_000_000)


async def test_a_file_that_hangs_its_decoder_ends_with_it(
    files: AudioFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_module, "DECODE_TIMEOUT", 0.3)
    replace_decoder(files, tmp_path, "os.kill(os.getpid(), signal.SIGSTOP)")
    with pytest.raises(FileFailed, match=r"not decoded within 0\.3 s"):
        await files.decode(b"x" * 1_000_000)


async def test_a_file_that_waits_too_long_for_a_decoder_fails(
    files: AudioFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_module, "_WAITING_TIMEOUT", 0.1)
    replace_decoder(files, tmp_path, "os.kill(os.getpid(), signal.SIGSTOP)")
    running = [asyncio.create_task(files.decode(b"x")) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(FileFailed, match="too many files wait"):
        await files.decode(b"x")
    for task in running:
        task.cancel()
    assert all(
        isinstance(result, asyncio.CancelledError)
        for result in await asyncio.gather(*running, return_exceptions=True)
    )


def test_the_limits_hold(tmp_path: Path) -> None:
    """A decoder that wants more memory than it may have says so and lives to say it."""
    program = (
        "import resource, runpy, sys\n"
        f"module = runpy.run_path({str(Path(files_module.__file__).parent)!r} + '/decode_worker.py')\n"
        "module['limit_resources']()\n"
        "print([resource.getrlimit(r)[0] for r in (resource.RLIMIT_AS, resource.RLIMIT_CPU)])\n"
        "try: bytearray(600 << 20)\n"
        "except MemoryError: print('refused')\n"
        f"file = open({str(tmp_path / 'written')!r}, 'wb', buffering=0)\n"
        "try: file.write(b'x')\n"
        "except OSError: print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines() == [f"[{512 << 20}, 10]", "refused", "refused"]
