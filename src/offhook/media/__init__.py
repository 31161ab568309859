"""Media: RTP in and out of every leg, DTMF digits and call quality."""

from __future__ import annotations

from typing import Final, Literal

from offhook.media import rtcp
from offhook.media.engine import MediaEngine

NOT_BUILT: Final = (
    "the native media engine is not built; python -m offhook.media.native.build says why"
)
EngineKind = Literal["auto", "native", "python"]


def make_engine(
    kind: EngineKind,
    *,
    host: str,
    ports: tuple[int, int],
    report_interval: float = rtcp.MIN_INTERVAL,
) -> MediaEngine:
    """The engine named in ``[media] engine``; ``auto`` is ``python``.

    ``host`` is the literal address to bind, ``ports`` the first and last RTP/RTCP port, inclusive;
    ``report_interval`` is in seconds, before randomisation (RFC 3550 §6.2). Raises :class:`RuntimeError` for
    an engine that is not there, :class:`ValueError` for ports or a host that are none.
    """
    # Not at the top: a process with one engine does not load the other.
    if kind == "native":
        try:
            from offhook.media.native.native_engine import NativeEngine
        except ImportError as error:
            raise RuntimeError(NOT_BUILT) from error
        return NativeEngine(host=host, ports=ports, report_interval=report_interval)
    from offhook.media.python.python_engine import PythonEngine

    return PythonEngine(host=host, ports=ports, report_interval=report_interval)
