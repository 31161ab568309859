"""The native engine: the asyncio side of the C library's pacing thread.

Theory of operation. A command goes into the library's queue at once; nothing here waits. The library makes
a file descriptor readable when there are events; the loop then takes them all and gives each to its leg, by
the number that the leg was opened with. A leg stays in the engine's table until its last event.
"""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import logging
from collections.abc import Callable
from types import ModuleType
from typing import Final, final

from offhook.media import rtcp
from offhook.media.engine import (
    Audio,
    MediaCapabilities,
    MediaEngine,
    MediaEvent,
    PortsExhausted,
)
from offhook.media.native import _core
from offhook.media.native.native_leg import CODECS, SUITES, NativeLeg, NativeSound
from offhook.negotiated import LAWS, Codec, SrtpSuite

INTERFACE = 6
if getattr(_core, "INTERFACE", 0) != INTERFACE:
    raise ImportError("the native media engine is of another version: build it anew")

_log = logging.getLogger(__name__)

core: Final[ModuleType] = _core
"""The library as it is, for those who need no engine."""

CAPABILITIES: Final = MediaCapabilities(
    codecs=tuple(codec for codec in Codec if CODECS[codec] in _core.codecs()),
    suites=tuple(suite for suite in SrtpSuite if SUITES[suite] in _core.suites()),
)
"""By the libraries that this build found."""


def encode_wide(codec: Codec, pcm: bytes) -> bytes:
    """The octets of :data:`.engine.Audio` for 16-bit samples, 16,000 a second.

    On the caller's thread, without the GIL.
    """
    return _core.encode(CODECS[codec], 16_000, pcm)


@final
class NativeEngine(MediaEngine):
    """All legs of one process, on one thread that needs no GIL."""

    def __init__(
        self,
        *,
        host: str,
        ports: tuple[int, int],
        other: str | None = None,
        report_interval: float = rtcp.MIN_INTERVAL,
    ) -> None:
        """``host``: literal address to bind; ``other``: one of the other IP version; ``ports``: first and
        last port, inclusive. ``report_interval``: seconds between RTCP reports, before randomisation.

        Raises :class:`ValueError` when they are none.
        """
        address = ipaddress.ip_address(host)
        self._ip_version = address.version
        second = b"" if other is None else ipaddress.ip_address(other).packed
        self._core = _core.make_engine(address.packed, second, *ports, report_interval)
        self._legs: dict[int, NativeLeg] = {}
        """Those whose last event has not come."""
        self._keys = itertools.count(1)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    @property
    def capabilities(self) -> MediaCapabilities:
        return CAPABILITIES

    def start(self) -> None:
        if self._loop is not None or self._closed:
            raise RuntimeError("a media engine starts once")
        self._loop = asyncio.get_running_loop()
        self._core.start()
        self._loop.add_reader(self._core.event_fd(), self._deliver)

    def load(self, audio: Audio) -> NativeSound:
        if audio.keys() < set(LAWS):
            raise ValueError("a sound has every codec")
        others = (audio.get(Codec.G722), audio.get(Codec.OPUS))
        return NativeSound(self._core.load(audio[Codec.PCMU], audio[Codec.PCMA], *others))

    def open_leg(
        self,
        on_event: Callable[[MediaEvent], None],
        *,
        media_timeout: float | None = None,
        ip_version: int | None = None,
    ) -> NativeLeg:
        if self._loop is None or self._closed:
            raise RuntimeError("the media engine is not running")
        key = next(self._keys)
        try:
            core = self._core.open_leg(key, media_timeout or 0.0, ip_version or 0)
        except LookupError as error:
            raise PortsExhausted(str(error)) from error
        leg = self._legs[key] = NativeLeg(core, on_event, ip_version or self._ip_version)
        return leg

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._core.close()
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        loop.remove_reader(self._core.event_fd())
        loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        """Give the events that have come to their legs."""
        for event in self._core.events():
            key = event[1]
            leg = self._legs.get(key)
            if leg is None:
                continue
            try:
                if leg.deliver(event):
                    del self._legs[key]
            except Exception:
                _log.exception("a listener of media events failed")
