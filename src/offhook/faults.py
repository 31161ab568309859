"""Internal errors: each is logged with its traceback, at a limited rate. An exception in handling an
event must end only the call or session of the event. The code that catches it ends that one cleanly and
reports the error here. A peer that triggers such an error can send the same packet ten thousand times a
second, so each place of origin is logged once in :data:`EVERY` seconds and counted in between.
"""

from __future__ import annotations

import logging
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, final

EVERY = 60.0
"""Seconds between two log lines of the same error."""
MAX_PLACES = 1000
"""Places of origin that are remembered."""


class _Seen(NamedTuple):
    at: float
    since: int
    """Errors that were not logged since."""


@final
class FaultLog:
    """Reports the exception that is being handled."""

    def __init__(self, logger: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` gives seconds."""
        self._logger = logger
        self._clock = clock
        self._seen: OrderedDict[tuple[str, str, int], _Seen] = OrderedDict()
        self.total = 0
        """Errors reported since the start, logged or not."""

    def report(self, what: str) -> None:
        """Log the current exception; ``what`` failed: ``call 7f3a: handling an INVITE``."""
        error = sys.exception()
        if error is None:
            raise RuntimeError("report() is for an except block")
        self.total += 1
        place, now = _place_of(error), self._clock()
        seen = self._seen.pop(place, None)
        if seen is not None and now - seen.at < EVERY:
            self._seen[place] = _Seen(seen.at, seen.since + 1)
            return
        more = f" ({seen.since} more like this since the last line)" if seen and seen.since else ""
        self._logger.error("%s: internal error%s", what, more, exc_info=error)
        self._seen[place] = _Seen(now, 0)
        if len(self._seen) > MAX_PLACES:
            self._seen.popitem(last=False)


def _place_of(error: BaseException) -> tuple[str, str, int]:
    """Type of the error, and file and line that raised it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__, "", 0
    return type(error).__name__, trace.tb_frame.f_code.co_filename, trace.tb_lineno
