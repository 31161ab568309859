"""Recordings, listened to: each side's tone in its channel, at its time, at its level."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest
from tests.support.tape import LEVEL, RATE, Sound, Tape, heard, level, mixed

from offhook.media.tap_frames import TapFrameKind
from offhook.recording.container import BadRecording
from offhook.recording.mixdown import survey

CALLER, CALLEE, PROMPT = 600.0, 1000.0, 1500.0
NEAR = 0.02
"""Seconds by which a sound may stand elsewhere."""


def spans(sound: Sound, frequency: float) -> list[tuple[float, float]]:
    return heard(sound, frequency)


def about(*expected: tuple[float, float]) -> list[object]:
    return [pytest.approx(span, abs=NEAR) for span in expected]


def test_leg_a_is_left_and_its_partner_and_prompts_are_right() -> None:
    tape = Tape()
    tape.says(0, CALLER, 0.5, 1.5)
    tape.says(1, CALLEE, 1.0, 2.0, ssrc=2)
    tape.says(0, PROMPT, 2.2, 2.8, kind=TapFrameKind.SENT, ssrc=3)
    tape.end(3.0)
    sound = mixed(tape)
    assert sound.shape == (3 * RATE, 2)
    left, right = sound[:, 0], sound[:, 1]
    assert spans(left, CALLER) == about((0.5, 1.5))
    assert spans(right, CALLEE) == about((1.0, 2.0))
    assert spans(right, PROMPT) == about((2.2, 2.8))
    assert level(left[6000:10000], CALLER) == pytest.approx(LEVEL, rel=0.02)
    assert level(right[10000:14000], CALLEE) == pytest.approx(LEVEL, rel=0.02)
    assert np.abs(left[13000:]).max() == 0
    assert level(left, CALLEE) < LEVEL / 500
    assert level(right, CALLER) < LEVEL / 500


def test_mono_is_the_sum_of_both_sides_at_their_levels() -> None:
    tape = Tape()
    tape.says(0, CALLER, 0, 1)
    tape.says(1, CALLEE, 0, 1, ssrc=2)
    tape.end(1.0)
    sound = mixed(tape, channels=1)
    assert sound.shape == (RATE, 1)
    for frequency in (CALLER, CALLEE):
        assert level(sound[800:7200, 0], frequency) == pytest.approx(LEVEL, rel=0.02)


def test_ten_minutes_with_jitter_loss_and_clocks_that_are_wrong_end_at_the_right_time() -> None:
    luck = random.Random(4)
    tape = Tape()
    # Tones at the beginning and at the end of ten minutes of speech in between (another frequency).
    for leg, frequency, clock in ((0, CALLER, 1.0001), (1, CALLEE, 0.9999)):
        lost = frozenset(n for n in range(30_000) if luck.random() < 0.03)
        delays = [luck.random() * 0.04 for _ in range(30_010)]
        tape.says(leg, frequency, 0, 600, ssrc=leg + 1, delays=delays, lost=lost, clock=clock)
    tape.end(600.0)
    sound = mixed(tape)
    assert len(sound) == 600 * RATE
    for channel, frequency in ((0, CALLER), (1, CALLEE)):
        found = spans(sound[:, channel], frequency)
        assert found[0][0] == pytest.approx(0.0, abs=NEAR)
        assert found[-1][1] == pytest.approx(600.0, abs=NEAR)


def test_hold_is_silence_of_its_length() -> None:
    tape = Tape()
    tape.says(0, CALLER, 0, 1)
    tape.says(0, CALLER, 61, 62)
    tape.says(1, CALLEE, 0, 62, ssrc=2)
    tape.end(62.0)
    sound = mixed(tape)
    assert spans(sound[:, 0], CALLER) == about((0, 1), (61, 62))
    assert spans(sound[:, 1], CALLEE) == about((0, 62))


def test_a_crash_keeps_all_that_was_written() -> None:
    tape = Tape()
    tape.says(0, CALLER, 0, 2)
    whole = tape.octets()
    for cut, lost in ((0, 0.0), (1, 0.25), (1500, 0.25), (3000, 0.5)):
        octets = whole[: len(whole) - cut]
        contents = survey(io.BytesIO(octets))
        assert not contents.complete
        assert contents.length == pytest.approx((2.0 - lost) * RATE, abs=0.03 * RATE)
        assert spans(mixed(octets)[:, 0], CALLER) == about((0, 2.0 - lost))


def test_it_begins_ends_and_breaks_off_without_a_click() -> None:
    """A click is a jump: 600 Hz at this level has no step over 3,700."""
    tape = Tape()
    tape.says(0, CALLER, 0, 1.0, lost=frozenset({20, 21, 33}))
    tape.end(0.7)
    sound = mixed(tape)[:, 0].astype(np.int64)
    steps = np.abs(np.diff(np.concatenate([[0], sound, [0]])))
    tone_steps = LEVEL * 2 * np.pi * CALLER / RATE
    assert steps.max() <= 1.05 * tone_steps


def test_two_loud_sides_are_limited_and_do_not_wrap_around() -> None:
    tape = Tape()
    for leg in range(6):
        tape.says(leg, CALLER, 0, 1, ssrc=leg + 1)
    tape.end(1.0)
    sound = mixed(tape, channels=1)
    assert np.max(sound) == 32767
    assert spans(sound[:, 0], CALLER) == about((0, 1))


def test_a_recording_in_which_nobody_spoke_is_silence() -> None:
    tape = Tape()
    tape.end(2.5)
    sound = mixed(tape)
    assert sound.shape == (20_000, 2)
    assert not sound.any()


@pytest.mark.parametrize("octets", [b"", b"RIFF....", b"OFFHOOK-RECORDING-1\n12345678"])
def test_what_is_no_recording_is_refused(octets: bytes) -> None:
    with pytest.raises(BadRecording):
        survey(io.BytesIO(octets))
