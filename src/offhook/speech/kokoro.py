"""The natural voice: Kokoro-82M in worker processes of its own (``docs/decisions/voices.md``)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, final

from offhook.speech.kokoro_voices import ENGINE, style_and_phonemes
from offhook.speech.local_model import TIMEOUT, LocalModel
from offhook.speech.speech_engine import NARROW
from offhook.speech.voice_folder import manifest

_PROGRAMS: Final = ("kokoro_worker.py", "kokoro_graph.py", "kokoro_front_ends.py")


@final
class Kokoro(LocalModel):
    """Speaks with Kokoro-82M. A process takes 350 MiB."""

    def __init__(
        self,
        folder: Path,
        *,
        processes: int = 1,
        threads: int = 0,
        timeout: float = TIMEOUT,
        rate: int = NARROW,
    ) -> None:
        """``folder`` holds the installed model."""
        super().__init__(
            folder,
            _PROGRAMS,
            processes=processes,
            threads=threads,
            timeout=timeout,
            rate=rate,
        )

    @property
    def name(self) -> str:
        return ENGINE

    def _models(self) -> Iterable[str]:
        yield json.dumps(manifest(self._folder), sort_keys=True)

    def _request(self, voice: str) -> Mapping[str, object]:
        style, phonemes = style_and_phonemes(voice)
        return {"voice": style, "phonemes": phonemes}
