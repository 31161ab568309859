"""Unexpected errors are logged with their traceback, but not ten thousand times a second."""

from __future__ import annotations

import logging

import pytest

from offhook.faults import EVERY, MAX_PLACES, FaultLog


class Time:
    """A clock in the test's hands."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def fail(faults: FaultLog, text: str = "x") -> None:
    try:
        raise ValueError(text)
    except ValueError:
        faults.report("call 7f3a: handling an INVITE")


def other(faults: FaultLog) -> None:
    try:
        raise ValueError("y")
    except ValueError:
        faults.report("call 7f3a: handling a BYE")


def test_the_same_error_is_logged_once_a_minute_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    time = Time()
    faults = FaultLog(logging.getLogger("test"), time)
    for _ in range(1000):
        fail(faults)
    assert [record.message for record in caplog.records] == [
        "call 7f3a: handling an INVITE: internal error"
    ]
    assert caplog.records[0].exc_info is not None
    assert faults.total == 1000
    time.now += EVERY
    fail(faults)
    assert caplog.records[-1].message.endswith("(999 more like this since the last line)")


def test_another_error_is_logged_at_once(caplog: pytest.LogCaptureFixture) -> None:
    faults = FaultLog(logging.getLogger("test"), Time())
    fail(faults)
    other(faults)
    assert len(caplog.records) == 2


def test_what_is_remembered_is_bounded() -> None:
    faults = FaultLog(logging.getLogger("quiet"), Time())
    logging.getLogger("quiet").disabled = True
    for number in range(MAX_PLACES + 50):
        error = compile("\n" * number + "raise ValueError", "somewhere.py", "exec")
        try:
            exec(error)
        except ValueError:
            faults.report("a test")
    assert len(faults._seen) == MAX_PLACES


def test_it_is_for_an_except_block() -> None:
    with pytest.raises(RuntimeError):
        FaultLog(logging.getLogger("test")).report("nothing")
