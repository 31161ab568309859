"""Speaks texts with voices of Piper: a program of its own, run by its path, that imports nothing of Offhook.

The phonemes come from espeak-ng, which is GPL-3.0; this process separates it from Offhook. Its arguments
are the folder of the voices (each with ``model.onnx``, ``tokens.txt``, ``voice.json``) and the number of
threads. How it is asked is in :mod:`.worker_kit`; a request is

    {"voice": "en_US-joe-medium", "speaker": 0, "speed": 1.0, "text": "…"}
"""

from __future__ import annotations

import importlib.util
import json
import sys
import unicodedata
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import sherpa_onnx
import soxr

if TYPE_CHECKING:
    from . import espeak_phonemes, worker_kit
else:

    def _beside(name):
        """The module in the file ``name`` of this folder, which is no package here."""
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    espeak_phonemes, worker_kit = _beside("espeak_phonemes"), _beside("worker_kit")

MOST_MODELS = 4  # in memory; the one that was used least recently goes
CPU_SECONDS = 120  # for one request


class PiperSynthesis:
    """The models, each loaded when it is first needed; one synthesis at a time."""

    def __init__(self, folder: Path, threads: int, rate: int) -> None:
        self._rate = rate
        self._folder = folder
        self._threads = threads
        self._models: OrderedDict[str, Any] = OrderedDict()
        self._espeak: dict[str, str] = {}
        self._phonemes = espeak_phonemes.Phonemes(espeak_phonemes.IPA)

    def speak(self, asked: dict[str, Any]) -> worker_kit.Samples:
        """The text as spoken, samples of -1..1. Raises ``Failed``."""
        model = self._model(asked["voice"])
        phonemes = self._phonemes.of(asked["text"], self._espeak[asked["voice"]])
        if phonemes is None:
            raise worker_kit.Failed(f"espeak-ng has no voice {self._espeak[asked['voice']]}")
        if not any(letter.isalpha() for letter in phonemes):
            return np.zeros(0, np.float32)
        wanted = sherpa_onnx.GenerationConfig()
        wanted.sid, wanted.speed = asked["speaker"], asked["speed"]
        wanted.phoneme_codepoints = [[ord(c) for c in unicodedata.normalize("NFD", phonemes)]]
        made = model.generate(asked["text"], wanted)
        samples: worker_kit.Samples = np.array(made.samples, np.float32)
        if not len(samples):
            raise worker_kit.Failed("the model made no sound")
        resampled: worker_kit.Samples = soxr.resample(samples, made.sample_rate, self._rate)
        return resampled

    def _model(self, voice: str) -> Any:
        if voice not in self._models:
            folder = self._folder / voice
            if "/" in voice or voice.startswith(".") or not (folder / "voice.json").exists():
                raise worker_kit.Failed(f"Piper has no voice {voice}")
            self._espeak[voice] = json.loads((folder / "voice.json").read_text("utf-8"))["phonemes"]
            self._models[voice] = _loaded(folder, self._threads)
            if len(self._models) > MOST_MODELS:
                self._models.popitem(last=False)
        self._models.move_to_end(voice)
        return self._models[voice]


def _loaded(folder: Path, threads: int) -> Any:
    vits = sherpa_onnx.OfflineTtsVitsModelConfig(
        model=str(folder / "model.onnx"), lexicon="", tokens=str(folder / "tokens.txt")
    )
    model = sherpa_onnx.OfflineTtsModelConfig(vits=vits, num_threads=threads)
    return sherpa_onnx.OfflineTts(sherpa_onnx.OfflineTtsConfig(model=model))


def load(rate: int) -> worker_kit.Speak:
    """The models, by the program's arguments."""
    return worker_kit.asked(PiperSynthesis(Path(sys.argv[1]), int(sys.argv[2]), rate).speak)


if __name__ == "__main__":
    worker_kit.serve(load, cpu_seconds=CPU_SECONDS)
