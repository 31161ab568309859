# ruff: noqa: RUF001 (phonemes are written in IPA)
"""Speaks texts with Kokoro-82M: a program of its own, run by its path, that imports nothing of Offhook.

The phonemes come from espeak-ng, which is GPL-3.0; this process separates it from Offhook. Its arguments
are the folder of the model (``model.onnx``, ``vocabulary.json``, ``voices/*.bin``) and the number of
threads. How it is asked is in :mod:`.worker_kit`; a request is

    {"voice": "af_heart", "phonemes": "gmw/en-US", "speed": 1.0, "text": "…"}

"phonemes" names the espeak-ng voice that gives the phonemes, or one of :mod:`.kokoro_front_ends`.

The model takes at most 510 phonemes; a longer text is spoken in parts that are joined. It gives 24,000
samples a second.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import soxr

if TYPE_CHECKING:
    from . import espeak_library, kokoro_front_ends, worker_kit
else:

    def _beside(name):
        """The module in the file ``name`` of this folder, which is no package here."""
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    espeak_library, worker_kit = _beside("espeak_library"), _beside("worker_kit")
    kokoro_front_ends = _beside("kokoro_front_ends")

MODEL_RATE = 24_000
MOST_PHONEMES = 510  # of the model's context; the rows of a voice
STYLE = 256  # numbers of a style vector
ENGLISH = "gmw/en-US"  # speaks words in Latin letters among others
CPU_SECONDS = 120  # for one request
IPA_WITH_TIES = 0x02 | 0x80 | ord("^") << 8  # phonemes in IPA, "^" joins the letters of one
PAUSE = np.zeros(MODEL_RATE // 5, np.float32)  # between two parts of one text

MARKS = re.compile(r'([;!?…—"“”()]+|[.,:]+(?=\s|$))')
"""Punctuation that the model knows; a dot or comma inside a number is not."""

FROM_ENGLISH = sorted(
    {
        "ʔˌn̩": "ʔn",
        "ʔn̩": "ʔn",
        "a^ɪ": "I",
        "a^ʊ": "W",
        "d^ʒ": "ʤ",
        "e^ɪ": "A",
        "t^ʃ": "ʧ",
        "ɔ^ɪ": "Y",
        "ə^l": "ᵊl",
        "ʲo": "jo",
        "ʲə": "jə",
        "ʲ": "",
        "ɚ": "əɹ",
        "r": "ɹ",
        "x": "k",
        "ç": "k",
        "ɐ": "ə",
        "ɬ": "l",
        "̃": "",
    }.items(),
    key=lambda pair: -len(pair[0]),
)
BRITISH = [("e^ə", "ɛː"), ("iə", "ɪə"), ("ə^ʊ", "Q")]
AMERICAN = [("o^ʊ", "O"), ("ɜːɹ", "ɜɹ"), ("ɜː", "ɜɹ"), ("ɪə", "iə"), ("ː", "")]
OTHERS = [
    *(("a^ɪ", "I"), ("a^ʊ", "W"), ("d^z", "ʣ"), ("d^ʒ", "ʤ"), ("e^ɪ", "A"), ("o^ʊ", "O")),
    *(("ə^ʊ", "Q"), ("s^s", "S"), ("t^s", "ʦ"), ("t^ʃ", "ʧ"), ("ɔ^ɪ", "Y")),
]
"""espeak-ng's phonemes as the model was trained on them (misaki's ``espeak.py``, Apache-2.0)."""


Style = np.ndarray[tuple[int, int, int], np.dtype[np.float32]]
"""A vector for each number of phonemes."""


class Phonemes:
    """Texts as phonemes of espeak-ng, in the model's spelling."""

    def __init__(self) -> None:
        self._library, _ = espeak_library.load()
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._library.espeak_TextToPhonemes.argtypes = (
            *(ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int),
        )

    def of(self, text: str, voice: str) -> str:
        """Raises ``Failed``."""
        if not espeak_library.select(self._library, voice):
            raise worker_kit.Failed(f"espeak-ng has no voice {voice}")
        parts = MARKS.split(text)
        words, marks = parts[::2], [*parts[1::2], ""]
        spelled = "".join(
            (" " if words_.startswith((" ", "\n")) else "")
            + respelled(self._clause(words_), voice)
            + mark
            for words_, mark in zip(words, marks, strict=True)
        )
        return " ".join(spelled.split())

    def _clause(self, words: str) -> str:
        if not words.strip():
            return ""
        left = ctypes.c_char_p(espeak_library.plain(words))
        found = []
        while left.value:
            flags = espeak_library.CHARS_UTF8
            found.append(
                self._library.espeak_TextToPhonemes(ctypes.byref(left), flags, IPA_WITH_TIES)
            )
        return re.sub(r"\([a-z-]+\)", "", b" ".join(found).decode("utf-8", "replace"))


def respelled(phonemes: str, voice: str) -> str:
    """espeak-ng's phonemes in the model's spelling; without its marks of a change of language."""
    if not voice.startswith("gmw/en"):
        for old, new in OTHERS:
            phonemes = phonemes.replace(old, new)
        return phonemes.replace("^", "").replace("-", "")
    for old, new in [*FROM_ENGLISH, *(AMERICAN if voice.startswith("gmw/en-US") else BRITISH)]:
        phonemes = phonemes.replace(old, new)
    phonemes = re.sub("(\\S)\u0329", "ᵊ\\1", phonemes).replace("\u0329", "")
    phonemes = phonemes.replace("o", "ɔ").replace("ɾ", "T").replace("ʔ", "t")
    return phonemes.replace("^", "")


class KokoroSynthesis:
    """The model, loaded once; one synthesis at a time."""

    def __init__(self, folder: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._vocabulary = json.loads((folder / "vocabulary.json").read_text("utf-8"))["vocab"]
        self._folder = folder
        self._voices: dict[str, Style] = {}
        self._front_ends: dict[str, Callable[[str], str]] = {}
        self._phonemes = Phonemes()

    def speak(self, asked: dict[str, Any]) -> worker_kit.Samples:
        """The text as spoken, 8,000 samples a second of -1..1. Raises ``Failed``."""
        style = self._style(asked["voice"])
        parts: list[worker_kit.Samples] = []
        for tokens in self._parts(self.phonemes(asked["text"], asked["phonemes"])):
            parts += [self._infer(tokens, style, asked["speed"]), PAUSE]
        if not parts:
            return np.zeros(0, np.float32)
        resampled: worker_kit.Samples
        resampled = soxr.resample(np.concatenate(parts), MODEL_RATE, worker_kit.RATE)
        return resampled

    def phonemes(self, text: str, name: str) -> str:
        """``text`` in the model's letters, perhaps with some that it does not know."""
        makers = kokoro_front_ends.FRONT_ENDS
        if name not in makers:
            return self._phonemes.of(text, name)
        if name not in self._front_ends:
            self._front_ends[name] = makers[name](lambda words: self._phonemes.of(words, ENGLISH))
        return self._front_ends[name](text)

    def _style(self, voice: str) -> Style:
        if voice not in self._voices:
            file = self._folder / "voices" / f"{voice}.bin"
            if not voice.isidentifier() or not file.exists():
                raise worker_kit.Failed(f"Kokoro has no voice {voice}")
            self._voices[voice] = np.fromfile(file, np.float32).reshape(-1, 1, STYLE)
        return self._voices[voice]

    def _parts(self, phonemes: str) -> Iterator[list[int]]:
        """The tokens of parts that fit the model, cut behind punctuation, else at blanks."""
        known = "".join(letter for letter in phonemes if letter in self._vocabulary)
        while known := known.strip():
            end = len(known)
            if end > MOST_PHONEMES:
                cut = known[:MOST_PHONEMES]
                end = max((cut.rfind(mark) + 1 for mark in ".!?"), default=0) or (
                    cut.rfind(" ") + 1 or MOST_PHONEMES
                )
            if any(letter.isalpha() for letter in known[:end]):
                yield [self._vocabulary[letter] for letter in known[:end]]
            known = known[end:]

    def _infer(self, tokens: list[int], style: Style, speed: float) -> worker_kit.Samples:
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": style[min(len(tokens), len(style)) - 1],
            "speed": np.array([speed], np.float32),
        }
        samples: worker_kit.Samples = np.ravel(self._session.run(None, inputs)[0])
        return samples


def load() -> worker_kit.Speak:
    """The model, by the program's arguments."""
    return worker_kit.asked(KokoroSynthesis(Path(sys.argv[1]), int(sys.argv[2])).speak)


if __name__ == "__main__":
    worker_kit.serve(load, cpu_seconds=CPU_SECONDS)
