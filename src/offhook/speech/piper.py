"""Voices of Piper (VITS) in worker processes of their own, by ``sherpa-onnx``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import final

from offhook.speech.local_model import LocalModel
from offhook.speech.piper_voices import ENGINE, added_voices, voice_and_speaker


@final
class Piper(LocalModel):
    """Speaks with the voices that were added. A process takes 100 MiB and 70 more for each voice."""

    programs = ("piper_worker.py",)

    @property
    def name(self) -> str:
        return ENGINE

    def _models(self) -> Iterable[str]:
        return (f"{voice.name} {voice.sha256}" for voice in added_voices(self._folder))

    def _request(self, voice: str) -> Mapping[str, object]:
        name, speaker = voice_and_speaker(voice)
        return {"voice": name, "speaker": speaker}
