"""Engines that fail rest for a while."""

from __future__ import annotations

from offhook.speech.engine_health import FIRST_REST, LONGEST_REST, EngineHealth


def test_one_failure_may_be_the_texts_fault_two_let_the_engine_rest() -> None:
    health = EngineHealth()
    health.failed("kokoro", 100.0)
    assert not health.rests("kokoro", 100.0)
    health.failed("kokoro", 101.0)
    assert health.rests("kokoro", 101.0 + FIRST_REST - 0.1)
    assert not health.rests("kokoro", 101.0 + FIRST_REST)
    assert not health.rests("espeak-ng", 101.0)


def test_each_further_failure_doubles_the_rest_up_to_a_bound() -> None:
    health = EngineHealth()
    for _ in range(3):
        health.failed("azure", 0.0)
    assert health.rests("azure", 2 * FIRST_REST - 0.1)
    for _ in range(30):
        health.failed("azure", 0.0)
    assert not health.rests("azure", LONGEST_REST)


def test_success_ends_the_row() -> None:
    health = EngineHealth()
    health.failed("azure", 0.0)
    health.succeeded("azure")
    health.failed("azure", 1.0)
    assert not health.rests("azure", 1.0)
