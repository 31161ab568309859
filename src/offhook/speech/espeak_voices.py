"""Which voices espeak-ng has, read from its data files.

The library itself is GPL and never loaded into our processes; its voice files are plain text, and the API
process, which does not speak, needs the languages too.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from offhook.speech.voice_index import EngineVoice

ENGINE = "espeak-ng"
_PACKAGE = "espeakng_loader"
_DEFAULT_PRIORITY = 5
"""Of a ``language`` line without one (espeak-ng ``docs/voices.md``)."""
_FEMALE_VARIANT = "+f2"
"""The variant that the engine selects for a female voice; every language's plain voice is male."""
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
        file = _read(path.read_text("utf-8").splitlines())
        if file is None or identifier.split("/")[0] in _NOT_LANGUAGES:
            continue
        if (data / f"{file.dictionary}_dict").exists():
            voices += _voices_of(identifier, file)
    return tuple(voices)


class _VoiceFile(NamedTuple):
    """The lines of a voice file that are used here."""

    name: str
    tags: dict[str, int]
    dictionary: str


def _read(lines: Iterable[str]) -> _VoiceFile | None:
    """A voice file: ``name English (America)``, ``language en-us 2``, ``dictionary en``."""
    tags: dict[str, int] = {}
    name = dictionary = ""
    for line in lines:
        match line.split("//")[0].split():
            case ["name", *words]:
                name = " ".join(words)
            case ["language", tag]:
                tags.setdefault(tag.lower(), _DEFAULT_PRIORITY)
            case ["language", tag, priority, *_]:
                tags.setdefault(tag.lower(), int(priority))
            case ["dictionary", dictionary]:
                pass
    if not tags:
        return None
    return _VoiceFile(name, tags, dictionary or next(iter(tags)).partition("-")[0])


def _voices_of(identifier: str, file: _VoiceFile) -> list[EngineVoice]:
    return [
        EngineVoice(
            engine=ENGINE,
            id=identifier + variant,
            tags=file.tags,
            gender=gender,
            description=file.name,
        )
        for gender, variant in (("M", ""), ("F", _FEMALE_VARIANT))
    ]
