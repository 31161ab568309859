"""The natural voice: Kokoro-82M in worker processes of its own (``docs/decisions/voices.md``)."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, final

from offhook.media import g711
from offhook.speech.kokoro_voices import ENGINE, style_and_phonemes
from offhook.speech.prompt import LAWS, joined
from offhook.speech.speech_engine import Engine, SynthesisFailed
from offhook.speech.voice_folder import manifest
from offhook.speech.workers import Rights, WorkerError, WorkerPool, confined_program

_TIMEOUT: Final = 60.0
"""Seconds for one piece of a text."""
_WAITING: Final = 500
_MEMORY: Final = 4 << 30
"""Of address space; the worker uses about a tenth of it."""
_MAX_ANSWER: Final = 16 << 20
_PROGRAMS: Final = (
    *("kokoro_worker.py", "kokoro_graph.py", "kokoro_front_ends.py", "worker_kit.py"),
)
"""What decides the sound besides the model."""


@final
class Kokoro(Engine):
    """Speaks with Kokoro-82M."""

    @property
    def name(self) -> str:
        return ENGINE

    @property
    def first_piece(self) -> int:
        return 60

    @property
    def longest_piece(self) -> int:
        return 160

    def __init__(
        self, folder: Path, *, processes: int = 1, threads: int = 0, timeout: float = _TIMEOUT
    ) -> None:
        """``folder`` holds the installed model. ``threads`` of each process; 0: one per core.

        A process (430 MiB) starts when it is first needed, or by :meth:`warm`.
        """
        self._folder = folder
        self._timeout = timeout
        program = Path(__file__).with_name("kokoro_worker.py")
        self._pool = WorkerPool(
            confined_program(
                program,
                str(folder),
                str(threads or os.cpu_count() or 1),
                memory=_MEMORY,
                file_size=0,
                reads=folder,
                rights=Rights.THREADS,
            ),
            size=processes,
            waiting=_WAITING,
            max_answer=_MAX_ANSWER,
            greeting=b"".join(g711.encoder_table(law) for law in LAWS),
        )

    @cached_property
    def version(self) -> str:
        digest = hashlib.sha256(json.dumps(manifest(self._folder), sort_keys=True).encode())
        for program in _PROGRAMS:
            digest.update(Path(__file__).with_name(program).read_bytes())
        try:
            phonemes = version("espeakng-loader")
        except PackageNotFoundError:
            phonemes = "none"
        return f"{digest.hexdigest()[:16]}+{phonemes}"

    async def speak(self, text: str, *, voice: str, speed: float, owner: str) -> bytes:
        made = self.parts(text, voice=voice, speed=speed, owner=owner)
        return joined([part async for part in made])

    async def parts(
        self, text: str, *, voice: str, speed: float, owner: str
    ) -> AsyncGenerator[bytes]:
        style, phonemes = style_and_phonemes(voice)
        request = {"voice": style, "phonemes": phonemes, "speed": speed, "text": text}
        asked = json.dumps(request).encode()
        try:
            answer = self._pool.parts(asked, timeout=self._timeout, owner=owner)
            async with aclosing(answer):
                async for part in answer:
                    yield part
        except WorkerError as error:
            raise SynthesisFailed(f"Kokoro: {error}") from error

    async def warm(self) -> None:
        await self._pool.warm()

    async def close(self) -> None:
        await self._pool.close()
