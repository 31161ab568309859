"""The audio that a built-in phone receives: kept for a WAV file, and searched for the end of a prompt."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path

import numpy as np

from offhook.media.engine import MediaLeg
from offhook.media.tap_listener import TapListener

RATE = 8000
LOUD = 200.0
"""Root mean square of 16-bit samples above which speech is heard."""
PROMPT_PAUSE = 0.6
"""Seconds of quiet after speech that mean the prompt is over."""
LONGEST = 3600
"""Seconds kept at the most."""


class Ear:
    """Listens to one leg."""

    def __init__(self, media: MediaLeg, *, keep: bool) -> None:
        self._keep = keep
        self._kept = bytearray()
        self._prompt_heard = asyncio.Event()
        self._spoken = False
        self._quiet = 0.0
        self._listener = TapListener(media, self._hear)

    @property
    def samples(self) -> bytes:
        """8 kHz 16-bit little-endian mono, in true time from the answer on."""
        return bytes(self._kept)

    async def prompt_heard(self) -> None:
        """Wait until a prompt was heard and then a pause."""
        await self._prompt_heard.wait()

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

    def _hear(self, pcm: bytes) -> None:
        if self._keep and len(self._kept) < LONGEST * RATE * 2:
            self._kept += pcm
        if self._prompt_heard.is_set():
            return
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
        if samples.size == 0:
            return
        if float(np.sqrt(np.mean(samples**2))) > LOUD:
            self._spoken, self._quiet = True, 0.0
        else:
            self._quiet += samples.size / RATE
        if self._spoken and self._quiet >= PROMPT_PAUSE:
            self._prompt_heard.set()


def write_wav(path: Path, samples: bytes) -> None:
    """Write 8 kHz mono 16-bit ``samples``; the folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples)
