"""Texts as phonemes of espeak-ng, for the programs whose models take them. It stands alone, as they do."""

from __future__ import annotations

import ctypes
import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import espeak_library
else:
    espeak_library = sys.modules.get("espeak_library")
    if espeak_library is None:
        _SPEC = importlib.util.spec_from_file_location(
            "espeak_library", Path(__file__).with_name("espeak_library.py")
        )
        espeak_library = importlib.util.module_from_spec(_SPEC)
        sys.modules["espeak_library"] = espeak_library
        _SPEC.loader.exec_module(espeak_library)

IPA = 0x02
IPA_WITH_TIES = IPA | 0x80 | ord("^") << 8  # "^" joins the letters of one phoneme

MARKS = re.compile(r'([;!?…—"“”()]+|[.,:]+(?=\s|$))')
"""Punctuation that the models know; a dot or comma inside a number is not."""


class Phonemes:
    """Texts in a model's spelling."""

    def __init__(self, mode: int) -> None:
        """``mode``: IPA or IPA_WITH_TIES."""
        self._mode = mode
        self._library, _ = espeak_library.load()
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._library.espeak_TextToPhonemes.argtypes = (
            *(ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int),
        )

    def of(self, text: str, voice: str, spelled: Callable[[str], str] = str) -> str | None:
        """None: espeak-ng has no such voice. Punctuation stays; ``spelled`` changes what is between it."""
        if not espeak_library.select(self._library, voice):
            return None
        parts = MARKS.split(text)
        words, marks = parts[::2], [*parts[1::2], ""]
        found = "".join(
            (" " if words_.startswith((" ", "\n")) else "") + spelled(self._clause(words_)) + mark
            for words_, mark in zip(words, marks, strict=True)
        )
        return " ".join(found.split())

    def _clause(self, words: str) -> str:
        if not words.strip():
            return ""
        left = ctypes.c_char_p(espeak_library.plain(words))
        found = []
        while left.value:
            flags = espeak_library.CHARS_UTF8
            found.append(self._library.espeak_TextToPhonemes(ctypes.byref(left), flags, self._mode))
        return re.sub(r"\([a-z-]+\)", "", b" ".join(found).decode("utf-8", "replace"))
