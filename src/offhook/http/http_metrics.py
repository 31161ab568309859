"""Prometheus metrics of the HTTP API."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from offhook.process_metrics import store_histogram, tally_of

LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class HttpMetrics:
    """The metrics. Counts wait in a tally, because writing one by one takes longer than a request should."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._tally = tally_of(registry)
        self._requests = Counter(
            "offhook_http_requests",
            "Answered requests",
            ("route", "method", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "offhook_http_request_seconds",
            "From the end of the headers to the end of the answer",
            ("route",),
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self._judged = Counter(
            "offhook_callflows_judged",
            "Judged callflows by the status code they were answered with",
            ("code",),
            registry=registry,
        )
        self.streams = Gauge(
            "offhook_http_event_streams",
            "Event streams that are open",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._store_seconds = store_histogram(registry)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request; ``route`` and ``method`` come from bounded sets."""
        self._tally.inc(self._requests, route, method, str(status))
        self._tally.observe(self._seconds, route, value=seconds)

    def judged(self, code: int) -> None:
        """Count one judged callflow."""
        self._tally.inc(self._judged, str(code))

    def accepted(self, seconds: float) -> None:
        """The store took so long to accept a callflow."""
        self._tally.observe(self._store_seconds, "accept", value=seconds)
