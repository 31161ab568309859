"""RTCP of one leg in the Python engine: the socket and the timer around the session."""

from __future__ import annotations

import random
import time
from typing import Final

from offhook.media import rtcp
from offhook.media.python.pacing import Address
from offhook.media.python.port_pool import SocketPair
from offhook.media.python.rtp_receiver import RtpReceiver
from offhook.media.python.rtp_sender import RtpSender
from offhook.media.python.services import EngineServices, Fail
from offhook.media.rtcp_session import RtcpSession, Sending
from offhook.negotiated import NegotiatedMedia

_NOWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 not bound: an old way of saying hold


def _next_port(rtp_address: Address, signalled: int | None) -> Address | None:
    """Where the peer's RTCP is: as signalled, else on the port after RTP's (RFC 3550 §11)."""
    port = signalled or rtp_address[1] + 1
    return (rtp_address[0], port, *rtp_address[2:]) if port <= 65535 else None


def _fail_no_more(_error: BaseException) -> None:
    """Does nothing: the error callback of a leg that is over."""


class RtcpPort:
    """Sends reports when they are due and reads the peer's."""

    __slots__ = (
        "_closed",
        "_fail",
        "_mux",
        "_receiver",
        "_remote",
        "_sender",
        "_session",
        "_sockets",
        "_timers",
    )

    def __init__(
        self,
        sockets: SocketPair,
        timers: EngineServices,
        receiver: RtpReceiver,
        sender: RtpSender,
        fail: Fail,
    ) -> None:
        self._sockets = sockets
        self._timers = timers
        self._receiver = receiver
        self._sender = sender
        self._fail = fail
        self._session = RtcpSession()
        self._mux = False
        self._remote: Address | None = None
        self._closed = False

    @property
    def session(self) -> RtcpSession:
        """The RTCP session, which has what the peer's reports said."""
        return self._session

    def configure(self, media: NegotiatedMedia, remote: Address) -> None:
        """Take over what was negotiated; ``remote`` is the peer's RTP address."""
        self._mux = media.rtcp_mux
        self.moved(remote, media.remote_rtcp_port)

    def moved(self, remote: Address, signalled: int | None = None) -> None:
        """The peer's RTP comes from another address than before."""
        if remote[0] in _NOWHERE:
            self._remote = None
        else:
            self._remote = remote if self._mux else _next_port(remote, signalled)

    def start(self) -> None:
        """Report from now on, the first time after about half the interval (RFC 3550 §6.2)."""
        self._again(initial=True)

    def close(self) -> None:
        """Send RTCP BYE if anything was sent before (RFC 3550 §6.3.7)."""
        self._closed = True
        if self._session.spoken or self._sender.packets_sent:
            self.send(bye=True)

    def let_go(self) -> None:
        """The leg is over: release the error callback."""
        self._fail = _fail_no_more

    def send(self, *, bye: bool = False) -> None:
        """Send a report now."""
        if self._remote is None:
            return
        receiver = self._receiver
        source = None
        if receiver.ssrc is not None and receiver.statistics is not None:
            source = (receiver.ssrc, receiver.statistics)
        packet = self._session.report(
            self._sending(), source, now=time.monotonic(), wall=time.time(), bye=bye
        )
        sock = self._sockets.rtp if self._mux else self._sockets.rtcp
        try:
            sock.sendto(packet, self._remote)
        except OSError:
            self._sender.errors += 1

    def read(self, _pass: int, _now: float, _skew: float) -> None:
        """Read one datagram; only the host that RTP is accepted from counts."""
        try:
            datagram, address = self._sockets.rtcp.recvfrom(rtcp.MAX_DATAGRAM + 1)
        except BlockingIOError:
            return
        except OSError:
            self._receiver.discarded += 1
            return
        remote = self._receiver.remote
        if remote is None or address[0] != remote[0]:
            self._receiver.discarded += 1
        elif self.received(memoryview(datagram)):
            self._remote = address

    def received(self, datagram: memoryview) -> bool:
        """Process a report; False when it is not from the peer."""
        now = time.monotonic()
        known = self._session.received(datagram, self._sending(), self._receiver.ssrc, now)
        if known:
            self._receiver.control_at = now
        else:
            self._receiver.discarded += 1
        return known

    def _again(self, *, initial: bool = False) -> None:
        delay = rtcp.interval(
            random.random(),  # noqa: S311 not a secret
            least=self._timers.report_interval,
            initial=initial,
        )
        self._timers.call_at(self._timers.now + delay, self._due, self._fail)

    def _due(self, _now: float) -> None:
        if not self._closed:
            self.send()
            self._again()

    def _sending(self) -> Sending:
        sender = self._sender
        return Sending(
            sender.ssrc,
            sender.units_at(self._timers.tick_at(time.monotonic())) & 0xFFFFFFFF,
            sender.packets_sent,
            sender.octets_sent,
            sender.first_sequence,
        )
