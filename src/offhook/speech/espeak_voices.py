"""Which voices espeak-ng has, read from its data files.

The library itself is GPL and never loaded into our processes; its voice files are plain text, and
the API process, which speaks nothing, needs to know the languages too.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path

from offhook.speech.voices import EngineVoice

ENGINE = "espeak-ng"
_PACKAGE = "espeakng_loader"
_DEFAULT_PRIORITY = 5
"""Of a ``language`` line without one (espeak-ng ``docs/voices.md``)."""
_FEMALE_VARIANT = "+f2"
"""What the engine itself picks when asked for a woman; every language's plain voice is male."""
_NOT_LANGUAGES = frozenset({"art"})
"""Families of constructed languages and of tests."""


def data_folder() -> Path | None:
    """Where the engine's data is; None: the engine is not installed."""
    spec = importlib.util.find_spec(_PACKAGE)
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place) / "espeak-ng-data"
        if folder.is_dir():
            return folder
    return None


def installed_voices() -> tuple[EngineVoice, ...]:
    """Every voice of the installed engine, a male and a female one per file; empty: no engine.

    A few files name languages that the package brings no dictionary for: those are mute.
    """
    data = data_folder()
    if data is None:
        return ()
    root = data / "lang"
    voices: list[EngineVoice] = []
    for path in sorted(file for file in root.rglob("*") if file.is_file()):
        identifier = path.relative_to(root).as_posix()
        if identifier.split("/")[0] not in _NOT_LANGUAGES:
            found = _voices_of(identifier, path.read_text("utf-8").splitlines())
            voices += [voice for voice in found if (data / f"{_dictionary(voice)}_dict").exists()]
    return tuple(voices)


def _voices_of(identifier: str, lines: Iterable[str]) -> list[EngineVoice]:
    """The voices of one file: ``name English (America)``, ``language en-us 2``."""
    tags: dict[str, int] = {}
    description = identifier
    for line in lines:
        match line.split("//")[0].split():
            case ["name", *words]:
                description = " ".join(words)
            case ["language", tag]:
                tags.setdefault(tag.lower(), _DEFAULT_PRIORITY)
            case ["language", tag, priority, *_]:
                tags.setdefault(tag.lower(), int(priority))
    if not tags:
        return []
    return [
        EngineVoice(
            engine=ENGINE,
            id=identifier + variant,
            tags=tags,
            gender=gender,
            description=description,
        )
        for gender, variant in (("M", ""), ("F", _FEMALE_VARIANT))
    ]


def _dictionary(voice: EngineVoice) -> str:
    """The name of the voice's dictionary: the language its file names first."""
    return next(iter(voice.tags)).partition("-")[0]
