"""DTMF digits as tones in the audio (ITU-T Q.23), for legs without telephone-event. Pure.

Theory of operation. Every 5 ms the last 20 ms are seen through a Hann window at the eight DTMF
frequencies (each a Goertzel filter; all of a packet's are one matrix product). How a filter's phase
moves from one such frame to the next tells the frequency to a fraction of a hertz, far finer than 20 ms
could resolve, and with it the true level of a tone that is not in the middle of its filter. A frame
indicates a key when the strongest low and the strongest high tone are on frequency, within twist of
each other, and together nearly all there is: that last is what speech and music do not do. Four such
frames in a row are a press (a tone of 40 ms holds at least four whole frames), and it lasts until ten
frames in a row say otherwise (a pause of 50 ms spoils thirteen, a lost packet seven).

Most packets are not analysed like this. Only when the last 20 ms have much of their energy at two of the
frequencies (any 40 ms of a key do so at some packet) are they analysed; other packets are only kept.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from offhook.media import g711, rtp
from offhook.negotiated import LAWS, Codec

SAMPLE_RATE: Final = 8000
LOW: Final = (697.0, 770.0, 852.0, 941.0)
HIGH: Final = (1209.0, 1336.0, 1477.0, 1633.0)
_DIGITS: Final = ("123A", "456B", "789C", "*0#D")
"""By low, then by high frequency (ITU-T Q.23)."""

_FRAME: Final = 160
_HOP: Final = 40
_FRAMES_ON: Final = 4
_FRAMES_OFF: Final = 10
_MIN_LEVEL: Final = 300.0
"""Peak of the weaker tone, about -37 dBm0; callers' tones arrive at -25 dBm0 or more (Q.24)."""
_NORMAL_TWIST: Final = 10 ** (9.5 / 10)
"""The high tone may be weaker by 8 dB, and a little for the measurement."""
_REVERSE_TWIST: Final = 10 ** (5.5 / 10)
"""The high tone may be stronger by 4 dB."""
_TOLERANCE: Final = 0.02
"""Off by 1.5 % is a key, off by 3.5 % is none (Q.24)."""
_PURITY: Final = 0.92
"""Part of the energy in the two tones; 15 dB above noise it is 0.97."""

_LOOK_BACK: Final = 2 * _FRAME
"""Samples kept without analysis: when a key is found in the middle of its tone, its beginning is there."""
_PROMISE: Final = 0.4
"""Minimum part of the energy in the two filters: a tone that is 1.5 % off has 0.7 of it."""

Samples = npt.NDArray[np.float32]
Spectrum = npt.NDArray[np.complex64]

_FREQUENCIES: Final = np.array(LOW + HIGH)
_WINDOW: Final[Samples] = (
    0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(_FRAME) + 0.5) / _FRAME)
).astype(np.float32)
_TURNS: Final = (
    np.exp(-2j * np.pi * np.arange(_FRAME)[:, None] * _FREQUENCIES / SAMPLE_RATE)
    * (2 / _WINDOW.sum())
).astype(np.complex64)
_FILTERS: Final[Spectrum] = _WINDOW[:, None] * _TURNS
"""A tone of amplitude A in the middle of its filter gives the absolute value A."""
_SCREEN: Final[Samples] = np.hstack((_TURNS.real, _TURNS.imag))
"""The filters again, for a frame already in its window: real parts, then imaginary ones."""
_ENERGY: Final = float((_WINDOW**2).sum()) / 2
"""Windowed energy of a tone of amplitude 1."""
_TURN: Final = np.exp(-2j * np.pi * _FREQUENCIES * _HOP / SAMPLE_RATE).tolist()
"""Takes the expected motion out of a phase difference."""
_HZ_PER_RADIAN: Final = SAMPLE_RATE / (2 * np.pi * _HOP)


def _response(hertz: float) -> float:
    """What a filter makes of the level of a tone that is ``hertz`` away (Hann window)."""
    bins = hertz * _FRAME / SAMPLE_RATE
    if abs(bins) < 1e-6:
        return 1.0
    return math.sin(math.pi * bins) / (math.pi * bins * (1 - bins * bins))


class ToneDetector:
    """Finds keys in one stream of 8 kHz samples, each press once, when it has lasted 40 ms."""

    def __init__(self) -> None:
        self._tail: Samples = np.zeros(0, np.float32)
        self._before: Spectrum = np.zeros(8, np.complex64)
        self._candidate: str | None = None
        self._frames = 0
        self._pressed: str | None = None
        self._frames_without = 0

    def feed(self, samples: Samples) -> str:
        """The keys that these samples (16-bit range) confirm, usually none."""
        samples = np.concatenate((self._tail, samples))
        if len(samples) < _FRAME:
            self._tail = samples
            return ""
        idle = self._pressed is None and self._candidate is None
        if idle and len(samples) <= _LOOK_BACK + _FRAME and not self._promising(samples):
            # Most speech is rejected here. If the next 20 ms are promising, these samples are analysed too.
            self._tail = samples[-_LOOK_BACK:]
            self._before = np.zeros(8, np.complex64)
            return ""
        count = (len(samples) - _FRAME) // _HOP + 1
        self._tail = samples[count * _HOP :]
        frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[::_HOP][:count]
        energies = ((frames * _WINDOW) ** 2).sum(axis=1).tolist()
        found = ""
        for spectrum, energy in zip(frames @ _FILTERS, energies, strict=True):
            found += self._frame(self._judge(spectrum, energy)) or ""
            self._before = spectrum
        return found

    @staticmethod
    def _promising(samples: Samples) -> bool:
        """Whether two of the frequencies make up much of the last 20 ms; a key always does."""
        frame = samples[-_FRAME:] * _WINDOW
        energy = float(frame @ frame)
        if energy < _ENERGY * _MIN_LEVEL**2:
            return False
        parts = (frame @ _SCREEN).tolist()
        powers = [x * x + y * y for x, y in zip(parts[:8], parts[8:], strict=True)]
        held = float(max(powers[:4]) + max(powers[4:])) * _ENERGY
        return held > _PROMISE * energy

    def _frame(self, key: str | None) -> str | None:
        """Evaluate one frame; returns a key when it is now certain."""
        if key is not None and key == self._candidate:
            self._frames += 1
        else:
            self._candidate, self._frames = key, 1
        if key is not None and key == self._pressed:
            self._frames_without = 0
            return None
        self._frames_without += 1
        if key is not None and self._frames >= _FRAMES_ON:
            self._pressed, self._frames_without = key, 0
            return key
        if self._frames_without >= _FRAMES_OFF:
            self._pressed = None
        return None

    def _judge(self, spectrum: Spectrum, energy: float) -> str | None:
        """The key that one frame indicates."""
        levels = np.abs(spectrum).tolist()
        low = levels.index(max(levels[:4]))
        high = levels.index(max(levels[4:]), 4)
        # The cheap, tolerant check first: it excludes most frames of speech.
        if min(levels[low], levels[high]) < _MIN_LEVEL / 2:
            return None
        power_low = self._power(spectrum, low)
        power_high = self._power(spectrum, high)
        if power_low is None or power_high is None:
            return None
        if min(power_low, power_high) < _MIN_LEVEL**2:
            return None
        if power_low > power_high * _NORMAL_TWIST or power_high > power_low * _REVERSE_TWIST:
            return None
        if (power_low + power_high) * _ENERGY < _PURITY * energy:
            return None
        return _DIGITS[low][high - 4]

    def _power(self, spectrum: Spectrum, index: int) -> float | None:
        """Squared amplitude of the tone in a filter; None when it is off frequency."""
        here, before = complex(spectrum[index]), complex(self._before[index])
        turned = here * before.conjugate() * _TURN[index]
        if turned == 0:
            return None
        hertz = math.atan2(turned.imag, turned.real) * float(_HZ_PER_RADIAN)
        if abs(hertz) > _TOLERANCE * float(_FREQUENCIES[index]):
            return None
        return (abs(here) / _response(hertz)) ** 2


class InbandDigits:
    """Finds digits in a leg's audio packets: fills in lost packets, begins anew after a jump."""

    _LONGEST_GAP: Final = 800
    """Samples (100 ms) of silence put in for lost packets."""

    def __init__(self) -> None:
        self._detector = ToneDetector()
        self._source: int | None = None
        self._next = 0

    def packet(self, codec: Codec, ssrc: int, timestamp: int, payload: bytes | memoryview) -> str:
        """The digits certain with this packet; a packet older than the last one is ignored."""
        gap = rtp.timestamp_distance(timestamp, self._next)
        if ssrc != self._source or not -self._LONGEST_GAP <= gap <= self._LONGEST_GAP:
            self._detector = ToneDetector()
            self._source = ssrc
        elif gap < 0:
            return ""
        elif gap:
            # Silence cannot complete a press.
            self._detector.feed(np.zeros(gap, np.float32))
        self._next = (timestamp + len(payload)) & 0xFFFFFFFF
        return self._detector.feed(g711.levels(codec, payload))


_TONE_PEAK: Final = 6500.0
"""Of each of the two tones: about -11 dBm0 (Q.24 wants -25 to 0)."""
_TONE_PAUSE: Final = 0.06
"""Seconds of silence after a digit, so that the same digit again is a second press (Q.24: 40 ms)."""


@lru_cache(maxsize=64)
def digit_tone(digit: str, duration: float) -> dict[Codec, bytes]:
    """The tones of one press with a pause behind, in every codec.

    ``duration`` is clamped to 0.05..5 s. Raises :class:`ValueError` for an invalid digit.
    """
    row = next(
        (row for row, digits in enumerate(_DIGITS) if len(digit) == 1 and digit in digits), None
    )
    if row is None:
        raise ValueError(f"not a DTMF digit: {digit!r}")
    seconds = min(max(duration, 0.05), 5.0)
    at = np.arange(round(seconds * SAMPLE_RATE)) * (2 * np.pi / SAMPLE_RATE)
    both = np.sin(at * LOW[row]) + np.sin(at * HIGH[_DIGITS[row].index(digit)])
    pause = np.zeros(round(_TONE_PAUSE * SAMPLE_RATE))
    pcm = np.concatenate((both * _TONE_PEAK, pause)).astype("<i2").tobytes()
    return {codec: g711.encode(codec, pcm) for codec in LAWS}
