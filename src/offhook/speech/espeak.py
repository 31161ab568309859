"""The embedded engine: espeak-ng in worker processes of its own (``docs/decisions/speech.md``)."""

from __future__ import annotations

import json
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import final

from offhook.session.ports.speech import Urgent, now
from offhook.speech.espeak_voices import ENGINE, data_folder
from offhook.speech.speech_engine import (
    NARROW,
    WIDE,
    Engine,
    SynthesisFailed,
    worker_greeting,
)
from offhook.speech.worker_process import WorkerError, confined_program
from offhook.speech.workers import WorkerPool

_NORMAL_RATE = 175
"""Words a minute at speed 1, the engine's own default (80..450 are possible)."""
_TIMEOUT = 15.0
"""Seconds for one text; 3,000 characters take a quarter of a second."""
_WAITING = 500
_MEMORY = 768 << 20
_MAX_ANSWER = 16 << 20
"""Octets: a piece of 400 characters at half speed takes a tenth of it."""


@final
class Espeak(Engine):
    """Speaks with espeak-ng."""

    @property
    def name(self) -> str:
        return ENGINE

    @property
    def first_piece(self) -> int:
        return 120

    def __init__(
        self, *, processes: int = 2, timeout: float = _TIMEOUT, rate: int = NARROW
    ) -> None:
        """Starts nothing: each of the ``processes`` (28 MiB) starts when it is first needed."""
        self._timeout = timeout
        self._rate = rate
        self._installed = data_folder() is not None
        program = Path(__file__).with_name("espeak_worker.py")
        self._pool = WorkerPool(
            confined_program(program, memory=_MEMORY, file_size=0),
            size=processes,
            waiting=_WAITING,
            max_answer=_MAX_ANSWER,
            greeting=worker_greeting(rate),
        )

    @property
    def is_wide(self) -> bool:
        return self._rate == WIDE

    @cached_property
    def version(self) -> str:
        try:
            return version("espeakng-loader")
        except PackageNotFoundError:
            return "none"

    async def speak(
        self, text: str, *, voice: str, speed: float, owner: str, urgent: Urgent = now
    ) -> bytes:
        if not self._installed:
            raise SynthesisFailed("espeak-ng is not installed: pip install espeakng-loader")
        rate = round(_NORMAL_RATE * speed)
        request = json.dumps({"voice": voice, "rate": rate, "text": text}).encode()
        try:
            return await self._pool.ask(request, timeout=self._timeout, owner=owner, urgent=urgent)
        except WorkerError as error:
            raise SynthesisFailed(f"espeak-ng: {error}") from error

    async def close(self) -> None:
        await self._pool.close()
