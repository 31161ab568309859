"""Counts of calls wait a moment, and none is lost."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from offhook.process_metrics import MOST_WAITING, tally_of

LIMITS = ("1.0", "2.0", "3.0", "+Inf")


def test_a_registry_that_is_read_has_every_count() -> None:
    registry = CollectorRegistry()
    tally = tally_of(registry)
    calls = Counter("calls", "Calls", ("trunk",), registry=registry)
    live = Gauge("live", "Calls now", registry=registry)
    for _ in range(3):
        tally.inc(calls, "carrier")
        tally.inc(live)
    tally.inc(live, by=-2)
    assert registry.get_sample_value("calls_total", {"trunk": "carrier"}) == 3
    assert registry.get_sample_value("live") == 1
    assert registry.get_sample_value("calls_total", {"trunk": "carrier"}) == 3, "counted once"


def test_the_metrics_of_one_registry_share_their_tally() -> None:
    registry = CollectorRegistry()
    assert tally_of(registry) is tally_of(registry)
    assert tally_of(registry) is not tally_of(CollectorRegistry())


def test_a_histogram_counts_values_together_as_it_counts_them_one_by_one() -> None:
    registry = CollectorRegistry()
    tally = tally_of(registry)
    together = Histogram("together", "Seconds", buckets=(1, 2, 3), registry=registry)
    apart = Histogram("apart", "Seconds", buckets=(1, 2, 3), registry=registry)
    for value in (0.5, 1, 1.0001, 2, 2.5, 3, 3.5, 1e9, -1):
        tally.observe(together, value=value)
        apart.observe(value)
    for name, labels in [("sum", {}), ("count", {}), *(("bucket", {"le": le}) for le in LIMITS)]:
        read = registry.get_sample_value
        assert read(f"together_{name}", labels) == read(f"apart_{name}", labels) is not None, labels


def test_values_that_nobody_reads_do_not_pile_up() -> None:
    registry = CollectorRegistry()
    tally = tally_of(registry)
    delay = Histogram("delay", "Seconds", registry=registry)
    for _ in range(MOST_WAITING - 1):
        tally.observe(delay, value=0.5)
    assert counted(delay) == 0
    tally.observe(delay, value=0.5)
    assert counted(delay) == MOST_WAITING


def counted(histogram: Histogram) -> float:
    """What the metric itself has, read without its registry."""
    samples = next(iter(histogram.collect())).samples
    return next(sample.value for sample in samples if sample.name.endswith("_count"))
