"""Prompts as they are kept and played: both G.711 laws, one after the other, in one piece of memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, final

from offhook.media import g711
from offhook.media.audio import SAMPLE_RATE
from offhook.negotiated import Codec
from offhook.session.ports.speech import Prompt

LAWS: Final = (Codec.PCMU, Codec.PCMA)
"""In the order in which a prompt's octets hold them."""


def joined(parts: Sequence[bytes]) -> bytes:
    """Sounds in both laws, one behind the other, as one."""
    if len(parts) == 1:
        return parts[0]
    halves = [(part[: len(part) // 2], part[len(part) // 2 :]) for part in parts]
    return b"".join(half[law] for law in range(len(LAWS)) for half in halves)


@final
class G711Prompt(Prompt):
    """A prompt whose octets are all µ-law samples, then all A-law samples.

    The octets may be ``bytes`` or a memory-mapped file; nothing is copied.
    """

    __slots__ = ("_octets", "_remark", "_views", "expires")

    def __init__(
        self, octets: bytes | memoryview, *, remark: str = "", expires: float = math.inf
    ) -> None:
        """``octets``: an even number. Raises :class:`ValueError` for an odd one."""
        if len(octets) % len(LAWS):
            raise ValueError("both laws have the same number of octets")
        self._octets = memoryview(octets).toreadonly()
        samples = len(octets) // len(LAWS)
        self._views = {
            law: self._octets[start : start + samples]
            for law, start in zip(LAWS, (0, samples), strict=True)
        }
        self._remark = remark
        self.expires = expires
        """Unix time after which the sound is made anew."""

    @classmethod
    def of_pcm(cls, pcm: bytes) -> G711Prompt:
        """A prompt of 16-bit little-endian samples. Raises :class:`ValueError` for half a sample.

        For short sounds only: it encodes on the caller's thread.
        """
        return cls(b"".join(g711.encode(law, pcm) for law in LAWS))

    @property
    def size(self) -> int:
        """Octets of memory or disk."""
        return len(self._octets)

    @property
    def duration(self) -> float:
        return len(self._octets) / len(LAWS) / SAMPLE_RATE

    @property
    def remark(self) -> str:
        return self._remark

    def encoded(self, codec: Codec) -> memoryview:
        return self._views[codec]
