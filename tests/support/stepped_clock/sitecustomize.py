"""Steps the wall clock of a program that has this folder on its PYTHONPATH.

``OFFHOOK_TEST_CLOCK`` names a file with the seconds to add. Its monotonic clock, by which the event loop
runs, stays as it is: a step does not move it.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta

_PATH = os.environ.get("OFFHOOK_TEST_CLOCK")
_time, _time_ns = time.time, time.time_ns


def _ahead() -> int:
    try:
        with open(_PATH or "") as file:
            return int(file.read() or 0)
    except OSError:
        return 0


def _install() -> None:
    from offhook.clock import SystemClock

    time.time = lambda: _time() + _ahead()
    time.time_ns = lambda: _time_ns() + _ahead() * 1_000_000_000
    setattr(SystemClock, "now", lambda _: datetime.now(UTC) + timedelta(seconds=_ahead()))  # noqa: B010


if _PATH is not None:
    _install()
