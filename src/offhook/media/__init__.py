"""Media: RTP in and out of every leg, DTMF digits and call quality."""

from __future__ import annotations

import logging
from typing import Final, Literal

from offhook.media import rtcp
from offhook.media.engine import MediaEngine

_log = logging.getLogger(__name__)

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
    """The engine named in ``[media] engine``; ``auto`` is ``native`` where that is built.

    ``host`` is the literal address to bind, ``ports`` the first and last RTP/RTCP port, inclusive;
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
            return NativeEngine(host=host, ports=ports, report_interval=report_interval)
    from offhook.media.python.python_engine import PythonEngine

    return PythonEngine(host=host, ports=ports, report_interval=report_interval)
