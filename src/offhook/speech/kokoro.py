"""The natural voice: Kokoro-82M in worker processes of its own (``docs/decisions/voices.md``)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import final

from offhook.speech.kokoro_voices import ENGINE, style_and_phonemes
from offhook.speech.local_model import LocalModel
from offhook.speech.voice_folder import manifest


@final
class Kokoro(LocalModel):
    """Speaks with Kokoro-82M. A process takes 350 MiB."""

    programs = ("kokoro_worker.py", "kokoro_graph.py", "kokoro_front_ends.py")

    @property
    def name(self) -> str:
        return ENGINE

    def _models(self) -> Iterable[str]:
        yield json.dumps(manifest(self._folder), sort_keys=True)

    def _request(self, voice: str) -> Mapping[str, object]:
        style, phonemes = style_and_phonemes(voice)
        return {"voice": style, "phonemes": phonemes}
