"""A phone of our own stack that calls the server: dials, hears, presses, hangs up."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from tests.support.waiting import Changes

from offhook.clock import SystemClock, new_id
from offhook.media import make_engine
from offhook.media.engine import MediaEngine
from offhook.session.ports.telephony import DialOrder
from offhook.telephony.dialer import Dialer
from offhook.telephony.endpoint import udp_endpoint
from offhook.telephony.line import Line
from offhook.telephony.outgoing import OutgoingCall
from offhook.telephony.trunks import Trunk

RTP_PORTS = (20_000, 21_998)


class Caller(Changes):
    """``async with Caller(port) as caller``: calls numbers of the server on that SIP port."""

    def __init__(
        self, server_port: int, *, username: str | None = None, password: str | None = None
    ) -> None:
        super().__init__()
        self.heard: list[int] = []
        """The provisional statuses of the calls, in order."""
        self._trunk = Trunk(
            name="server",
            transport="udp",
            host="127.0.0.1",
            port=server_port,
            username=username,
            password=password,
        )
        self._endpoint = udp_endpoint("127.0.0.1", 0)
        self._engine: MediaEngine | None = None
        self._line: Line | None = None

    async def __aenter__(self) -> Self:
        await self._endpoint.start()
        self._engine = make_engine("python", host="127.0.0.1", ports=RTP_PORTS)
        self._engine.start()
        self._line = Line(
            endpoint=self._endpoint,
            media=self._engine,
            media_host="127.0.0.1",
            trunks={"server": self._trunk},
            media_timeout=60.0,
            clock=SystemClock(),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._engine is not None
        self._engine.close()
        await self._endpoint.close()

    def dial(self, number: str, source: str = "+14155550123") -> OutgoingCall:
        """Call ``number``; :attr:`heard` gets the provisional statuses."""
        assert self._line is not None
        order = DialOrder(
            call_id=new_id(),
            source=source,
            destination=number,
            trunks=("server",),
            ring_timeout=30.0,
        )

        async def no_other(_trunk: str) -> bool:
            return False

        return Dialer(self._line).dial(order, self._rung, no_other)

    def _rung(self, status: int, early_media: bool) -> None:
        self.heard.append(status)
        self.changed()
