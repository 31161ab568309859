"""Voices of Piper (VITS) in worker processes of their own, by ``sherpa-onnx``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, final

from offhook.speech.local_model import TIMEOUT, LocalModel
from offhook.speech.piper_voices import ENGINE, added_voices, voice_and_speaker
from offhook.speech.speech_engine import NARROW

_PROGRAMS: Final = ("piper_worker.py",)


@final
class Piper(LocalModel):
    """Speaks with the voices that were added. A process takes 100 MiB and 70 more for each voice."""

    def __init__(
        self,
        folder: Path,
        *,
        processes: int = 1,
        threads: int = 0,
        timeout: float = TIMEOUT,
        rate: int = NARROW,
    ) -> None:
        """``folder`` holds a folder for each voice."""
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
        return (f"{voice.name} {voice.sha256}" for voice in added_voices(self._folder))

    def _request(self, voice: str) -> Mapping[str, object]:
        name, speaker = voice_and_speaker(voice)
        return {"voice": name, "speaker": speaker}
