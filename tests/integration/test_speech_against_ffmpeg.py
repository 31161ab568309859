"""Whatever ffmpeg plays as wav or mp3 is played whole: durations side by side."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.support import audio_files

from offhook.speech.decode_worker import Telephone, UnusableFile, decode

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is the judge")

TOLERANCE = 0.11
"""Seconds: encoder delay that ffmpeg plays and we cut at a seam, or a frame without its reservoir."""
LONGER = {"two-data-chunks.wav": 2.0, "frame-damaged.mp3": 2.04}
"""Files of which ffmpeg plays only the beginning."""
EARLY = {"truncated.wav"}
"""Files that promise more than they hold."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return audio_files.make_all(tmp_path_factory.mktemp("audio"))


def heard(data: bytes) -> tuple[float, str]:
    sound, remark = decode(data)
    assert len(sound.alaw) == len(sound.ulaw)
    return len(sound.ulaw) / 8000, remark


def test_every_file_plays_as_long_as_in_ffmpeg(files: list[Path]) -> None:
    assert len(files) >= 60
    different = {}
    for path in files:
        theirs = LONGER.get(path.name) or audio_files.played_by_ffmpeg(path)
        try:
            ours, remark = heard(path.read_bytes())
        except UnusableFile as error:
            different[path.name] = f"ffmpeg {theirs:.3f} s, we: {error}"
            continue
        if abs(ours - theirs) > TOLERANCE:
            different[path.name] = f"ffmpeg {theirs:.3f} s, we {ours:.3f} s"
        elif bool(remark) is not (path.name in EARLY):
            different[path.name] = f"remark: {remark!r}"
    assert different == {}


@pytest.mark.parametrize("name", ["vbr.mp3", "speech-vbr.mp3", "mpeg1.mp3"])
def test_an_mp3_that_ends_early_says_so(files: list[Path], name: str) -> None:
    data = next(path for path in files if path.name == name).read_bytes()
    whole, nothing = heard(data)
    assert nothing == ""
    part, remark = heard(data[: len(data) // 2])
    assert part < 0.7 * whole
    assert remark == f"the file ends early: {part:.1f} of {whole:.1f} s are there" or "of" in remark


@pytest.mark.parametrize(
    ("seconds", "plays"), [(599.9, True), (600.0, True), (600.5, False), (700, False)]
)
@pytest.mark.parametrize("options", ["-b:a 8k -ar 8000", "-c:a pcm_mulaw -ar 8000 -f wav"])
def test_ten_minutes_are_played_and_no_more(
    tmp_path: Path, seconds: float, plays: bool, options: str
) -> None:
    path = tmp_path / "long.mp3"
    audio_files.ffmpeg("-f", "lavfi", "-i", f"sine=d={seconds}:r=8000", *options.split(), path)
    if plays:
        assert heard(path.read_bytes())[0] == pytest.approx(seconds, abs=0.1)
    else:
        with pytest.raises(UnusableFile, match="longer than 600 s"):
            decode(path.read_bytes())


@pytest.mark.parametrize(
    "suffix", ["flac", "ogg", "m4a", "aiff", "w64", "caf", "au", "mka", "webm"]
)
def test_what_is_neither_wav_nor_mp3_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"file.{suffix}"
    codec = ["-c:a", "libopus", "-ar", "48000"] if suffix == "webm" else []
    audio_files.ffmpeg("-f", "lavfi", "-i", "sine=d=2:r=44100", *codec, path)
    with pytest.raises(UnusableFile, match="not a wav or mp3 file"):
        decode(path.read_bytes())


def test_blocks_past_the_limit_stop_the_decoding() -> None:
    """What a file claims of its length is not needed to stop it."""
    import numpy as np

    def endless() -> object:
        while True:
            yield np.zeros(8000, np.float32)

    with pytest.raises(UnusableFile, match="longer than 600 s"):
        Telephone().take(8000, endless())  # type: ignore[arg-type]
