"""aiohttp's protocol with tolerant reading: answers are normalised (:mod:`.heads`) before they are
parsed."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, final

import aiohttp
from aiohttp.client_proto import ResponseHandler

from offhook.net.heads import AnswerFilter
from offhook.net.outgoing_errors import UnreadableAnswer


@final
class TolerantHandler(ResponseHandler):
    """Reads one answer after another on one connection."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._filter = AnswerFilter()

    def set_response_params(self, **params: Any) -> None:
        """Called by aiohttp for each request: the next octets belong to a new answer."""
        self._filter = AnswerFilter()
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        if not data or self._parser is None:  # aiohttp's own calls, and octets without a request
            super().data_received(data)
            return
        try:
            data = self._filter.feed(data)
        except UnreadableAnswer as error:
            if self.transport is not None:
                self.transport.close()
            self.set_exception(error)
            return
        if self._filter.surplus:
            self.force_close()
        if data:
            super().data_received(data)


def read_tolerantly(connector: aiohttp.TCPConnector) -> None:
    """Make ``connector`` use :class:`TolerantHandler`.

    aiohttp has no public way to do that; ``tests/integration/test_net_answers.py`` fails when an update
    of aiohttp breaks it.
    """
    handler: type[ResponseHandler] = TolerantHandler
    connector._factory = partial(handler, loop=asyncio.get_running_loop())
