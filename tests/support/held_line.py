"""A real line and endpoint without sockets: the test holds what is sent, and gives what arrives."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, final

from tests.unit.sip.wire import OURS, PEER, SDP, Sent, answer

from offhook.clock import Clock, SystemClock, new_id
from offhook.media.engine import (
    Audio,
    LegStatistics,
    MediaEngine,
    MediaEvent,
    MediaLeg,
    MediaSources,
    PortsExhausted,
    Sound,
)
from offhook.negotiated import NegotiatedMedia
from offhook.session.ports.telephony import Call, CallEnd, DialOrder
from offhook.sip import Address
from offhook.sip.message import Request, Response
from offhook.sip.transport import Protocol, Transport
from offhook.telephony.endpoint import SipEndpoint
from offhook.telephony.line import Line, PhonesOf, no_phones
from offhook.telephony.outgoing import OutgoingCall
from offhook.telephony.transports.resolver import Resolver
from offhook.telephony.transports.sip_transport import SipTransport, TransportOwner
from offhook.telephony.trunks import Trunk

NOTHING = LegStatistics(
    packets_sent=0,
    octets_sent=0,
    packets_received=0,
    packets_expected=0,
    packets_lost=0,
    packets_late=0,
    jitter=0.0,
    remote_fraction_lost=None,
    remote_jitter=None,
    round_trip=None,
)


@final
class HeldTransport(SipTransport):
    """A UDP address whose datagrams go nowhere."""

    def __init__(self) -> None:
        super().__init__(Protocol.UDP, OURS.host, OURS.port)
        self.sent: list[Sent] = []

    async def start(self, owner: TransportOwner, flow: int = 0) -> Transport:
        self._owner = owner
        self._resolver = Resolver(socket.AF_INET, self.send, owner.fail)
        return self._make_record()

    def send(self, data: bytes, destination: Address) -> None:
        self.sent.append(Sent(0.0, data, destination))

    def receive(self, data: bytes, source: Address = PEER) -> None:
        """A datagram arrives."""
        assert self._owner is not None
        self._owner.take_in([(data, source)])

    async def close(self) -> None:
        await self.resolver.close()

    @property
    def local_address(self) -> tuple[str, int]:
        return OURS.host, OURS.port


@final
class HeldLeg(MediaLeg):
    """Media that is only noted."""

    def __init__(self) -> None:
        self.connected_to: list[NegotiatedMedia] = []
        self.closed = False

    @property
    def local_port(self) -> int:
        return 20000

    def connect(self, media: NegotiatedMedia, sources: MediaSources = MediaSources()) -> None:  # noqa: B008 frozen
        self.connected_to.append(media)

    def keep_sending(self) -> None:
        return

    def play(self, sound: Sound, *, repetition: int = 1, pause: float = 0.5) -> int:
        raise NotImplementedError

    def play_below(self, sound: Sound | None, *, pause: float = 0.0) -> None:
        raise NotImplementedError

    def stop(self, playback: int | None = None) -> None:
        return

    def send_digit(self, digit: str, duration: float = 0.1) -> None:
        return

    def start_tap(self) -> None:
        return

    def stop_tap(self) -> None:
        return

    def take_frames(self) -> bytes:
        return b""

    def relay(self, other: MediaLeg | None) -> None:
        return

    def statistics(self) -> LegStatistics:
        return NOTHING

    def close(self) -> None:
        self.closed = True


@final
class HeldEngine(MediaEngine):
    """Opens noted legs; ``full`` when no port is free."""

    def __init__(self) -> None:
        self.legs: list[HeldLeg] = []
        self.full = False

    def start(self) -> None:
        return

    def load(self, audio: Audio) -> Sound:
        raise NotImplementedError

    def open_leg(
        self,
        on_event: Callable[[MediaEvent], None],
        *,
        media_timeout: float | None = None,
        ip_version: int | None = None,
    ) -> MediaLeg:
        if self.full:
            raise PortsExhausted("no port is free")
        self.legs.append(HeldLeg())
        return self.legs[-1]

    def close(self) -> None:
        return


def trunk(name: str = "carrier", **facts: Any) -> Trunk:
    """A trunk at the peer's address."""
    usual: dict[str, Any] = {"transport": "udp", "host": PEER.host, "port": PEER.port}
    return Trunk(name=name, **(usual | facts))


class HeldLine:
    """The line, and the peer's side of it."""

    def __init__(self, trunks: Mapping[str, Trunk], clock: Clock, phones: PhonesOf) -> None:
        self.wire = HeldTransport()
        self.endpoint = SipEndpoint([self.wire])
        self.media = HeldEngine()
        self.line = Line(
            endpoint=self.endpoint,
            media=self.media,
            media_host=OURS.host,
            trunks=trunks,
            media_timeout=60.0,
            clock=clock,
            phones=phones,
        )
        self.rung: list[tuple[int, bool]] = []
        self.asked_for: list[str] = []
        """Trunks of which a channel was asked for."""
        self.free: bool | Exception = True
        """Whether a channel is free."""

    def words(self) -> list[str]:
        """What was sent since the last call, in short; forgotten then."""
        words = [sent.word for sent in self.wire.sent]
        self.wire.sent.clear()
        return words

    def last(self, word: str) -> Sent:
        """The latest datagram of that kind."""
        return next(sent for sent in reversed(self.wire.sent) if sent.word == word)

    def request(self, method: str) -> Request:
        """The latest request with that method."""
        return self.last(method).request

    def response(self, word: str) -> Response:
        """The latest response of that kind, as ``403 INVITE``."""
        return self.last(word).response

    def dials(self, *names: str, source: str = "+6512341234", **facts: Any) -> OutgoingCall:
        """Call over these trunks."""
        order = DialOrder(
            call_id=new_id(),
            source=source,
            destination="+12025550101",
            trunks=names or ("carrier",),
            **({"ring_timeout": 30.0} | facts),
        )
        call = OutgoingCall(self.line, order, lambda *told: self.rung.append(told), self._may_use)
        call.start()
        return call

    async def _may_use(self, name: str) -> bool:
        self.asked_for.append(name)
        if isinstance(self.free, Exception):
            raise self.free
        return self.free

    def answers(self, status: int, *, sdp: bytes | None = None, **how: Any) -> None:
        """The peer answers the latest INVITE; a 200 comes with a description."""
        body = SDP if status == 200 and sdp is None else sdp
        self.answers_to(self.request("INVITE"), status, sdp=body, **how)

    def answers_to(self, invite: Request, status: int, **how: Any) -> None:
        """The peer answers another INVITE."""
        self.wire.receive(answer(invite, status, **how))

    def asks(self, method: str, source: Address = PEER, headers: str = "") -> None:
        """The peer sends a request inside the call that the latest INVITE began."""
        invite = self.request("INVITE")
        head = (
            f"{method} sip:offhook@{OURS.host} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {source.host}:{source.port};branch=z9hG4bK-{new_id()}\r\n"
            f"Max-Forwards: 70\r\nFrom: {invite.get('to')};tag=bob\r\nTo: {invite.get('from')}\r\n"
            f"Call-ID: {invite.call_id}\r\nCSeq: 1 {method}\r\nContact: <sip:bob@{PEER.host}>\r\n"
            f"{headers}Content-Length: 0\r\n\r\n"
        )
        self.wire.receive(head.encode(), source)

    async def end_of(self, call: Call) -> CallEnd:
        """How a call ended."""
        async with asyncio.timeout(10):
            return await call.wait_ended()

    async def settles(self) -> None:
        """What waits for the loop's next turns happens."""
        for _ in range(8):
            await asyncio.sleep(0)


@asynccontextmanager
async def held_line(
    *trunks: Trunk, clock: Clock | None = None, phones: PhonesOf = no_phones
) -> AsyncIterator[HeldLine]:
    """A started line over these trunks; without any, over one that is called ``carrier``."""
    by_name = {each.name: each for each in trunks or (trunk(),)}
    held = HeldLine(by_name, clock or SystemClock(), phones)
    await held.endpoint.start()
    try:
        yield held
    finally:
        await held.endpoint.close(grace=0.0)
