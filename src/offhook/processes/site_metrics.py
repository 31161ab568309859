"""Prometheus metrics of the whole installation, read from the store by an API process."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge

from offhook.clock import Clock
from offhook.config import Config
from offhook.session.ports.claiming import Claiming
from offhook.session.ports.record import DEAD_AFTER, Installation, StoreUnavailable

COUNT_EVERY = 5.0
"""Seconds between two reads of the store's figures."""


class SiteMetrics:
    """Gauges of queue, nodes, trunks and pending webhooks.

    Every API process of the installation shows the same figures: alert rules take ``max``, not ``sum``.
    """

    def __init__(self, registry: CollectorRegistry, config: Config) -> None:
        self._registry = registry
        self.use(config)
        self._queued = self._gauge("sessions_queued", "Sessions that wait to be dialled")
        self._queue_age = self._gauge(
            "queue_age_seconds", "Age of the session that has waited longest; 0: none waits"
        )
        self._passed_over = self._gauge(
            "sessions_passed_over",
            "Waiting sessions that a voice node leaves alone: it does not know their sub-account"
            " or a route to their destination",
        )
        self._node_up = self._gauge("node_up", "1 while a node's heartbeats come", "node", "role")
        self._node_sessions = self._gauge("node_sessions", "Sessions that run on a node", "node")
        self._node_epoch = self._gauge(
            "node_epoch", "How often a node has registered; it grows with each start", "node"
        )
        self._channels = self._gauge(
            "trunk_channels_used", "Legs that hold a channel of a trunk", "trunk"
        )
        self._limits = self._gauge(
            "trunk_channels_limit", "The trunk's channels; absent: no limit", "trunk"
        )
        self._cps_limits = self._gauge(
            "trunk_cps_limit", "Calls a second that the trunk takes; absent: no limit", "trunk"
        )
        self._pending = self._gauge(
            "webhooks_pending", "Webhook deliveries that wait for an attempt, counted to 100,000"
        )
        self._pending_age = self._gauge(
            "webhooks_overdue_seconds", "How long the webhook that fell due first is overdue"
        )
        self._shown: set[str] = set()
        """Every trunk that was ever shown: one without calls shows 0."""

    def use(self, config: Config) -> None:
        """Show these trunks and their limits from now on."""
        self._limits_by_trunk = {trunk.name: trunk.channels for trunk in config.trunks}
        self._cps_by_trunk = {trunk.name: trunk.cps for trunk in config.trunks if trunk.cps}

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(
            f"offhook_{name}",
            text,
            labels,
            registry=self._registry,
            multiprocess_mode="livemax",
        )

    def show(self, seen: Installation, now: datetime) -> None:
        """Set every gauge."""
        self._queued.set(seen.queued)
        self._queue_age.set(_age(seen.oldest_queued_at, now))
        self._passed_over.set(seen.passed_over)
        self._pending.set(seen.pending_deliveries)
        self._pending_age.set(_age(seen.oldest_delivery_at, now))
        for node in seen.nodes:
            up = node.heartbeat_at is not None and now - node.heartbeat_at < DEAD_AFTER
            self._node_up.labels(node.name, node.role.value).set(up)
            self._node_sessions.labels(node.name).set(node.sessions)
            self._node_epoch.labels(node.name).set(node.epoch)
        self._shown |= {*self._limits_by_trunk, *seen.channels_by_trunk}
        for trunk in self._shown:
            self._channels.labels(trunk).set(seen.channels_by_trunk.get(trunk, 0))
        for trunk, channels in self._limits_by_trunk.items():
            if channels is not None:
                self._limits.labels(trunk).set(channels)
        for trunk, cps in self._cps_by_trunk.items():
            self._cps_limits.labels(trunk).set(cps)

    async def keep(self, store: Claiming, clock: Clock) -> None:
        """Read the store and set the gauges until cancelled."""
        while True:
            with suppress(StoreUnavailable):
                self.show(await store.installation(), clock.now())
            await asyncio.sleep(COUNT_EVERY)


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
