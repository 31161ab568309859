"""Prompts as they are kept and played: G.711 in both laws and perhaps G.722, one after the other."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple, final

from offhook.media import g711
from offhook.media.audio import SAMPLE_RATE
from offhook.negotiated import Codec
from offhook.session.ports.speech import Prompt

LAWS: Final = (Codec.PCMU, Codec.PCMA)
"""In the order in which a prompt's octets hold them."""


CODECS: Final = (*LAWS, Codec.G722, Codec.OPUS)
"""Each with as many octets (:data:`offhook.media.engine.Audio`); a prompt has the first two, three or
four."""
_SPOKEN: Final = 6
"""Octets of a wide sound for one sample of a law: one in each law, and two samples of 16 bits."""


class Spoken(NamedTuple):
    """What an engine has spoken (:meth:`.speech_engine.Engine.speak`)."""

    laws: bytes
    """All µ-law samples, then all A-law samples."""
    wide: bytes
    """16-bit samples, 16,000 a second; empty: the engine's sound is not wide."""

    @classmethod
    def of(cls, octets: bytes, *, wide: bool) -> Spoken:
        """What an engine gave."""
        end = len(octets) // _SPOKEN * len(LAWS) if wide else len(octets)
        return cls(octets[:end], octets[end:])

    def octets(self) -> bytes:
        """As an engine gives it."""
        return self.laws + self.wide


def joined(parts: Sequence[bytes], *, wide: bool = False) -> bytes:
    """What an engine gave in parts, one behind the other, as one."""
    if len(parts) == 1:
        return parts[0]
    sounds = [Spoken.of(part, wide=wide) for part in parts]
    halves = [
        (sound.laws[: len(sound.laws) // 2], sound.laws[len(sound.laws) // 2 :]) for sound in sounds
    ]
    laws = b"".join(half[law] for law in range(len(LAWS)) for half in halves)
    return laws + b"".join(sound.wide for sound in sounds)


@final
class G711Prompt(Prompt):
    """A prompt whose octets are all µ-law samples, then all A-law samples, then perhaps G.722.

    The octets may be ``bytes`` or a memory-mapped file; nothing is copied.
    """

    __slots__ = ("_octets", "_remark", "_views", "expires")

    def __init__(
        self,
        octets: bytes | memoryview,
        *,
        remark: str = "",
        expires: float = math.inf,
        codecs: int = len(LAWS),
    ) -> None:
        """``codecs``: how many of :data:`CODECS` there are. Raises :class:`ValueError` for another number of
        octets in one than in the others."""
        if len(octets) % codecs:
            raise ValueError("every codec has the same number of octets")
        self._octets = memoryview(octets).toreadonly()
        samples = len(octets) // codecs
        self._views = {
            codec: self._octets[number * samples : (number + 1) * samples]
            for number, codec in enumerate(CODECS[:codecs])
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
        return len(self._views[Codec.PCMU]) / SAMPLE_RATE

    @property
    def remark(self) -> str:
        return self._remark

    @property
    def codecs(self) -> Collection[Codec]:
        return self._views.keys()

    def encoded(self, codec: Codec) -> memoryview:
        return self._views[codec]
