"""What the mix worker is asked, and what it answers."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class AudioFormat(StrEnum):
    """The formats of finished recordings; the value is the file name's extension."""

    MP3 = "mp3"
    OPUS = "opus"
    WAV = "wav"


class MixOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One recording to be mixed and encoded."""

    frames: int
    """Descriptor of the file with the frames, open for reading."""
    output: int
    """Descriptor of an empty file, open for reading and writing."""
    format: AudioFormat
    channels: int
    """1: both sides mixed; 2: leg A left."""
    key: bytes | None = None
    """The key of the frames, if they are sealed."""


class MixAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of it."""

    samples: int = 0
    """Its length, 8,000 a second."""
    complete: bool = False
    """Whether it was ended in order; else a crash cut it off."""
    problem: str = ""
    """Why there is none."""
    again: bool = False
    """Whether another try may succeed: the disk was full."""
