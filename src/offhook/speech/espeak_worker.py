"""Speaks texts with espeak-ng: a program of its own, run by its path, that imports nothing of Offhook.

espeak-ng is GPL-3.0; this process separates it from Offhook. How it is asked is in
:mod:`.worker_kit`; a request is

    {"voice": "gmw/en-US+f2", "rate": 175, "text": "…"}

"rate" is in words a minute.
"""

from __future__ import annotations

import ctypes
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soxr

if TYPE_CHECKING:
    from . import espeak_library, worker_kit
else:

    def _beside(name):
        """The module in the file ``name`` of this folder, which is no package here."""
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    espeak_library, worker_kit = _beside("espeak_library"), _beside("worker_kit")

LONGEST = 1800  # seconds of speech in one answer
POS_CHARACTER = 1
PARAMETER_RATE = 1
CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class EspeakSynthesis:
    """The library, loaded once; one synthesis at a time."""

    def __init__(self, rate: int) -> None:
        self._target = rate
        self._library, self._rate = espeak_library.load()
        self._library.espeak_Synth.argtypes = (
            *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int),
            *(ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p),
        )
        self._callback = CALLBACK(self._take)
        self._library.espeak_SetSynthCallback(self._callback)
        self._begin()

    def _begin(self) -> None:
        self._resampler = soxr.ResampleStream(self._rate, self._target, 1, dtype="float32")
        self._pieces: list[worker_kit.Samples] = []
        self._length = 0

    def speak(self, asked: dict[str, Any]) -> worker_kit.Samples:
        """The text as spoken, samples of -1..1. Raises ``Failed``."""
        voice = asked["voice"]
        if not espeak_library.select(self._library, voice):
            raise worker_kit.Failed(f"espeak-ng has no voice {voice}")
        self._library.espeak_SetParameter(PARAMETER_RATE, asked["rate"], 0)
        self._begin()
        text = espeak_library.plain(asked["text"])
        flags = espeak_library.CHARS_UTF8
        if self._library.espeak_Synth(text, len(text), 0, POS_CHARACTER, 0, flags, None, None):
            raise worker_kit.Failed("espeak-ng refused the text")
        if self._length > LONGEST * self._target:
            raise worker_kit.Failed(f"the text takes longer than {LONGEST} s to speak")
        self._keep(np.zeros(0, np.float32), last=True)
        return np.concatenate(self._pieces)

    def _take(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _: int | None) -> int:
        """``t_espeak_callback``: anything but 0 stops the synthesis."""
        if count > 0:
            raw = ctypes.string_at(samples, count * 2)
            self._keep(np.frombuffer(raw, "<i2").astype(np.float32) / np.float32(32768))
        return int(self._length > LONGEST * self._target)

    def _keep(self, samples: worker_kit.Samples, *, last: bool = False) -> None:
        piece = self._resampler.resample_chunk(samples, last=last)
        self._pieces.append(piece)
        self._length += len(piece)


if __name__ == "__main__":
    worker_kit.serve(lambda rate: worker_kit.asked(EspeakSynthesis(rate).speak))
