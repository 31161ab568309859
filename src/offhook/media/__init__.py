"""Media: RTP in and out of every leg, DTMF digits and call quality."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import Final, Literal, NamedTuple

from offhook.media import rtcp
from offhook.media.engine import MediaEngine
from offhook.negotiated import Codec

_log = logging.getLogger(__name__)

NOT_BUILT: Final = (
    "the native media engine is not built; python -m offhook.media.native.build says why"
)
WIDE: Final = frozenset({Codec.G722, Codec.OPUS})
"""The codecs for which prompts are kept with more than 8,000 samples a second."""
EngineKind = Literal["auto", "native", "python"]


def make_engine(
    kind: EngineKind,
    *,
    host: str,
    ports: tuple[int, int],
    other: str | None = None,
    report_interval: float = rtcp.MIN_INTERVAL,
) -> MediaEngine:
    """The engine named in ``[media] engine``; ``auto`` is ``native`` where that is built.

    ``host`` is the literal address to bind, ``other`` one of the other IP version, for the legs that are
    opened with that, ``ports`` the first and last RTP/RTCP port, inclusive;
    ``report_interval`` is in seconds, before randomisation (RFC 3550 §6.2). Raises :class:`RuntimeError` for
    an engine that is not there, :class:`ValueError` for ports or a host that are none.
    """
    # Not at the top: a process with one engine does not load the other.
    if kind != "python":
        try:
            from offhook.media.native.native_engine import NativeEngine
        except ImportError as error:
            if kind == "native":
                raise RuntimeError(NOT_BUILT) from error
            _log.info("media engine: python (%s)", NOT_BUILT)
        else:
            _log.info("media engine: native")
            return NativeEngine(
                host=host, other=other, ports=ports, report_interval=report_interval
            )
    from offhook.media.python.python_engine import PythonEngine

    return PythonEngine(host=host, other=other, ports=ports, report_interval=report_interval)


class WideEncoder(NamedTuple):
    """What makes the wideband codecs of a prompt."""

    codecs: tuple[Codec, ...]
    encode: Callable[[Codec, bytes], bytes]
    """Makes one of 16-bit samples, 16,000 a second; all have as many octets as each law."""

    def all(self, pcm: bytes) -> list[bytes]:
        """In each of :attr:`codecs`."""
        return [self.encode(codec, pcm) for codec in self.codecs]


def wide_encoder(kind: EngineKind, codecs: Collection[Codec]) -> WideEncoder | None:
    """The encoder of prompts where a leg may have one of ``codecs``: for G.722, and for Opus if that is one.

    None: all of them are G.711, or the engine has no other.
    """
    if kind == "python" or WIDE.isdisjoint(codecs):
        return None
    try:
        from offhook.media.native import native_engine
    except ImportError:
        return None
    built = native_engine.CAPABILITIES.codecs
    if Codec.G722 not in built:
        return None
    opus = (Codec.OPUS,) if Codec.OPUS in built and Codec.OPUS in codecs else ()
    return WideEncoder((Codec.G722, *opus), native_engine.encode_wide)
