"""Prometheus metrics of the HTTP API."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from offhook.process_metrics import store_histogram

LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class HttpMetrics:
    """The metrics with their children cached, because a look-up by label takes longer than counting."""

    def __init__(self, registry: CollectorRegistry) -> None:
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
        self.accept_seconds = store_histogram(registry).labels("accept")
        self._request_children: dict[tuple[str, str, int], Counter] = {}
        self._second_children: dict[str, Histogram] = {}
        self._judged_children: dict[int, Counter] = {}

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request; ``route`` and ``method`` come from bounded sets."""
        key = (route, method, status)
        counter = self._request_children.get(key)
        if counter is None:
            counter = self._requests.labels(route, method, str(status))
            self._request_children[key] = counter
        counter.inc()
        histogram = self._second_children.get(route)
        if histogram is None:
            histogram = self._second_children[route] = self._seconds.labels(route)
        histogram.observe(seconds)

    def judged(self, code: int) -> None:
        """Count one judged callflow."""
        counter = self._judged_children.get(code)
        if counter is None:
            counter = self._judged_children[code] = self._judged.labels(str(code))
        counter.inc()
