"""Prometheus metrics of all processes of an installation on one machine, at one place.

``offhook serve`` gives its processes a folder (:data:`FOLDER`, the variable of prometheus_client's
multi-process mode). Each process writes its counters to memory-mapped files there, and the process that is
asked (``/metrics`` of the API, or ``[metrics] listen`` of a machine without one) adds them up. Without the
folder, as in a simulation, a registry shows the metrics of its own process.

Gauges need a mode that says how the processes' values become one: ``livesum`` or ``livemax``. The
values of a process that has ended are no longer counted then (:func:`forget`).
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from bisect import bisect_left
from collections import Counter as Tallied
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Set before the process starts: prometheus_client reads it when it is imported."""
_MEMORY = "/dev/shm"  # noqa: S108  # the folder in it is new and closed to others
"""Linux's place for files in memory."""
STORE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
LOOP_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 10)
_TICK = 0.5
"""Seconds between two readings of the event loop's lag."""
MOST_WAITING: Final = 2000
"""Values of one histogram that wait to be written at the most."""
_LOOK_EVERY = 10
"""Readings between two counts of the open file descriptors."""


def folder() -> tempfile.TemporaryDirectory[str]:
    """A new folder for the processes' files, in memory where the system has such a place.

    On a disk, a process that writes to a mapped page waits while the kernel saves that page, and every call
    of the process waits with it: up to 100 ms on a busy disk.
    """
    memory = os.access(_MEMORY, os.W_OK | os.X_OK)
    return tempfile.TemporaryDirectory(prefix="offhook-metrics-", dir=_MEMORY if memory else None)


def remember_process() -> None:
    """Ask the system for this process's number once, not at every count: that took most of a count's time.

    For processes that never fork. Call it before the first metric is made.
    """
    if FOLDER in os.environ:
        number = os.getpid()
        values.ValueClass = values.MultiProcessValue(lambda: number)


def exposition(registry: CollectorRegistry) -> bytes:
    """The text that Prometheus reads: of all processes, or of this one where it is alone."""
    folder = os.environ.get(FOLDER)
    if folder is None:
        return generate_latest(registry)
    tally_of(registry).write()
    return exposition_of(folder)


def exposition_of(folder: str) -> bytes:
    """The text of all processes that write to ``folder``."""
    together = CollectorRegistry()
    MultiProcessCollector(together, path=folder)
    return generate_latest(together)


def forget(folder: str, pid: int) -> None:
    """A process has ended: its gauges are no longer counted. Its counters stay, since they only grow."""
    mark_process_dead(pid, path=folder)


_Labelled = tuple[Counter | Gauge | Histogram, tuple[str, ...]]
"""A metric and the values of its labels."""


class Tally(Collector):
    """Counts that wait a moment before they are written to their metrics.

    A count in the middle of a call costs several times what it costs in a row of them: its code and its page
    of memory are not at hand. So a call's counts wait here. :class:`ProcessMetrics` writes them twice a
    second, and a registry writes them before it is read.
    """

    def __init__(self) -> None:
        self._counts: defaultdict[_Labelled, float] = defaultdict(float)
        self._values: defaultdict[_Labelled, list[float]] = defaultdict(list)
        self._children: dict[_Labelled, Any] = {}

    def inc(self, metric: Counter | Gauge, *labels: str, by: float = 1) -> None:
        """Count ``by`` more; a gauge may go down."""
        self._counts[metric, labels] += by

    def observe(self, metric: Histogram, *labels: str, value: float) -> None:
        """Count ``value`` in its bucket."""
        waiting = self._values[metric, labels]
        waiting.append(value)
        if len(waiting) >= MOST_WAITING:
            self.write()

    def write(self) -> None:
        """Write what waits."""
        counts, self._counts = self._counts, defaultdict(float)
        for labelled, number in counts.items():
            self._child(labelled).inc(number)
        values, self._values = self._values, defaultdict(list)
        for labelled, observed in values.items():
            _observe_all(self._child(labelled), observed)

    def collect(self) -> Iterable[Metric]:
        """No metrics of its own: what waits is written before the others are read."""
        self.write()
        return ()

    def _child(self, labelled: _Labelled) -> Any:
        """The metric with these labels, looked up once: the checks take longer than the counting."""
        found = self._children.get(labelled)
        if found is None:
            metric, labels = labelled
            found = self._children[labelled] = metric.labels(*labels) if labels else metric
        return found


def _observe_all(histogram: Any, values: Sequence[float]) -> None:
    """``Histogram.observe`` for each value, but each bucket and the sum are written once."""
    histogram._sum.inc(sum(values))
    for place, number in Tallied(
        bisect_left(histogram._upper_bounds, value) for value in values
    ).items():
        histogram._buckets[place].inc(number)


_tallies: WeakKeyDictionary[CollectorRegistry, Tally] = WeakKeyDictionary()


def tally_of(registry: CollectorRegistry) -> Tally:
    """The tally of a registry. To be called before the metrics are made that it counts for: a registry reads
    its collectors in the order in which they were made."""
    found = _tallies.get(registry)
    if found is None:
        found = _tallies[registry] = Tally()
        registry.register(found)
    return found


class ProcessMetrics:
    """The lag of a process's event loop, its descriptors, and since when it runs."""

    def __init__(self, registry: CollectorRegistry, process: str) -> None:
        """``process``: ``api``, ``voice-0`` …, the value of the label."""
        labels = ("process",)
        self._tally = tally_of(registry)
        self._lag = Histogram(
            "offhook_event_loop_lag_seconds",
            "How late the event loop wakes up: what every call or request in the process waits",
            labels,
            buckets=LOOP_BUCKETS,
            registry=registry,
        ).labels(process)
        self._descriptors = Gauge(
            "offhook_open_file_descriptors",
            "File descriptors the process has open",
            labels,
            registry=registry,
            multiprocess_mode="livesum",
        ).labels(process)
        self._started = Gauge(
            "offhook_process_start_time_seconds",
            "When the process began to serve, in seconds since 1970",
            labels,
            registry=registry,
            multiprocess_mode="livemax",
        ).labels(process)
        self._restarts = Counter(
            "offhook_process_starts",
            "How often the process has started",
            labels,
            registry=registry,
        ).labels(process)

    async def keep(self) -> None:
        """Read the figures until cancelled."""
        self._started.set(time.time())
        self._restarts.inc()
        loop = asyncio.get_running_loop()
        try:
            for reading in range(1 << 62):
                if reading % _LOOK_EVERY == 0:
                    self._descriptors.set(_open_descriptors())
                due = loop.time() + _TICK
                await asyncio.sleep(_TICK)
                self._lag.observe(max(0.0, loop.time() - due))
                self._tally.write()
        finally:
            self._tally.write()


def store_histogram(registry: CollectorRegistry) -> Histogram:
    """How long the store takes; the voice processes and the API count into the same metric."""
    return Histogram(
        "offhook_store_seconds",
        "How long the store took: to accept a callflow (API), to claim sessions and to save them (voice)",
        ("operation",),
        buckets=STORE_BUCKETS,
        registry=registry,
    )


def _open_descriptors() -> int:
    try:
        return len(list(Path("/proc/self/fd").iterdir()))
    except OSError:
        return 0
