"""Counters of the delivery worker."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from offhook.session.ports.record import DeliveryState, OutboxType


class DeliveryMetrics:
    """The metrics of webhook deliveries."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
        self._deliveries = Counter(
            "offhook_webhook_deliveries",
            "Webhook deliveries by what became of them: delivered, pending (an attempt failed and"
            " is tried again), dead, dropped, postponed (given back unsent).",
            ("type", "result"),
            registry=registry,
        )
        self.held = Gauge(
            "offhook_webhook_deliveries_held",
            "Deliveries leased by this process and not settled yet.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.seconds = Histogram(
            "offhook_webhook_attempt_seconds",
            "How long receivers took to answer.",
            registry=registry,
        )

    def count(self, type_: OutboxType, state: DeliveryState, *, attempted: bool) -> None:
        """Count one result."""
        postponed = state is DeliveryState.PENDING and not attempted
        self._deliveries.labels(type_.value, "postponed" if postponed else state.value).inc()
