"""In-band keys: what must be heard, and all that must not (ITU-T Q.24 figures)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from offhook.media import g711
from offhook.media.tones import HIGH, LOW, InbandDigits, ToneDetector
from offhook.negotiated import Codec

Signal = npt.NDArray[np.float64]
DIGITS = "123A456B789C*0#D"
FULL_SCALE = 22300.0
"""Peak of a sine at 0 dBm0."""


def silence(seconds: float) -> Signal:
    return np.zeros(round(8000 * seconds))


def tone(
    key: str,
    seconds: float,
    *,
    level: float = -10,
    twist: float = 0,
    deviation: float = 0,
    phase: float = 0.7,
) -> Signal:
    """``level`` of the low tone in dBm0, ``twist`` of the high one against it in dB."""
    index = DIGITS.index(key)
    time = np.arange(round(8000 * seconds)) / 8000
    amplitude = FULL_SCALE * 10 ** (level / 20)
    low = np.sin(2 * np.pi * LOW[index // 4] * (1 + deviation) * time + phase)
    high = np.sin(2 * np.pi * HIGH[index % 4] * (1 + deviation) * time + 2 * phase)
    return np.asarray(amplitude * (low + 10 ** (twist / 20) * high))


def samples(*parts: Signal) -> bytes:
    whole = np.concatenate(parts)
    return bytes(np.clip(np.round(whole), -32768, 32767).astype("<i2").tobytes())


def heard(*parts: Signal, piece: int = 160) -> str:
    whole = np.frombuffer(samples(*parts), "<i2").astype(np.float32)
    detector = ToneDetector()
    return "".join(detector.feed(whole[i : i + piece]) for i in range(0, len(whole), piece))


def pressed(key: str, seconds: float = 0.04, **how: float) -> list[Signal]:
    """A key between silences, beginning anywhere in a packet."""
    offset = silence(0.03 + 0.0017 * DIGITS.index(key))
    return [offset, tone(key, seconds, **how), silence(0.1)]


@pytest.mark.parametrize("key", DIGITS)
def test_every_key_of_40_ms_is_heard(key: str) -> None:
    assert heard(*pressed(key)) == key


@pytest.mark.parametrize("key", DIGITS)
@pytest.mark.parametrize(
    "how",
    [
        {"level": 0},
        {"level": -25},
        {"twist": 4},
        {"twist": -8},
        {"deviation": 0.015},
        {"deviation": -0.015},
    ],
    ids=str,
)
def test_what_the_line_may_do_to_a_key(key: str, how: dict[str, float]) -> None:
    assert heard(*pressed(key, **how)) == key


@pytest.mark.parametrize("key", DIGITS)
@pytest.mark.parametrize("how", [{}, {"twist": 4}, {"twist": -8}, {"deviation": 0.015}], ids=str)
def test_keys_are_heard_15_db_above_noise(key: str, how: dict[str, float]) -> None:
    parts = np.concatenate(pressed(key, 0.05, **how))
    power = float((tone(key, 1, **how) ** 2).mean())
    noise = np.random.default_rng(DIGITS.index(key)).normal(0, 1, len(parts))
    assert heard(parts + noise * np.sqrt(power / 10**1.5)) == key


@pytest.mark.parametrize("key", DIGITS)
@pytest.mark.parametrize(
    ("seconds", "how"),
    [
        (0.5, {"deviation": 0.035}),
        (0.5, {"deviation": -0.035}),
        (0.5, {"twist": 8}),
        (0.5, {"twist": -12}),
        (0.5, {"level": -45}),
        (0.02, {}),
    ],
    ids=str,
)
def test_what_is_too_far_off_is_no_key(key: str, seconds: float, how: dict[str, float]) -> None:
    assert heard(*pressed(key, seconds, **how)) == ""


def test_a_pause_of_50_ms_parts_two_presses() -> None:
    assert heard(tone("5", 0.04), silence(0.05), tone("5", 0.04), silence(0.1)) == "55"


@pytest.mark.parametrize("gap", [0.005, 0.010, 0.020])
def test_a_short_interruption_does_not(gap: float) -> None:
    assert heard(tone("5", 0.1), silence(gap), tone("5", 0.1), silence(0.1)) == "5"


def test_a_long_press_counts_once() -> None:
    assert heard(tone("#", 5.0), silence(0.1)) == "#"


def test_keys_without_a_pause_are_told_apart() -> None:
    assert heard(tone("1", 0.08), tone("2", 0.08), tone("A", 0.08), silence(0.1)) == "12A"


@pytest.mark.parametrize("piece", [1, 7, 80, 160, 240, 8000])
def test_the_size_of_the_pieces_does_not_matter(piece: int) -> None:
    parts = [part for key in "19*D" for part in pressed(key, 0.05)]
    assert heard(*parts, piece=piece) == "19*D"


@pytest.mark.parametrize("frequency", [*LOW, *HIGH, 350, 425, 440, 1000, 2100])
def test_one_tone_alone_is_no_key(frequency: float) -> None:
    time = np.arange(8000) / 8000
    assert heard(10000 * np.sin(2 * np.pi * frequency * time)) == ""


@pytest.mark.parametrize("seed", range(3))
def test_music_is_no_key(seed: int) -> None:
    """Chords of notes with harmonics, 60 s."""
    random = np.random.default_rng(seed)
    music = silence(60)
    time = np.arange(4000, dtype=np.float32) / 8000
    for begin in range(0, len(music) - 4000, 2000):
        for _ in range(random.integers(1, 5)):
            note = 110 * 2 ** (int(random.integers(0, 48)) / 12)
            for harmonic in range(1, 1 + int(3900 // note)):
                strength = random.uniform(0, 1) / harmonic * np.exp(-time * random.uniform(1, 8))
                music[begin : begin + 4000] += strength * np.sin(2 * np.pi * note * harmonic * time)
    assert heard(music / np.abs(music).max() * 30000) == ""


@pytest.mark.parametrize("seed", range(3))
def test_speech_is_no_key(seed: int) -> None:
    """Voices made of a gliding pitch through three gliding formants, 60 s."""
    random = np.random.default_rng(seed)
    speech = silence(60)
    size = 1600
    time = np.arange(size, dtype=np.float32) / 8000
    for begin in range(0, len(speech) - size, size):
        pitch = random.uniform(80, 300) * (1 + random.uniform(-0.3, 0.3) * time / time[-1])
        turn = 2 * np.pi * np.cumsum(pitch) / 8000
        formants = random.uniform([250, 700, 1800], [900, 2300, 3200]).tolist()
        for harmonic in range(1, 1 + min(39, int(3600 // float(pitch.min())))):
            frequency = harmonic * pitch
            gain = sum(1 / (1 + ((frequency - formant) / 90) ** 2) for formant in formants)
            speech[begin : begin + size] += gain * (frequency < 3600) * np.sin(harmonic * turn)
    assert heard(speech / np.abs(speech).max() * 25000) == ""


def test_noise_is_no_key() -> None:
    assert heard(np.random.default_rng(5).normal(0, 6000, 8000 * 60)) == ""


def packets(codec: Codec, *parts: Signal) -> list[tuple[int, bytes]]:
    octets = g711.encode(codec, samples(*parts))
    return [(4_294_966_000 + i, octets[i : i + 160]) for i in range(0, len(octets), 160)]


def heard_in(codec: Codec, stream: list[tuple[int, bytes]], ssrc: int = 1) -> str:
    keys = InbandDigits()
    return "".join(keys.packet(codec, ssrc, stamp & 0xFFFFFFFF, octets) for stamp, octets in stream)


@pytest.mark.parametrize("codec", [Codec.PCMU, Codec.PCMA])
def test_keys_are_heard_through_g711(codec: Codec) -> None:
    stream = packets(codec, *(part for key in DIGITS for part in pressed(key, 0.05)))
    assert heard_in(codec, stream) == DIGITS


def test_a_lost_packet_does_not_double_a_key() -> None:
    stream = packets(Codec.PCMU, tone("7", 0.2), silence(0.1))
    assert heard_in(Codec.PCMU, stream[:4] + stream[5:]) == "7"


def test_a_packet_twice_or_out_of_order_does_no_harm() -> None:
    stream = packets(Codec.PCMU, tone("7", 0.2), silence(0.1))
    assert heard_in(Codec.PCMU, [*stream[:4], stream[3], stream[5], stream[4], *stream[6:]]) == "7"


def test_after_a_jump_listening_begins_anew() -> None:
    stream = packets(Codec.PCMU, tone("7", 0.2))
    later = [(stamp + 100_000, octets) for stamp, octets in stream]
    assert heard_in(Codec.PCMU, stream + later) == "77"
