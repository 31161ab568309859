"""RTCP of one leg in the Python engine: the socket and the timer around the conversation."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final, Protocol

from offhook.media import rtcp
from offhook.media.control import RtcpConversation, Sending
from offhook.media.engine import LegMedia
from offhook.media.incoming import Incoming
from offhook.media.outgoing import Address, Outgoing
from offhook.media.ports import SocketPair

_NOWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 not bound: an old way of saying hold


class Timers(Protocol):
    """What is needed of the engine."""

    @property
    def now(self) -> float:
        """Monotonic seconds of this pass."""
        ...

    def call_at(self, at: float, timer: Callable[[float], None]) -> None:
        """Call back at a time."""
        ...

    def tick_at(self, at: float) -> float:
        """The tick of a time."""
        ...


def _next_port(rtp_address: Address, signalled: int | None) -> Address | None:
    """Where the peer's RTCP is: as signalled, else on the port after RTP's (RFC 3550 §11)."""
    port = signalled or rtp_address[1] + 1
    return (rtp_address[0], port, *rtp_address[2:]) if port <= 65535 else None


class RtcpPort:
    """Sends reports when they are due and reads the peer's."""

    __slots__ = (
        "_closed",
        "_conversation",
        "_incoming",
        "_mux",
        "_outgoing",
        "_remote",
        "_sockets",
        "_timers",
    )

    def __init__(
        self, sockets: SocketPair, timers: Timers, incoming: Incoming, outgoing: Outgoing
    ) -> None:
        self._sockets = sockets
        self._timers = timers
        self._incoming = incoming
        self._outgoing = outgoing
        self._conversation = RtcpConversation()
        self._mux = False
        self._remote: Address | None = None
        self._closed = False

    @property
    def conversation(self) -> RtcpConversation:
        """What the peer's reports told."""
        return self._conversation

    def configure(self, media: LegMedia, remote: Address) -> None:
        """Take over what was negotiated; ``remote`` is the peer's RTP address."""
        self._mux = media.rtcp_mux
        self.moved(remote, media.remote_rtcp_port)

    def moved(self, remote: Address, signalled: int | None = None) -> None:
        """The peer's RTP comes from another address than was thought."""
        if remote[0] in _NOWHERE:
            self._remote = None
        else:
            self._remote = remote if self._mux else _next_port(remote, signalled)

    def start(self) -> None:
        """Report from now on, the first time after about half the interval (RFC 3550 §6.2)."""
        self._again(initial=True)

    def close(self) -> None:
        """Say goodbye, if anything was ever said (RFC 3550 §6.3.7)."""
        self._closed = True
        if self._conversation.spoken or self._outgoing.packets_sent:
            self.send(bye=True)

    def send(self, *, bye: bool = False) -> None:
        """Send a report now."""
        if self._remote is None:
            return
        incoming = self._incoming
        source = None
        if incoming.ssrc is not None and incoming.statistics is not None:
            source = (incoming.ssrc, incoming.statistics)
        packet = self._conversation.report(
            self._sending(), source, now=time.monotonic(), wall=time.time(), bye=bye
        )
        sock = self._sockets.rtp if self._mux else self._sockets.rtcp
        try:
            sock.sendto(packet, self._remote)
        except OSError:
            self._outgoing.errors += 1

    def read(self, _pass: int, _now: float, _skew: float) -> None:
        """Read one datagram; only from the host whose RTP counts."""
        try:
            datagram, address = self._sockets.rtcp.recvfrom(rtcp.MAX_DATAGRAM + 1)
        except BlockingIOError:
            return
        except OSError:
            self._incoming.discarded += 1
            return
        remote = self._incoming.remote
        if remote is None or address[0] != remote[0]:
            self._incoming.discarded += 1
        elif self.received(memoryview(datagram)):
            self._remote = address

    def received(self, datagram: memoryview) -> bool:
        """Learn from a report; False when it was none of the peer's."""
        now = time.monotonic()
        known = self._conversation.received(datagram, self._sending(), self._incoming.ssrc, now)
        if known:
            self._incoming.heard_at = now
        else:
            self._incoming.discarded += 1
        return known

    def _again(self, *, initial: bool = False) -> None:
        delay = rtcp.interval(random.random(), initial=initial)  # noqa: S311 not a secret
        self._timers.call_at(self._timers.now + delay, self._due)

    def _due(self, _now: float) -> None:
        if not self._closed:
            self.send()
            self._again()

    def _sending(self) -> Sending:
        outgoing = self._outgoing
        return Sending(
            outgoing.ssrc,
            outgoing.timestamp(self._timers.tick_at(time.monotonic())),
            outgoing.packets_sent,
            outgoing.octets_sent,
            outgoing.first_sequence,
        )
