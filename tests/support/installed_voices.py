"""The natural voice as tests find it: installed by ``make .venv/.voices``."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from offhook.config import Voices
from offhook.speech.kokoro_voices import ENGINE
from offhook.speech.voice_folder import manifest

FOLDER = Path(__file__).parents[2] / ".venv" / "voices"


def with_kokoro() -> Voices:
    """Settings with which Kokoro speaks; skips the test where it is not installed."""
    if not manifest(FOLDER / ENGINE) or importlib.util.find_spec("onnxruntime") is None:
        pytest.skip("Kokoro is not installed: make .venv/.voices")
    return Voices(folder=str(FOLDER))
