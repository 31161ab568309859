"""The ringback tone (ITU-T E.180): two frequencies, for two seconds."""

from __future__ import annotations

import numpy as np

from offhook.execution.ringback import _tone


def test_the_ringback_tone_is_440_and_480_hz_for_two_seconds() -> None:
    samples = np.frombuffer(_tone(), "<i2").astype(float)
    assert len(samples) == 2 * 8000
    spectrum = np.abs(np.fft.rfft(samples))
    loudest = np.argsort(spectrum)[-2:] / 2
    assert sorted(loudest) == [440, 480]
    assert 4000 < np.abs(samples).max() < 6100, "loud, and never clipped"
