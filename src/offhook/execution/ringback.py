"""The ringback tone that leg A hears while leg B rings (ITU-T E.180: 440 and 480 Hz, 2 s on, 4 s off)."""

from __future__ import annotations

import math

import numpy as np

from offhook.speech.prompt import G711Prompt

RINGBACK_PAUSE = 4.0
"""Seconds of silence between two rings."""

_RATE, _SECONDS, _LEVEL = 8000, 2.0, 3000.0


def _tone() -> bytes:
    at = np.arange(int(_RATE * _SECONDS)) / _RATE
    both = np.sin(2 * math.pi * 440 * at) + np.sin(2 * math.pi * 480 * at)
    return (both * _LEVEL).astype("<i2").tobytes()


RINGBACK = G711Prompt.of_pcm(_tone())
"""One ring."""
