# ruff: noqa: RUF001 (phonemes are written in IPA)
"""Speaks texts with Kokoro-82M: a program of its own, run by its path, that imports nothing of Offhook.

The phonemes come from espeak-ng, which is GPL-3.0; this process separates it from Offhook. Its arguments
are the folder of the model (``model.onnx``, ``vocabulary.json``, ``voices/*.bin``) and the number of
threads. How it is asked is in :mod:`.worker_kit`; a request is

    {"voice": "af_heart", "phonemes": "gmw/en-US", "speed": 1.0, "text": "…"}

"phonemes" names the espeak-ng voice that gives the phonemes, or one of :mod:`.kokoro_front_ends`.

The model takes at most 510 phonemes; a longer text is spoken in utterances that are joined. It gives 24,000
samples a second.

An utterance is heard before it is made: its front (:mod:`.kokoro_graph`) decides how long every phoneme
lasts, how high and how loud, then its back makes sound of the first second, then of a longer stretch, and so
on, cut between words. What it makes depends on what is around it, so each stretch is made with an eighth of
a second of its neighbours, and faded into the next one where they fit best.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import onnxruntime
import soxr

if TYPE_CHECKING:
    from . import espeak_phonemes, kokoro_front_ends, kokoro_graph, worker_kit
else:

    def _beside(name):
        """The module in the file ``name`` of this folder, which is no package here."""
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    espeak_phonemes, worker_kit = _beside("espeak_phonemes"), _beside("worker_kit")
    kokoro_front_ends, kokoro_graph = _beside("kokoro_front_ends"), _beside("kokoro_graph")

MODEL_RATE = 24_000
MOST_PHONEMES = 510  # of the model's context; the rows of a voice
STYLE = 256  # numbers of a style vector
ENGLISH = "gmw/en-US"  # speaks words in Latin letters among others
CPU_SECONDS = 120  # for one request
PAUSE = np.zeros(MODEL_RATE // 5, np.float32)  # between two utterances of one text
FRAME = 600  # samples of a frame, 25 ms; pitch and loudness have two values for each
AROUND = 5  # frames of its neighbours that a stretch is made with
FADE = MODEL_RATE // 100  # samples of a stretch that are faded into the next one
SHIFT = MODEL_RATE // 200  # samples that the next one may be moved by, to fit
SHORTEST, LONGEST = 26, 40  # frames of the first stretch
GROWTH = 1.7  # of the longest next one: it is made while the one before plays
MOST = 72  # frames of any stretch: a text of another call waits until it is made
LEAST = 14  # frames of the last one
LEAD = 3  # frames of the silence before the first word

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
Values = np.ndarray[Any, np.dtype[np.float32]]
Frames = np.ndarray[tuple[int], np.dtype[np.int64]]
FROM_FRONT = (
    *(kokoro_graph.DURATIONS, kokoro_graph.SOUNDS),
    *(kokoro_graph.PITCH, kokoro_graph.LOUDNESS),
)


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


class KokoroUtterance(NamedTuple):
    """What the front of the model says of up to 510 phonemes; the values are its arrays, by frame."""

    style: Style
    durations: Frames
    """Frames of each phoneme, the silences before and behind them included."""
    blanks: Frames
    """Which of the phonemes are blanks between words."""
    sounds: Values
    pitch: Values
    loudness: Values

    def stretches(self) -> Iterator[tuple[int, int]]:
        """First frame and end of each stretch that is made in one go."""
        ends = np.cumsum(self.durations)
        total = int(ends[-1])
        gaps = ends[self.blanks] - self.durations[self.blanks] // 2
        start, shortest, longest = max(0, int(ends[0]) - LEAD), SHORTEST, LONGEST
        while total - start > longest + LEAST:
            near = gaps[(gaps >= start + shortest) & (gaps <= start + longest)]
            if len(near):
                end = int(near[0])
            else:
                quiet = self.loudness[0, 2 * (start + shortest) : 2 * (start + longest)]
                end = start + shortest + int(np.argmin(quiet)) // 2
            yield start, end
            longest = min(MOST, max(longest, int(GROWTH * (end - start))))
            start, shortest = end, min(MOST * 2 // 3, end - start)
        yield start, total


class KokoroSynthesis:
    """The model, loaded once; one synthesis at a time."""

    def __init__(self, folder: Path, threads: int, rate: int) -> None:
        self._rate = rate
        graph = kokoro_graph.ModelGraph((folder / "model.onnx").read_bytes())
        front = graph.part(("tokens", "style", "speed"), FROM_FRONT)
        back = graph.part((*FROM_FRONT[1:], "style"), ("audio",))
        del graph
        self._front, self._back = (_session(part, threads) for part in (front, back))
        self._vocabulary = json.loads((folder / "vocabulary.json").read_text("utf-8"))["vocab"]
        self._folder = folder
        self._voices: dict[str, Style] = {}
        self._front_ends: dict[str, Callable[[str], str]] = {}
        self._phonemes = espeak_phonemes.Phonemes(espeak_phonemes.IPA_WITH_TIES)

    def speak(self, asked: dict[str, Any]) -> Iterator[worker_kit.Samples]:
        """The text as spoken, samples of -1..1, part by part. Raises ``Failed``."""
        style = self._style(asked["voice"])
        resampler = soxr.ResampleStream(MODEL_RATE, self._rate, 1, dtype="float32")
        for tokens in self._parts(self.phonemes(asked["text"], asked["phonemes"])):
            for samples in self.utter(tokens, style, asked["speed"]):
                yield resampler.resample_chunk(samples)
            yield resampler.resample_chunk(PAUSE)

    def utter(self, tokens: list[int], style: Style, speed: float) -> Iterator[worker_kit.Samples]:
        """The sound of these phonemes, 24,000 samples a second, part by part."""
        said = self._planned(tokens, style, speed)
        before = np.zeros(0, np.float32)
        for start, end in said.stretches():
            low, high = max(0, start - AROUND), min(said.sounds.shape[2], end + AROUND)
            made = self._sound(said, low, high)
            first, behind = (start - low) * FRAME, (end - low) * FRAME
            if len(before):
                first += _shift(before, made[first - SHIFT : first + FADE + SHIFT]) - SHIFT
                made[first : first + FADE] = _faded(before, made[first : first + FADE])
            before = made[behind : behind + FADE] if high > end else before[:0]
            yield made[first:behind]

    def phonemes(self, text: str, name: str) -> str:
        """``text`` in the model's letters, perhaps with some that it does not know."""
        makers = kokoro_front_ends.FRONT_ENDS
        if name not in makers:
            return self._of_espeak(text, name)
        if name not in self._front_ends:
            self._front_ends[name] = makers[name](lambda words: self._of_espeak(words, ENGLISH))
        return self._front_ends[name](text)

    def _of_espeak(self, text: str, voice: str) -> str:
        found = self._phonemes.of(text, voice, lambda phonemes: respelled(phonemes, voice))
        if found is None:
            raise worker_kit.Failed(f"espeak-ng has no voice {voice}")
        return found

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

    def _planned(self, tokens: list[int], style: Style, speed: float) -> KokoroUtterance:
        row = style[min(len(tokens), len(style)) - 1]
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": row,
            "speed": np.array([speed], np.float32),
        }
        durations, *values = self._front.run(FROM_FRONT, inputs)
        blank = self._vocabulary.get(" ")
        return KokoroUtterance(
            row,
            np.ravel(durations).astype(np.int64),
            np.flatnonzero(inputs["tokens"][0] == blank),
            *values,
        )

    def _sound(self, said: KokoroUtterance, low: int, high: int) -> worker_kit.Samples:
        """The frames from ``low`` to ``high``."""
        inputs = {
            kokoro_graph.SOUNDS: said.sounds[:, :, low:high],
            kokoro_graph.PITCH: said.pitch[:, 2 * low : 2 * high],
            kokoro_graph.LOUDNESS: said.loudness[:, 2 * low : 2 * high],
            "style": said.style,
        }
        samples: worker_kit.Samples = np.ravel(self._back.run(None, inputs)[0])
        return samples


def _session(model: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _shift(before: worker_kit.Samples, near: worker_kit.Samples) -> int:
    """Where in ``near`` the sound goes on most like ``before``: 0 to twice SHIFT."""
    likeness = np.correlate(near, before, "valid")
    energy = np.convolve(np.square(near), np.ones(len(before), np.float32), "valid")
    return int(np.argmax(likeness / np.sqrt(energy + 1e-6)))


def _faded(before: worker_kit.Samples, behind: worker_kit.Samples) -> worker_kit.Samples:
    ramp = np.linspace(0, 1, len(before), dtype=np.float32)
    return before * (1 - ramp) + behind * ramp


def load(rate: int) -> worker_kit.Speak:
    """The model, by the program's arguments."""
    return worker_kit.asked(KokoroSynthesis(Path(sys.argv[1]), int(sys.argv[2]), rate).speak)


if __name__ == "__main__":
    worker_kit.serve(load, cpu_seconds=CPU_SECONDS)
