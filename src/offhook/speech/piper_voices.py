"""Voices of Piper that were added to this machine. Starts nothing.

A voice of Piper is a model (``en_US-joe-medium.onnx``) with a description beside it
(``en_US-joe-medium.onnx.json``): its language, its phonemes, its speakers. ``offhook voices add`` puts both
where the server looks, in the form that sherpa-onnx reads: the facts that it wants to find in the model are
appended to its file, which is protocol buffers, so that nothing in it changes.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from offhook.speech import espeak_voices
from offhook.speech.voice_index import EngineVoice

ENGINE: Final = "piper"
DESCRIPTION: Final = "voice.json"
"""Written last: a folder without it is no voice."""
MOST_OCTETS: Final = 1 << 30
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_METADATA: Final = 14
"""``metadata_props`` of ``ModelProto`` (``onnx.proto3``)."""


class NoVoice(Exception):
    """The files are no voice of Piper; the text says why."""


class AddedVoice(msgspec.Struct, frozen=True):
    """What is known of a voice."""

    name: str
    locale: str
    """As ``en-US``."""
    phonemes: str
    """The identifier of the voice of espeak-ng that gives its phonemes."""
    speakers: tuple[str, ...]
    sha256: str
    """Of its model."""


class PiperFiles(NamedTuple):
    """A voice as its makers hand it out."""

    model: Path
    facts: Mapping[str, Any]

    @classmethod
    def of(cls, model: Path) -> PiperFiles:
        """Raises :class:`NoVoice`."""
        described = Path(f"{model}.json")
        try:
            facts = json.loads(described.read_text("utf-8"))
        except OSError as error:
            raise NoVoice(f"{error.filename}: {error.strerror}") from error
        except ValueError as error:
            raise NoVoice(f"{described} is not JSON: {error}") from error
        if not isinstance(facts, dict) or facts.get("phoneme_type", "espeak") != "espeak":
            raise NoVoice(f"{described}: only voices with espeak phonemes can be spoken")
        return cls(model, facts)


def added_voices(folder: Path) -> list[AddedVoice]:
    """The voices in ``folder``, by name."""
    found = []
    for described in sorted(folder.glob(f"*/{DESCRIPTION}")):
        try:
            found.append(msgspec.json.decode(described.read_bytes(), type=AddedVoice))
        except (OSError, msgspec.DecodeError):
            continue
    return found


def installed_piper_voices(folder: Path) -> tuple[EngineVoice, ...]:
    """What profiles may map to; empty: no voice was added, or sherpa-onnx is not there."""
    if importlib.util.find_spec("sherpa_onnx") is None:
        return ()
    return tuple(
        EngineVoice(
            engine=ENGINE,
            id=f"{voice.name}#{number}",
            tags={voice.locale.lower(): number, voice.locale.lower().partition("-")[0]: number + 1},
            gender="",
            description=f"{speaker or voice.name}, {voice.locale}",
        )
        for voice in added_voices(folder)
        for number, speaker in enumerate(voice.speakers)
    )


def voice_and_speaker(voice: str) -> tuple[str, int]:
    """A voice's id taken apart."""
    name, _, speaker = voice.rpartition("#")
    return name, int(speaker)


def add_voice(model: Path, folder: Path) -> AddedVoice:
    """Put the voice ``model``, with ``model.json`` beside it, into ``folder``.

    Raises :class:`NoVoice` and :class:`OSError`.
    """
    files = PiperFiles.of(model)
    name = model.name.removesuffix(".onnx")
    if not _NAME.fullmatch(name):
        raise NoVoice(f"{name!r} is no name of a voice: letters, digits, - and _ only")
    if model.stat().st_size > MOST_OCTETS:
        raise NoVoice(f"{model} is too large")
    octets = model.read_bytes()
    try:
        voice = _described(name, files.facts, hashlib.sha256(octets).hexdigest())
        metadata = _metadata(files.facts)
        tokens = "".join(
            f"{sign} {ids[0]}\n" for sign, ids in files.facts["phoneme_id_map"].items()
        )
    except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise NoVoice(f"{model}.json does not describe a voice of Piper: {error}") from error
    fresh = folder / f".{name}-new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    (fresh / "model.onnx").write_bytes(octets + metadata)
    (fresh / "tokens.txt").write_text(tokens, "utf-8")
    (fresh / DESCRIPTION).write_bytes(msgspec.json.encode(voice))
    shutil.rmtree(folder / name, ignore_errors=True)
    fresh.replace(folder / name)
    return voice


def _described(name: str, facts: Mapping[str, Any], digest: str) -> AddedVoice:
    named = sorted(facts.get("speaker_id_map", {}).items(), key=lambda item: item[1])
    speakers = [str(speaker) for speaker, _ in named] or [""] * min(
        1000, int(facts["num_speakers"])
    )
    return AddedVoice(
        name=name,
        locale=str(facts["language"]["code"]).replace("_", "-"),
        phonemes=_of_espeak(str(facts["espeak"]["voice"])),
        speakers=tuple(speakers),
        sha256=digest,
    )


def _of_espeak(tag: str) -> str:
    """The identifier (``gmw/en-US``) of the voice of espeak-ng for ``en-us``. Raises :class:`NoVoice`."""
    there = [
        (voice.tags[tag.lower()], voice.id)
        for voice in espeak_voices.installed_voices()
        if tag.lower() in voice.tags and "+" not in voice.id
    ]
    if not there:
        raise NoVoice(f"espeak-ng, which gives its phonemes, has no voice {tag}")
    return min(there)[1]


def _metadata(facts: Mapping[str, Any]) -> bytes:
    """What sherpa-onnx asks a model for, as fields of its file."""
    known = {
        "model_type": "vits",
        "comment": "piper",
        "language": facts["language"].get("name_english", ""),
        "voice": facts["espeak"]["voice"],
        "has_espeak": 1,
        "n_speakers": facts["num_speakers"],
        "sample_rate": facts["audio"]["sample_rate"],
    }
    pairs = [
        _field(1, key.encode()) + _field(2, str(value).encode()) for key, value in known.items()
    ]
    return b"".join(_field(_METADATA, pair) for pair in pairs)


def _field(number: int, payload: bytes) -> bytes:
    """A field of protocol buffers with a length under 128."""
    return bytes([number << 3 | 2, len(payload)]) + payload
