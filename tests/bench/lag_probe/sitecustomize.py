"""Measures the event loop's lag and the garbage collector's pauses inside the server's own processes.

Python imports this module at its start where this folder stands in ``PYTHONPATH``. ``LAG_PROBE`` names the
folder for the results; without it nothing happens. Each process writes ``ROLE-PID.json`` once a second:
the lags of a task that sleeps 5 ms (milliseconds beyond them), and the length of each collection, by the
wall clock and by the CPU time of its thread: where they differ, the kernel gave the core to others. For
the longest lags too: the CPU time of the loop's thread and of the whole process in that time.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

SLEEP = 0.005
WORTH_NOTING, NOTED = 4.0, 12
"""Milliseconds of a lag that is noted, and how many of the longest are kept."""
BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Upper bounds of the histogram of lags, in milliseconds; the last one counts what is longer."""


class Probe:
    """One process's figures."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lags = [0] * (len(BUCKETS) + 1)
        self._longest = 0.0
        self._worst: list[tuple[float, float, float]] = []
        """The longest lags in milliseconds, each with the CPU time of the thread and of the process."""
        self._pauses: dict[int, list[float]] = {n: [0, 0.0, 0.0] for n in range(3)}
        self._began = self._began_cpu = 0.0

    def collected(self, phase: str, info: dict[str, int]) -> None:
        """A callback of the garbage collector."""
        if phase == "start":
            self._began, self._began_cpu = time.perf_counter(), time.thread_time()
            return
        pause = (time.perf_counter() - self._began) * 1000
        cpu = (time.thread_time() - self._began_cpu) * 1000
        figures = self._pauses[info["generation"]]
        figures[0] += 1
        figures[1] = max(figures[1], pause)
        figures[2] = max(figures[2], cpu)

    async def run(self) -> None:
        """Measure until the process ends."""
        loop = asyncio.get_running_loop()
        written = loop.time()
        while True:
            before = loop.time()
            thread, process = time.thread_time(), time.process_time()
            await asyncio.sleep(SLEEP)
            now = loop.time()
            lag = (now - before - SLEEP) * 1000
            self._longest = max(self._longest, lag)
            if lag > WORTH_NOTING:
                used = (time.thread_time() - thread) * 1000, (time.process_time() - process) * 1000
                self._worst = sorted([*self._worst, (lag, *used)], reverse=True)[:NOTED]
            place = next((n for n, bound in enumerate(BUCKETS) if lag <= bound), len(BUCKETS))
            self._lags[place] += 1
            if now - written >= 1.0:
                written = now
                self._write()

    def _write(self) -> None:
        figures = {
            "lags": self._lags,
            "longest": self._longest,
            "worst": self._worst,
            "pauses": self._pauses,
        }
        self._path.with_suffix(".part").write_text(json.dumps(figures))
        self._path.with_suffix(".part").replace(self._path)


def start() -> None:
    """Begin when the process says that it is ready."""
    from offhook.processes.child import SupervisorLink

    said = SupervisorLink.ready
    role = sys.orig_argv[sys.orig_argv.index("--role") + 1]
    probe = Probe(Path(os.environ["LAG_PROBE"]) / f"{role}-{os.getpid()}.json")
    tasks = []

    def ready(link: SupervisorLink, **facts: Any) -> None:
        tasks.append(asyncio.get_running_loop().create_task(probe.run()))
        gc.callbacks.append(probe.collected)
        said(link, **facts)

    setattr(SupervisorLink, "ready", ready)  # noqa: B010 - mypy


if "LAG_PROBE" in os.environ and "--role" in sys.orig_argv:
    start()
