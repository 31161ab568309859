"""Engines whose models run on this machine, in confined worker processes of their own."""

from __future__ import annotations

import hashlib
import json
import os
from abc import abstractmethod
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import ClassVar, Final

from offhook.session.ports.speech import Urgent, now
from offhook.speech.prompt import joined
from offhook.speech.speech_engine import (
    NARROW,
    WIDE,
    Engine,
    SynthesisFailed,
    worker_greeting,
)
from offhook.speech.worker_process import Rights, WorkerError, confined_program
from offhook.speech.workers import WorkerPool

TIMEOUT: Final = 60.0
"""Seconds for one piece of a text."""
_WAITING: Final = 500
_MEMORY: Final = 4 << 30
"""Of address space; a worker uses about a tenth of it."""
_MAX_ANSWER: Final = 16 << 20
_SHARED: Final = ("worker_kit.py", "espeak_phonemes.py", "espeak_library.py")


class LocalModel(Engine):
    """Asks a worker program for each piece; the program is what knows the model."""

    programs: ClassVar[tuple[str, ...]]
    """The files of the worker and of its own modules, beside this one."""

    def __init__(
        self,
        folder: Path,
        *,
        processes: int = 1,
        threads: int = 0,
        timeout: float = TIMEOUT,
        rate: int = NARROW,
    ) -> None:
        """``folder`` holds the installed models. ``threads`` of each process; 0: one per core.

        ``rate``: samples a second of its sound. A process starts when it is first needed, or by
        :meth:`warm`.
        """
        self._folder = folder
        self._programs = [Path(__file__).with_name(name) for name in (*self.programs, *_SHARED)]
        self._timeout = timeout
        self._rate = rate
        self._pool = WorkerPool(
            confined_program(
                self._programs[0],
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
            greeting=worker_greeting(rate),
        )

    @property
    def first_piece(self) -> int:
        return 60

    @property
    def longest_piece(self) -> int:
        return 160

    @property
    def is_wide(self) -> bool:
        return self._rate == WIDE

    @property
    def is_interruptible(self) -> bool:
        return True

    @cached_property
    def version(self) -> str:
        digest = hashlib.sha256("\n".join(self._models()).encode())
        for program in self._programs:
            digest.update(program.read_bytes())
        try:
            phonemes = version("espeakng-loader")
        except PackageNotFoundError:
            phonemes = "none"
        return f"{digest.hexdigest()[:16]}+{phonemes}"

    async def speak(
        self, text: str, *, voice: str, speed: float, owner: str, urgent: Urgent = now
    ) -> bytes:
        made = self.parts(text, voice=voice, speed=speed, owner=owner, urgent=urgent)
        return joined([part async for part in made], wide=self.is_wide)

    async def parts(
        self, text: str, *, voice: str, speed: float, owner: str, urgent: Urgent = now
    ) -> AsyncGenerator[bytes]:
        request = {**self._request(voice), "speed": speed, "text": text}
        asked = json.dumps(request).encode()
        try:
            answer = self._pool.parts(asked, timeout=self._timeout, owner=owner, urgent=urgent)
            async with aclosing(answer):
                async for part in answer:
                    yield part
        except WorkerError as error:
            raise SynthesisFailed(f"{self.name}: {error}") from error

    async def warm(self) -> None:
        await self._pool.warm()

    async def close(self) -> None:
        await self._pool.close()

    @abstractmethod
    def _models(self) -> Iterable[str]:
        """What tells the installed models from others: names and hashes."""

    @abstractmethod
    def _request(self, voice: str) -> Mapping[str, object]:
        """What the program is told of a voice."""
