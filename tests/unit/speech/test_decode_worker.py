"""Strangers' audio files: what is decoded and how well, and what is refused."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from tests.support.examples import examples

from offhook.media import g711
from offhook.negotiated import Codec
from offhook.speech import decode_worker
from offhook.speech.decode_worker import UnusableFile, decode

LEVEL = 0.5 / 2**0.5


def sine(
    rate: int = 44_100,
    channels: int = 1,
    *,
    seconds: float = 1.0,
    format_: str = "WAV",
    subtype: str | None = None,
    hertz: float = 1000,
) -> bytes:
    at = np.arange(int(rate * seconds)) / rate
    wave = np.repeat((0.5 * np.sin(2 * np.pi * hertz * at))[:, None], channels, axis=1)
    out = io.BytesIO()
    soundfile.write(out, wave, rate, format=format_, subtype=subtype)
    return out.getvalue()


def wav(
    data: bytes = b"\0" * 100,
    *,
    rate: int = 8000,
    channels: int = 1,
    bits: int = 16,
    encoding: int = 1,
    claimed: int | None = None,
) -> bytes:
    """A wav file by hand, its header saying whatever the test wants."""
    size = len(data) if claimed is None else claimed
    octets = rate * channels * bits // 8 & 0xFFFFFFFF
    fields = struct.pack(
        "<HHIIHH", encoding, channels, rate, octets, channels * bits // 8 & 0xFFFF, bits
    )
    head = b"RIFF" + struct.pack("<I", 36 + size & 0xFFFFFFFF) + b"WAVEfmt \x10\0\0\0"
    return head + fields + b"data" + struct.pack("<I", size) + data


def heard(data: bytes) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    samples: np.ndarray[tuple[int], np.dtype[np.float64]]
    samples = g711.levels(Codec.PCMU, decode(data)[0].ulaw).astype(np.float64) / 32768
    return samples


def loudness(samples: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_any_rate_and_channel_count_keeps_length_pitch_and_level(rate: int, channels: int) -> None:
    samples = heard(sine(rate, channels))
    assert len(samples) == pytest.approx(8000, abs=2)
    assert loudness(samples) == pytest.approx(LEVEL, rel=0.02)
    assert np.argmax(np.abs(np.fft.rfft(samples))) == pytest.approx(1000, abs=2)


@pytest.mark.parametrize(
    "subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"]
)
def test_the_usual_encodings_of_wav(subtype: str) -> None:
    assert loudness(heard(sine(subtype=subtype))) == pytest.approx(LEVEL, rel=0.02)


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_an_mp3_is_even_from_front_to_back(rate: int, channels: int) -> None:
    samples = heard(sine(rate, channels, seconds=3, format_="MP3"))
    assert len(samples) == pytest.approx(24_000, abs=2)
    parts = [loudness(part) for part in np.split(samples[400:23_600], 58)]
    assert min(parts) > 0.9 * LEVEL
    assert max(parts) < 1.1 * LEVEL


def test_what_8_khz_cannot_carry_is_filtered_not_folded() -> None:
    for rate, hertz in ((48_000, 7000), (44_100, 4300), (16_000, 5000)):
        steady = heard(sine(rate, hertz=hertz))[200:-200]
        assert loudness(steady) < 0.001


def test_channels_are_mixed_not_dropped() -> None:
    at = np.arange(8000) / 8000
    left = 0.5 * np.sin(2 * np.pi * 500 * at)
    right = 0.5 * np.sin(2 * np.pi * 1500 * at)
    out = io.BytesIO()
    soundfile.write(out, np.stack([left, right], axis=1), 8000, format="WAV")
    spectrum = np.abs(np.fft.rfft(heard(out.getvalue())))
    assert spectrum[500] == pytest.approx(spectrum[1500], rel=0.03)
    assert spectrum[500] == pytest.approx(1000, rel=0.03)


def test_the_content_decides_not_a_truncated_end() -> None:
    whole = sine(seconds=2)
    assert len(heard(whole[: len(whole) // 2])) == pytest.approx(8000, abs=50)
    mp3 = sine(seconds=2, format_="MP3")
    assert len(heard(mp3 + b"junk" * 1000)) == pytest.approx(16_000, abs=2)
    assert len(heard(wav(b"\1\0" * 800, claimed=0xFFFFFFF0))) == 800


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 1e30, -1e30], ids=str)
def test_samples_that_are_no_numbers_are_clipped(value: float) -> None:
    assert len(heard(wav(struct.pack("<f", value) * 1000, encoding=3, bits=32))) == 1000


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 1000,
        b"<html>404</html>",
        b"RIFF",
        b"RIFF\xff\xff\xff\xffWAVE",
        sine()[:20],
        sine()[:44],
        wav(b""),
        wav(channels=0),
        wav(channels=65_535),
        wav(channels=65, data=b"\0" * 1300),
        wav(rate=0),
        wav(rate=1),
        wav(rate=999),
        wav(rate=1_000_000_000),
        wav(rate=0xFFFFFFFF),
        wav(bits=64),
        wav(encoding=0x9999),
        b"\xff\xfb\x90\x64" * 100_000,
        b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + b"\0" * 1000,
        sine(format_="FLAC"),
        sine(format_="OGG"),
        sine(format_="AIFF"),
        sine(format_="AU"),
        sine(format_="CAF"),
    ],
)
def test_everything_else_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(UnusableFile) as caught:
        decode(data)
    assert str(caught.value).isprintable()


def test_a_small_file_that_plays_for_hours_is_refused() -> None:
    silent = sine(8000, seconds=20, format_="MP3", hertz=0)
    frames = silent[silent.index(b"\xff\xe3", 100) :]  # without the first, which tells the length
    bomb = frames * 120
    assert len(bomb) < 5120 * 1024
    with pytest.raises(UnusableFile, match="longer than 600 s"):
        decode(bomb)


def test_a_sparse_wav_that_plays_for_hours_is_refused() -> None:
    with pytest.raises(UnusableFile, match="longer than 600 s"):
        decode(wav(b"\x80" * 2_000_000, rate=1000, bits=8))


VALID = [sine(8000, seconds=0.1), sine(44_100, 2, seconds=0.1), sine(seconds=0.2, format_="MP3")]


@examples(150)
@given(
    st.sampled_from(VALID),
    st.lists(st.tuples(st.integers(0, 199), st.integers(0, 255)), max_size=8),
    st.integers(0, 20_000),
)
def test_damaged_files_are_decoded_or_refused(
    file: bytes, changes: list[tuple[int, int]], length: int
) -> None:
    damaged = bytearray(file)
    for place, value in changes:
        damaged[place] = value
    try:
        sound, _ = decode(bytes(damaged[:length]))
    except UnusableFile:
        return
    assert 0 < len(sound.ulaw) == len(sound.alaw) <= decode_worker.LONGEST * 8000
