"""The quality of a leg over time: measured every few seconds in memory, told as one fact at its end.

So a call of an hour costs the store nothing while it lasts. When there are too many values, every second one
is left out and the steps become twice as long.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

from offhook.events import QualityMeasured
from offhook.session.ports.telephony import Call
from offhook.session.session import CallQuality

EVERY = 10.0
"""Seconds between two measurements at first."""
MOST = 120
"""Values that are kept."""


class QualityWatch:
    """Measures one leg, until :meth:`end` or :meth:`stop`."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._every = EVERY
        self._values: list[CallQuality | None] = []
        self._timer: asyncio.TimerHandle | None = None
        self._wait()

    def stop(self) -> None:
        """Measure no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def end(self, at: datetime) -> QualityMeasured | None:
        """What was measured; None: nothing, or the leg was too short."""
        self.stop()
        if not any(self._values):
            return None
        return QualityMeasured(
            at=at,
            call_id=self._call.call_id,
            every=self._every,
            mos=tuple(None if one is None else one.mos for one in self._values),
            packet_loss_rate=tuple(
                None if one is None else one.packet_loss_rate for one in self._values
            ),
            jitter=tuple(None if one is None else one.jitter for one in self._values),
        )

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._every, self._measure)

    def _measure(self) -> None:
        self._values.append(self._call.quality_lately())
        if len(self._values) >= MOST:
            self._values = self._values[1::2]
            self._every *= 2
        self._wait()


class QualityWatches:
    """The watches of the legs of one session."""

    def __init__(self) -> None:
        self._by_call: dict[str, QualityWatch] = {}

    def begin(self, call: Call) -> None:
        """The leg was answered."""
        if call.measures_quality:
            self._by_call[call.call_id] = QualityWatch(call)

    def end(self, call: Call, at: datetime) -> QualityMeasured | None:
        """The leg is over; see :meth:`QualityWatch.end`."""
        watch = self._by_call.pop(call.call_id, None)
        return None if watch is None else watch.end(at)

    def stop(self) -> None:
        """Measure no more."""
        for watch in self._by_call.values():
            watch.stop()
        self._by_call.clear()
