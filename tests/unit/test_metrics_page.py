"""``docs/metrics.md`` names every metric, with its labels and words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from offhook import process_metrics
from offhook.config import Config
from offhook.execution.call_metrics import CallMetrics
from offhook.http.http_metrics import HttpMetrics
from offhook.process_metrics import ProcessMetrics
from offhook.processes.site_metrics import SiteMetrics
from offhook.speech.speech_metrics import SpeechMetrics
from offhook.telephony.inbound_refusals import InboundRefusals
from offhook.telephony.line_metrics import LineMetrics
from offhook.webhooks.metrics import DeliveryMetrics

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
MAKERS: list[Callable[[CollectorRegistry], object]] = [
    CallMetrics,
    HttpMetrics,
    DeliveryMetrics,
    LineMetrics,
    InboundRefusals,
    SpeechMetrics,
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


def test_the_processes_files_are_in_memory_where_the_system_has_such_a_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """On a disk a process can wait for the kernel to save a page, and all its calls with it."""
    monkeypatch.setattr(process_metrics, "_MEMORY", str(tmp_path))
    with process_metrics.folder() as figures:
        assert Path(figures).parent == tmp_path
        assert Path(figures).stat().st_mode & 0o777 == 0o700
    assert not Path(figures).exists()
    monkeypatch.setattr(process_metrics, "_MEMORY", str(tmp_path / "missing"))
    with process_metrics.folder() as figures:
        assert Path(figures).is_dir()
