"""Counters of the delivery worker."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from offhook.process_metrics import tally_of
from offhook.session.ports.record import DeliveryState, OutboxType


class DeliveryMetrics:
    """The metrics of webhook deliveries."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
        self._tally = tally_of(registry)
        self._deliveries = Counter(
            "offhook_webhook_deliveries",
            "Webhook deliveries by what became of them: delivered, pending (an attempt failed and"
            " is tried again), dead, dropped, postponed (given back unsent).",
            ("type", "result"),
            registry=registry,
        )
        self._held = Gauge(
            "offhook_webhook_deliveries_held",
            "Deliveries leased by this process and not settled yet.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._seconds = Histogram(
            "offhook_webhook_attempt_seconds",
            "How long receivers took to answer.",
            registry=registry,
        )

    def count(self, type_: OutboxType, state: DeliveryState, *, attempted: bool) -> None:
        """Count one result."""
        postponed = state is DeliveryState.PENDING and not attempted
        result = "postponed" if postponed else state.value
        self._tally.inc(self._deliveries, type_.value, result)

    def hold(self, change: int) -> None:
        """So many deliveries more are leased, or fewer."""
        self._tally.inc(self._held, by=change)

    def answered(self, seconds: float) -> None:
        """An attempt took so long."""
        self._tally.observe(self._seconds, value=seconds)
