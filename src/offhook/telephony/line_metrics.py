"""Prometheus metrics of trunks and of the media of their calls."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from offhook.media.engine import LegStatistics
from offhook.process_metrics import tally_of


class LineMetrics:
    """What is counted on the phone lines of one voice process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Without a ``registry``, one of its own."""
        registry = registry or CollectorRegistry()
        self._tally = tally_of(registry)
        self._up = Gauge(
            "offhook_trunk_up",
            "1 while a trunk answers, 0 while it is silent; absent until it was called or asked",
            ("trunk",),
            registry=registry,
            multiprocess_mode="livemin",
        )
        self._registered = Gauge(
            "offhook_trunk_registered",
            "1 while a trunk with register = true has taken our REGISTER, 0 while it has not",
            ("trunk",),
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._packets = Counter(
            "offhook_rtp_packets",
            "RTP packets of ended calls: received, lost, late (over 60 ms), refused (from an address"
            " that is not the peer's), sent",
            ("trunk", "result"),
            registry=registry,
        )
        self._digits = Counter(
            "offhook_dtmf_digits",
            "DTMF digits that phones pressed, by the way they came: event (RFC 4733), tone, info (SIP)",
            ("way",),
            registry=registry,
        )
        self._eventless = Counter(
            "offhook_calls_without_telephone_event",
            "Connected calls whose far end did not agree to telephone-event (RFC 4733)",
            ("trunk",),
            registry=registry,
        )
        self._deaf = Counter(
            "offhook_calls_without_audio",
            "Connected calls of which no RTP came: one-way audio",
            ("trunk",),
            registry=registry,
        )

    def trunk_is(self, trunk: str, *, up: bool) -> None:
        """A trunk answers, or does not."""
        self._up.labels(trunk).set(up)

    def trunk_is_registered(self, trunk: str, *, registered: bool) -> None:
        """A trunk has taken our REGISTER, or has not."""
        self._registered.labels(trunk).set(registered)

    def pressed(self, way: str) -> None:
        """A digit came."""
        self._tally.inc(self._digits, way)

    def without_telephone_event(self, trunk: str) -> None:
        """A call was connected without telephone-event."""
        self._tally.inc(self._eventless, trunk)

    def without_audio(self, trunk: str) -> None:
        """A connected call ended, and no RTP had come."""
        self._tally.inc(self._deaf, trunk)

    def media_ended(self, trunk: str, counted: LegStatistics) -> None:
        """The media of a call is over."""
        for result, number in (
            ("sent", counted.packets_sent),
            ("received", counted.packets_received),
            ("lost", counted.packets_lost),
            ("late", counted.packets_late),
            ("refused", counted.packets_refused),
        ):
            if number > 0:
                self._tally.inc(self._packets, trunk, result, by=number)
