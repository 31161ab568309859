"""What every implementation of a leg needs: the futures of its answer and of its end."""

from __future__ import annotations

import asyncio
from datetime import datetime

from offhook.session.ports.telephony import Call, CallEnd


class CallFutures(Call):
    """The answer and the end of a leg. The subclass sets their results, each once."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._answered: asyncio.Future[datetime | None] = loop.create_future()
        self._ended: asyncio.Future[CallEnd] = loop.create_future()

    @property
    def ended(self) -> CallEnd | None:
        return self._ended.result() if self._ended.done() else None

    @property
    def over(self) -> asyncio.Future[CallEnd]:
        return self._ended

    @property
    def answer(self) -> asyncio.Future[datetime | None]:
        return self._answered

    @property
    def connected(self) -> bool:
        """Whether the leg was answered and is up."""
        return self._answered.done() and not self._ended.done()
