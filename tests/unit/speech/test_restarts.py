"""How soon a worker that fails to start is started again."""

from __future__ import annotations

import pytest

from offhook.speech.restarts import LONGEST_DELAY, WorkerRestarts


def test_the_delay_grows_with_each_failure_in_a_row() -> None:
    restarts = WorkerRestarts()
    delays = []
    for _ in range(10):
        restarts.failed(100.0)
        delays.append(restarts.delay(100.0))
    assert delays[:4] == pytest.approx([0, 0.2, 0.4, 0.8])
    assert delays[-1] == pytest.approx(LONGEST_DELAY)


def test_time_that_passed_counts() -> None:
    restarts = WorkerRestarts()
    for _ in range(4):
        restarts.failed(100.0)
    assert restarts.delay(100.5) == pytest.approx(0.3)
    assert restarts.delay(101.0) == 0


def test_a_start_that_succeeds_ends_the_row() -> None:
    restarts = WorkerRestarts()
    for _ in range(8):
        restarts.failed(100.0)
    restarts.succeeded()
    assert restarts.delay(100.0) == 0
    restarts.failed(100.0)
    assert restarts.delay(100.0) == 0
