"""``docs/metrics.md`` names every metric, with its labels and words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from offhook.config import Config
from offhook.execution.call_metrics import CallMetrics
from offhook.http.http_metrics import HttpMetrics
from offhook.process_metrics import ProcessMetrics
from offhook.processes.site_metrics import SiteMetrics
from offhook.webhooks.metrics import DeliveryMetrics

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
MAKERS: list[Callable[[CollectorRegistry], object]] = [
    CallMetrics,
    HttpMetrics,
    DeliveryMetrics,
    lambda registry: SiteMetrics(registry, Config()),
    lambda registry: ProcessMetrics(registry, "api"),
]


@pytest.mark.parametrize("make", MAKERS)
def test_every_metric_is_on_the_page(make: Callable[[CollectorRegistry], object]) -> None:
    registry = CollectorRegistry()
    kept = make(registry)
    page = PAGE.read_text()
    names = [
        f"| `{family.name}{'_total' if family.type == 'counter' else ''}` ({family.type}) |"
        for family in registry.collect()
    ]
    assert kept is not None
    assert names
    assert [name for name in names if name not in page] == []
    assert [
        each.documentation for each in registry.collect() if each.documentation not in page
    ] == []
