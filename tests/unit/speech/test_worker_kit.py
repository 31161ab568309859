"""What the programs of the engines do around them: framing, trimming, level."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.media import g711
from offhook.negotiated import Codec
from offhook.speech import worker_kit as worker


def tone(seconds: float, amplitude: float) -> worker.Samples:
    at = np.arange(int(seconds * 8000), dtype=np.float32) / 8000
    samples: worker.Samples = (amplitude * np.sin(2 * np.pi * 400 * at)).astype(np.float32)
    return samples


def silence(seconds: float) -> worker.Samples:
    return np.zeros(int(seconds * 8000), np.float32)


def level(pcm: np.ndarray[tuple[int], np.dtype[np.int16]]) -> float:
    return float(np.sqrt(np.mean(np.square(pcm / 32768))))


def test_silence_around_the_speech_is_trimmed_but_not_the_pause_in_it() -> None:
    speech = np.concatenate([silence(1), tone(0.5, 0.3), silence(0.7), tone(0.5, 0.3), silence(2)])
    pcm = worker.finished(speech)
    assert len(pcm) / 8000 == pytest.approx(0.02 + 0.5 + 0.7 + 0.5 + 0.1, abs=0.03)


@pytest.mark.parametrize("amplitude", [0.02, 0.1, 0.3, 0.99])
def test_every_voice_comes_out_at_the_same_level(amplitude: float) -> None:
    pcm = worker.finished(np.concatenate([tone(1, amplitude), silence(1), tone(1, amplitude)]))
    spoken = pcm[:8000]
    assert level(spoken) == pytest.approx(0.1, rel=0.02)


def test_the_level_never_clips() -> None:
    clicks = silence(1)
    clicks[::160] = 0.5
    pcm = worker.finished(clicks)
    assert 0.85 * 32768 < np.max(np.abs(pcm)) <= 0.91 * 32768


@pytest.mark.parametrize("samples", [silence(0), silence(1), tone(0.01, 0.5), tone(1, 0.001)])
def test_nothing_to_hear_is_an_empty_answer(samples: worker.Samples) -> None:
    assert len(worker.finished(samples)) == 0


TABLES = [np.frombuffer(g711.encoder_table(law), np.uint8) for law in (Codec.PCMU, Codec.PCMA)]


def ask(request: bytes) -> tuple[int, bytes]:
    def speak(asked: dict[str, Any]) -> worker.Samples:
        if not asked["text"]:
            raise worker.Failed("empty")
        return tone(1, 0.3)

    (framed,) = worker.answer(worker.asked(speak), TABLES, request)
    status, length = struct.unpack("!BI", framed[:5])
    assert length == len(framed) - 5
    return status, framed[5:]


@given(st.text(min_size=1), st.text(), st.integers(80, 450))
def test_an_answer_is_framed_whatever_is_asked(text: str, voice: str, rate: int) -> None:
    status, payload = ask(json.dumps({"voice": voice, "rate": rate, "text": text}).encode())
    assert status == 0
    assert len(payload) > 15_000
    half = len(payload) // 2
    ulaw, alaw = (
        g711.levels(law, part)
        for law, part in zip(
            (Codec.PCMU, Codec.PCMA), (payload[:half], payload[half:]), strict=True
        )
    )
    assert np.max(np.abs(ulaw - alaw)) < 500, "both laws hold the same sound"


def test_a_failure_is_a_framed_sentence() -> None:
    assert ask(b'{"voice": "x", "rate": 175, "text": ""}') == (1, b"empty")


@given(st.lists(st.integers(1, 9000), max_size=4))
def test_a_sound_that_comes_in_parts_is_the_same_sound(cuts: list[int]) -> None:
    whole = np.concatenate([silence(0.3), tone(0.5, 0.3), silence(0.2), tone(0.5, 0.3), silence(1)])
    evener = worker.Evener()
    heard = [evener.part(part) for part in np.split(whole, sorted(cuts))]
    assert all(len(part) % (worker.RATE // worker.FRAMES) == 0 for part in heard), (
        "no packet is padded between two"
    )
    parts = np.concatenate([*heard, evener.rest()])
    expected = worker.finished(whole)
    assert len(parts) == pytest.approx(len(expected), abs=2 * (worker.RATE // worker.FRAMES))
    assert level(parts) == pytest.approx(level(expected), rel=0.05)


@given(st.integers(1, 400))
def test_the_first_packet_can_be_heard(begins: int) -> None:
    heard = worker.finished(np.concatenate([silence(0.02), silence(begins / 1000), tone(0.5, 0.3)]))
    assert level(heard[: worker.RATE // worker.FRAMES]) > worker.SILENCE


def test_each_part_is_answered_as_it_is_made_and_the_end_is_told() -> None:
    made: list[int] = []

    def speak(_request: bytes) -> Iterator[worker.Samples]:
        for number in range(2):
            made.append(number)
            yield tone(0.5, 0.3)

    answer = worker.answer(speak, TABLES, b"")
    assert next(answer)[0] == worker.PART
    assert made == [0], "the second part is not made yet"
    assert [framed[0] for framed in answer] == [worker.PART, worker.DONE]


def wide_tone(hertz: float, seconds: float) -> worker.Samples:
    at = np.arange(int(seconds * worker.WIDE_RATE)) / worker.WIDE_RATE
    samples: worker.Samples = (0.3 * np.sin(2 * np.pi * hertz * at)).astype(np.float32)
    return samples


def strength(pcm: np.ndarray[tuple[int], np.dtype[Any]], hertz: float, rate: int) -> float:
    turn = np.exp(-2j * np.pi * hertz * np.arange(len(pcm)) / rate)
    return float(abs(np.dot(pcm.astype(float), turn)) / len(pcm))


@given(st.lists(st.integers(1, 16_000), max_size=4))
def test_a_wide_answer_has_the_sound_itself_behind_the_laws(cuts: list[int]) -> None:
    whole = wide_tone(1_000, 1.0) + wide_tone(6_000, 1.0)

    def speak(_request: bytes) -> Iterator[worker.Samples]:
        yield from np.split(whole, sorted(cuts))

    laws, wide = [], []
    for framed in worker.answer(speak, TABLES, b"", worker.WIDE_RATE):
        samples = (len(framed) - 5) // 6
        assert samples * 6 == len(framed) - 5
        laws.append(framed[5 : 5 + samples])
        wide.append(framed[5 + 2 * samples :])
    pcm = np.frombuffer(b"".join(wide), "<i2")
    narrow = np.asarray(g711.levels(Codec.PCMU, b"".join(laws)))
    assert len(pcm) == 2 * len(narrow)
    assert strength(pcm, 6_000, 16_000) == pytest.approx(strength(pcm, 1_000, 16_000), rel=0.05)
    assert strength(narrow, 1_000, 8_000) == pytest.approx(strength(pcm, 1_000, 16_000), rel=0.05)
    # What the laws cannot hold is not folded into them: 6,000 Hz would become 2,000.
    assert strength(narrow, 2_000, 8_000) < 0.01 * strength(narrow, 1_000, 8_000)
