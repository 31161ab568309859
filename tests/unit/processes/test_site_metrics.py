"""The gauges of the whole installation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from prometheus_client import CollectorRegistry

from offhook.config import Config, TrunkSection
from offhook.processes.site_metrics import SiteMetrics
from offhook.session.ports.record import DEAD_AFTER, Installation, NodeRole, NodeState

NOW = datetime(2026, 11, 28, 3, tzinfo=UTC)
SEEN = Installation(
    nodes=(
        NodeState(name="n1", role=NodeRole.VOICE, epoch=3, heartbeat_at=NOW, sessions=2),
        NodeState(name="n2", role=NodeRole.VOICE, epoch=1, heartbeat_at=NOW - DEAD_AFTER),
        NodeState(name="n3", role=NodeRole.VOICE, epoch=1, heartbeat_at=None),
    ),
    queued=7,
    oldest_queued_at=NOW - timedelta(seconds=90),
    passed_over=1,
    channels_by_trunk={"carrier": 2},
    pending_deliveries=4,
    oldest_delivery_at=NOW + timedelta(seconds=30),
)


def config(**channels: int | None) -> Config:
    trunks = [
        TrunkSection(name=name, address="udp:127.0.0.1:5080", channels=limit)
        for name, limit in channels.items()
    ]
    return Config(trunks=tuple(trunks))


def test_the_figures_of_the_store_become_gauges() -> None:
    registry = CollectorRegistry()
    SiteMetrics(registry, config(carrier=10, spare=None)).show(SEEN, NOW)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"offhook_{name}", labels)

    assert value("sessions_queued") == 7
    assert value("queue_age_seconds") == 90
    assert value("webhooks_overdue_seconds") == 0
    ups = [value("node_up", node=name, role="voice") for name in ("n1", "n2", "n3")]
    assert ups == [1, 0, 0]
    assert value("node_epoch", node="n1") == 3
    assert value("trunk_channels_used", trunk="carrier") == 2
    assert value("trunk_channels_used", trunk="spare") == 0
    assert value("trunk_channels_limit", trunk="carrier") == 10
    assert value("trunk_channels_limit", trunk="spare") is None


def test_a_trunk_without_calls_goes_back_to_zero_and_a_reload_moves_its_limit() -> None:
    registry = CollectorRegistry()
    metrics = SiteMetrics(registry, config())
    metrics.show(SEEN, NOW)
    metrics.use(config(carrier=20))
    metrics.show(msgspec.structs.replace(SEEN, channels_by_trunk={}), NOW)
    labels = {"trunk": "carrier"}
    assert registry.get_sample_value("offhook_trunk_channels_used", labels) == 0
    assert registry.get_sample_value("offhook_trunk_channels_limit", labels) == 20
