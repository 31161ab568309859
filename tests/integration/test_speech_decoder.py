"""The decoder's process: what becomes of a file that kills it, hangs it or asks too much of it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from offhook.net.http_client import HttpClient
from offhook.session.ports.speech import Prompt
from offhook.speech import files as files_module
from offhook.speech.files import AudioFiles, FileFailed
from offhook.speech.making import PromptMaker
from offhook.speech.prompt_store import PromptStore


@pytest.fixture
async def files() -> AsyncIterator[AudioFiles]:
    client = HttpClient(allow_private=False)
    store = PromptStore(room=64 << 20)
    yield AudioFiles(client, store, PromptMaker(store, lambda owner: False))
    await store.close()
    await client.close()


def replace_decoder(files: AudioFiles, folder: Path, program: str) -> None:
    script = folder / "decoder.py"
    script.write_text("import os, signal, sys, time\n" + program)
    files._program = script


async def decode(files: AudioFiles, data: bytes) -> Prompt:
    with files._store.scratch() as file:
        file.write(data)
        return await files.decode(file, owner="acme")


@pytest.mark.parametrize(
    "program",
    [
        "os.abort()",
        "sys.stdin.buffer.read(); import ctypes; ctypes.string_at(0)",
        "sys.exit(1)",
        "raise MemoryError",
        "print('x')",
        "print('{\"samples\": 8000}')",
        "print('{\"samples\": 0}')",
        "print('{\"samples\": -1}')",
        "os.write(int(sys.argv[1]), bytes(10)); print('{\"samples\": 4}')",
        "print('x' * 10_000_000)",
    ],
)
async def test_a_file_that_kills_its_decoder_fails_in_words(
    files: AudioFiles, tmp_path: Path, program: str
) -> None:
    replace_decoder(files, tmp_path, program)
    with pytest.raises(FileFailed, match="the decoder died over the file"):
        await decode(files, b"x" * 1_000_000)


async def test_a_file_that_hangs_its_decoder_ends_with_it(
    files: AudioFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_module, "DECODE_TIMEOUT", 0.5)
    replace_decoder(files, tmp_path, "time.sleep(1000)")
    with pytest.raises(FileFailed, match=r"not decoded within 0\.5 s"):
        await decode(files, b"x" * 1_000_000)


async def test_output_of_a_decoder_besides_its_answer_is_dropped(
    files: AudioFiles, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    replace_decoder(files, tmp_path, "print('secret', file=sys.stderr); sys.exit(1)")
    with pytest.raises(FileFailed):
        await decode(files, io.BytesIO(b"x").getvalue())
    assert "secret" not in "".join(capfd.readouterr())


async def test_a_caller_that_gives_up_ends_the_decoder(files: AudioFiles, tmp_path: Path) -> None:
    replace_decoder(files, tmp_path, "time.sleep(1000)")
    before = children()
    task = asyncio.create_task(decode(files, b"x"))
    while not task.done() and children() <= before:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert children() <= before


def children() -> set[int]:
    """Processes that this one has started and that still run."""
    found = [(task / "children").read_text() for task in Path("/proc/self/task").iterdir()]
    return {int(pid) for pid in " ".join(found).split()}
