"""The asyncio shell of the SIP user agent: one UDP socket, one loop timer, listeners per call."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from offhook.aio import wait_or
from offhook.faults import FaultLog
from offhook.sip import (
    Address,
    Credentials,
    Screen,
    Timers,
    UserAgent,
)
from offhook.sip.in_dialog import Trust, no_trunk
from offhook.sip.outbound import OutboundCall
from offhook.telephony.call_listeners import CallListeners, IncomingListener, Listener
from offhook.telephony.datagram_port import DatagramPort, OwnPort, SharedPort
from offhook.telephony.deadline_timer import DeadlineTimer
from offhook.telephony.resolver import Resolver
from offhook.telephony.udp_socket import own_address, unspecified

log = logging.getLogger(__name__)

Headers = Sequence[tuple[str, str]]
Tap = Callable[[str, bytes, Address], None]
"""Called for every datagram: ``<`` or ``>`` (received or sent), its octets, and the far address."""

TIMERS_AT_ONCE = 64
"""Timers that may raise before other tasks of the loop get their turn."""


class UdpEndpoint:
    """Sends and receives for a :class:`offhook.sip.UserAgent`; commands may be given once started.

    Listeners are called on the loop, one event at a time, in order; a listener may give commands.
    """

    def __init__(
        self,
        host: str,
        port: int = 5060,
        *,
        advertise_host: str | None = None,
        advertise_port: int | None = None,
        user_agent: str = "Offhook",
        timers: Timers | None = None,
        max_dialogs: int | None = None,
        shared: SharedPort | None = None,
        mark: str = "",
    ) -> None:
        """Bind to ``host`` (an address literal) and ``port`` (0: any) in :meth:`start`.

        Where workers share a port, ``shared`` is used; ``mark`` begins tags (:mod:`offhook.sip.demux`).
        The advertised address is used in Via and Contact; over ``max_dialogs`` calls new ones get 503.
        """
        self._host, self._port = host, port
        self._advertise_host, self._advertise_port = advertise_host, advertise_port
        self._user_agent = user_agent
        self._timers = timers or Timers()
        self._max_dialogs = max_dialogs
        self._shared = shared
        self._mark = mark
        self._agent: UserAgent | None = None
        self._in_use: DatagramPort | None = None
        self._timer = DeadlineTimer(self._timer_fired)
        self._screen: Screen | None = None
        self._resolver: Resolver | None = None
        self._faults = FaultLog(log)
        self._listeners = CallListeners(
            refuse=lambda handle: self.reject(handle, 480),
            abandon=self.abandon,
            faults=self._faults,
        )
        self._quiet: asyncio.Event | None = None
        """Set when every BYE and CANCEL was answered; used only while closing."""
        self.tap: Tap | None = None
        """Traces datagrams; None: no trace."""

    # --- life

    async def start(self) -> None:
        """Bind. Raises OSError when the address is taken or not ours."""
        used = self._shared or OwnPort(self._host, self._port)
        host, port = used.socket.getsockname()[:2]
        self._in_use = used
        self._agent = UserAgent(
            local=Address("udp", host, port),
            contact_host=self.advertised_host,
            contact_port=self._advertise_port,
            user_agent=self._user_agent,
            timers=self._timers,
            max_dialogs=self._max_dialogs,
            mark=self._mark,
        )
        if self._screen is not None:
            self._agent.screen(self._screen)
        self._resolver = Resolver(used.socket.family, self._send, self._fail)
        used.start(self._readable)

    async def close(self, grace: float = 1.0) -> None:
        """Stop reading and close the socket; calls still up are not hung up. Idempotent.

        BYEs and CANCELs that were just sent get up to ``grace`` seconds for their answer, so that a lost
        one is repeated.
        """
        if self._in_use is not None and self.agent.hanging_up:
            self._quiet = asyncio.Event()
            await wait_or(self._quiet.wait(), grace)
        used, self._in_use = self._in_use, None
        if used is None:
            return
        used.close()
        self._timer.cancel()
        if self._resolver is not None:
            await self._resolver.close()
        self._listeners.clear()

    @property
    def agent(self) -> UserAgent:
        """The protocol engine."""
        if self._agent is None:
            raise RuntimeError("the endpoint is not started")
        return self._agent

    @property
    def advertised_host(self) -> str:
        """The address in Via and Contact, also to be used in SDP."""
        if self._advertise_host is not None:
            return self._advertise_host
        return own_address() if unspecified(self._host) else self._host

    @property
    def local_address(self) -> tuple[str, int]:
        """Host and port bound."""
        if self._in_use is None:
            raise RuntimeError("the endpoint is not started")
        host, port = self._in_use.socket.getsockname()[:2]
        return str(host), int(port)

    # --- listeners

    def listen(self, handle: str, listener: Listener) -> None:
        """Call ``listener`` for each event of one call, up to its last."""
        self._listeners.listen(handle, listener)

    def on_incoming(self, listener: IncomingListener) -> None:
        """Call ``listener`` for each new call; without a listener calls are refused with 480."""
        self._listeners.on_incoming(listener)

    def screen(self, screen: Screen) -> None:
        """Ask ``screen`` which requests to admit. Call it after :meth:`start`."""
        self._screen = screen
        if self._agent is not None:
            self._agent.screen(screen)

    def trust(self, handle: str, trust: Trust) -> None:
        """Take requests inside a call also from the addresses that ``trust`` knows."""
        self.agent.trust(handle, trust)

    async def resolve(self, host: str) -> str | None:
        """The address of a host that a peer names; None when it cannot be found in time."""
        if self._resolver is None:
            raise RuntimeError("the endpoint is not started")
        return await self._resolver.resolve(host)

    def is_address_of(self, host: str, address: str) -> bool:
        """Whether ``address`` is where datagrams for ``host`` are sent."""
        return self._resolver is not None and self._resolver.is_address_of(host, address)

    # --- commands, as those of the user agent

    def invite(
        self,
        *,
        transport: str = "udp",
        host: str,
        port: int,
        request_uri: str,
        from_uri: str,
        to_uri: str,
        sdp: bytes,
        headers: Headers = (),
        credentials: Credentials | None = None,
        trust: Trust = no_trunk,
    ) -> str:
        """Send an INVITE to the next hop ``host`` and ``port``; returns the handle of the call.

        ``trust`` knows the addresses of the same trunk. Raises ValueError for another transport.
        """
        if transport != "udp":
            raise ValueError(f"transport {transport!r} is not served by this endpoint")
        handle = self.agent.invite(
            time.monotonic(),
            target=Address("udp", host, port),
            request_uri=request_uri,
            from_uri=from_uri,
            to_uri=to_uri,
            sdp=sdp,
            headers=headers,
            credentials=credentials,
            trust=trust,
        )
        self._flush()
        return handle

    def options(
        self, *, host: str, port: int, request_uri: str, from_uri: str, listener: Listener
    ) -> None:
        """Ask ``host`` and ``port`` whether it is there; the listener gets the answer's event."""
        handle = self.agent.options(
            time.monotonic(),
            target=Address("udp", host, port),
            request_uri=request_uri,
            from_uri=from_uri,
            to_uri=request_uri,
        )
        self.listen(handle, listener)
        self._flush()

    def call_id_of(self, handle: str) -> str:
        """The Call-ID of a call; empty when the call is over."""
        call = self.agent.call_of(handle)
        return call.call_id if call is not None else ""

    def cancel(self, handle: str) -> None:
        """Give up a call that is not answered."""
        self.agent.cancel(handle, time.monotonic())
        self._flush()

    def heard_from(self, handle: str) -> bool:
        """Whether any response has come to our INVITE."""
        call = self.agent.call_of(handle)
        return isinstance(call, OutboundCall) and call.heard_from

    def ring(self, handle: str, status: int = 180, sdp: bytes | None = None) -> None:
        """Answer provisionally, 101..199; with ``sdp``, early media."""
        self.agent.ring(handle, time.monotonic(), status, sdp)
        self._flush()

    def accept(self, handle: str, sdp: bytes, headers: Headers = ()) -> None:
        """Answer 200 with our session description."""
        self.agent.accept(handle, time.monotonic(), sdp, headers)
        self._flush()

    def reject(
        self, handle: str, status: int, reason: str | None = None, headers: Headers = ()
    ) -> None:
        """Refuse with 300..699; no further event comes."""
        self.agent.reject(handle, time.monotonic(), status, reason, headers)
        self._forget_if_over(handle)
        self._flush()

    def bye(self, handle: str, headers: Headers = ()) -> None:
        """Hang up; before the answer a CANCEL, or 480 for a received call."""
        self.agent.bye(handle, time.monotonic(), headers)
        self._flush()
        self._forget_if_over(handle)

    def abandon(self, handle: str) -> None:
        """Our own code failed on this call: 500, CANCEL or BYE, as its state asks."""
        self.agent.abandon(handle, time.monotonic())
        self._flush()

    def reinvite(self, handle: str, sdp: bytes) -> bool:
        """Offer a new session; False: not sent, the call is not up or another offer is out."""
        sent = self.agent.reinvite(handle, time.monotonic(), sdp)
        self._flush()
        return sent

    def accept_reoffer(self, handle: str, sdp: bytes) -> None:
        """Answer a :class:`offhook.sip.Reoffer`."""
        self.agent.accept_reoffer(handle, time.monotonic(), sdp)
        self._flush()

    def reject_reoffer(self, handle: str, status: int = 488) -> None:
        """Refuse a :class:`offhook.sip.Reoffer`; the session stays as it was."""
        self.agent.reject_reoffer(handle, time.monotonic(), status)
        self._flush()

    def send_info(self, handle: str, content_type: str, body: bytes) -> None:
        """Send an INFO inside the call (RFC 6086)."""
        self.agent.send_info(handle, time.monotonic(), content_type, body)
        self._flush()

    def _forget_if_over(self, handle: str) -> None:
        """Remove the listener of a call that we refused: it gets no last event."""
        if self.agent.call_of(handle) is None:
            self._listeners.forget(handle)

    # --- the loop's side

    def _readable(self) -> None:
        used, agent = self._in_use, self._agent
        if used is None or agent is None:
            return
        now = time.monotonic()
        for data, source in used.receive():
            address = Address("udp", source[0], source[1])
            if self.tap is not None:
                self.tap("<", data, address)
            try:
                agent.receive(data, address, now)
            except Exception:
                self._faults.report(f"handling a datagram from {address.host}")
        self._flush()

    def _timer_fired(self) -> None:
        if self._in_use is None:
            return
        for _ in range(TIMERS_AT_ONCE):
            try:
                self.agent.handle_timers(time.monotonic())
                break
            except Exception:
                self._faults.report("handling a SIP timer")  # the others are still due
        self._flush()

    def _flush(self) -> None:
        """Send the waiting datagrams, deliver the events, and set the timer."""
        agent = self.agent
        self._listeners.add(agent.take_events())
        for data, destination in agent.take_output():
            self._send(data, destination)
        if self._listeners.deliver():
            self._timer.set(agent.next_deadline())
        if self._quiet is not None and not agent.hanging_up:
            self._quiet.set()

    # --- sending

    def _send(self, data: bytes, destination: Address) -> None:
        used, resolver = self._in_use, self._resolver
        if used is None or resolver is None:
            return
        host = resolver.address_of(destination.host)
        if host is None:
            resolver.wait(data, destination)
            return
        if self.tap is not None:
            self.tap(">", data, destination)
        try:
            used.socket.sendto(data, (host, destination.port))
        except (BlockingIOError, InterruptedError):
            log.warning("the socket's send buffer is full; a datagram is left to retransmission")
        except OSError as error:
            problem = f"cannot send to {destination.host}: {error.strerror or error}"
            log.info("%s", problem)
            self._fail(destination, problem)

    def _fail(self, destination: Address, problem: str) -> None:
        """Report on the loop's next turn, so that a caller has time to listen."""
        asyncio.get_running_loop().call_soon(self._unreachable, destination, problem)

    def _unreachable(self, destination: Address, problem: str) -> None:
        if self._in_use is not None:
            self.agent.unreachable(destination, time.monotonic(), problem)
            self._flush()
