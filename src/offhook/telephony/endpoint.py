"""The asyncio shell of the SIP user agent: its transports, one loop timer, listeners per call."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import final

from offhook.aio import wait_or
from offhook.faults import FaultLog
from offhook.sip import Address, Screen, Timers, UserAgent
from offhook.sip.outbound import OutboundCall
from offhook.sip.transport import Transport
from offhook.telephony.call_listeners import (
    CallListeners,
    IncomingListener,
    Listener,
    RegisterListener,
)
from offhook.telephony.deadline_timer import DeadlineTimer
from offhook.telephony.transports.datagram_port import SharedPort
from offhook.telephony.transports.locator import Locator
from offhook.telephony.transports.sip_transport import (
    Arrived,
    SipTransport,
    Standing,
    TransportOwner,
)
from offhook.telephony.transports.udp import UdpTransport

log = logging.getLogger(__name__)

Tap = Callable[[str, bytes, Address], None]
"""Called for every message: ``<`` or ``>`` (received or sent), its octets, and the far address."""

TIMERS_AT_ONCE = 64
"""Timers that may raise before other tasks of the loop get their turn."""


@final
class SipEndpoint(TransportOwner):
    """Sends and receives for a :class:`offhook.sip.UserAgent`; commands may be given once started.

    Listeners are called on the loop, one event at a time, in order; a listener may give commands.
    """

    def __init__(
        self,
        transports: Sequence[SipTransport],
        *,
        user_agent: str = "Offhook",
        timers: Timers | None = None,
        max_dialogs: int | None = None,
        mark: str = "",
    ) -> None:
        """``transports`` are started in :meth:`start`; the first one gives the address in our SDP.

        Over ``max_dialogs`` calls new ones get 503; ``mark`` begins tags (:mod:`offhook.sip.demux`).
        """
        self._transports = list(transports)
        self._user_agent = user_agent
        self._timers = timers or Timers()
        self._max_dialogs = max_dialogs
        self._mark = mark
        self._agent: UserAgent | None = None
        self._by_record: dict[int, SipTransport] = {}
        """The transports that are open, by the identity of their record."""
        self._timer = DeadlineTimer(self._timer_fired)
        self._command = EndpointCommand(self)
        self._screen: Screen | None = None
        self._faults = FaultLog(log)
        self._listeners = CallListeners(
            refuse=self._refuse, abandon=self._abandon, faults=self._faults
        )
        self._flows = itertools.count(len(self._transports) + 1)
        self._quiet: asyncio.Event | None = None
        """Set when every BYE and CANCEL was answered; used only while closing."""
        self.locator = Locator({(each.protocol.value, each.wide) for each in transports})
        """Finds the servers of trunks."""
        self.tls_names: Mapping[str, str] = {}
        """Whose certificate a domain shows, where it is not its own."""
        self.tap: Tap | None = None
        """Traces messages; None: no trace."""

    # --- life

    async def start(self) -> None:
        """Bind. Raises OSError when an address is taken or not ours; then nothing stays open."""
        opened: list[tuple[Transport, SipTransport]] = []
        try:
            for transport in self._transports:
                record = await transport.start(self, self._flow_for(transport))
                opened.append((record, transport))
        except OSError:
            for _, transport in opened:
                await transport.close()
            raise
        self._by_record = {id(record): transport for record, transport in opened}
        self._agent = UserAgent(
            transports=[record for record, _ in opened],
            user_agent=self._user_agent,
            timers=self._timers,
            max_dialogs=self._max_dialogs,
            mark=self._mark,
        )
        for flow, (record, transport) in enumerate(opened, start=1):
            if self._flow_for(transport):
                self._agent.transports.join(flow, record)
        if self._screen is not None:
            self._agent.screen(self._screen)

    def _flow_for(self, transport: SipTransport) -> int:
        """The number of a transport that another one of its kind stands before; 0: it is the first."""
        kinds = [(each.protocol, each.wide) for each in self._transports]
        at = self._transports.index(transport)
        return at + 1 if kinds[at] in kinds[:at] else 0

    async def close(self, grace: float = 1.0) -> None:
        """Stop reading and close the transports; calls still up are not hung up. Idempotent.

        BYEs and CANCELs that were just sent get up to ``grace`` seconds for their answer, so that a lost
        one is repeated.
        """
        if self._by_record and self.agent.hanging_up:
            self._quiet = asyncio.Event()
            await wait_or(self._quiet.wait(), grace)
        opened, self._by_record = self._by_record, {}
        if not opened:
            return
        self._timer.cancel()
        for transport in opened.values():
            await transport.close()
        await self.locator.close()
        self._listeners.clear()

    @property
    def agent(self) -> UserAgent:
        """The protocol engine, to be looked at. Commands: :meth:`command`."""
        if self._agent is None:
            raise RuntimeError("the endpoint is not started")
        return self._agent

    @property
    def advertised_host(self) -> str:
        """The address in Via and Contact, also to be used in SDP."""
        return self._transports[0].advertised_host

    def advertised_by(self, *, wide: bool) -> str | None:
        """The same of the first IPv6 address (``wide``) or IPv4 address; None: there is none."""
        found = (each.advertised_host for each in self._transports if each.wide is wide)
        return next(found, None)

    def advertise(self, host: str) -> None:
        """Use another IPv4 address in what is sent from now on; calls that are up keep theirs."""
        for transport in self._transports:
            if not transport.wide:
                transport.advertise(host)

    @property
    def local_address(self) -> tuple[str, int]:
        """Host and port bound, of the first transport."""
        return self._transports[0].local_address

    def near(self, far: Address) -> Address:
        """Our own address, as peers see it, in messages from or to ``far``."""
        record = self.agent.transports.to(far)
        transport = self._by_record.get(id(record), self._transports[0])
        return record.local._replace(host=transport.advertised_host)

    # --- listeners

    def listen(self, handle: str, listener: Listener) -> None:
        """Call ``listener`` for each event of one call, up to its last."""
        self._listeners.listen(handle, listener)

    def on_incoming(self, listener: IncomingListener) -> None:
        """Call ``listener`` for each new call; without a listener calls are refused with 480."""
        self._listeners.on_incoming(listener)

    def on_register(self, listener: RegisterListener) -> None:
        """Call ``listener`` for each REGISTER that the screen admits; without one it is answered 500."""
        self._listeners.on_register(listener)

    def screen(self, screen: Screen) -> None:
        """Ask ``screen`` which requests to admit."""
        self._screen = screen
        if self._agent is not None:
            self._agent.screen(screen)

    async def resolve(self, host: str, *, wide: bool | None = None) -> str | None:
        """The address of a host that a peer names; None when it cannot be found in time.

        ``wide``: an IPv6 address; None: one of the version of the first transport.
        """
        usable = (each for each in self._transports if wide is None or each.wide is wide)
        transport = next(usable, self._transports[0])
        return await transport.resolver.resolve(host)

    def is_address_of(self, host: str, address: str) -> bool:
        """Whether ``address`` is where datagrams for ``host`` are sent."""
        return self.locator.is_server_of(host, address) or any(
            each.resolver.is_address_of(host, address) for each in self._transports
        )

    # --- commands

    def command(self) -> EndpointCommand:
        """Give commands to the user agent; what they make it send and report goes out at the end.

        >>> with endpoint.command() as (agent, now):  # doctest: +SKIP
        ...     agent.bye(handle, now)
        """
        return self._command

    def call_id_of(self, handle: str) -> str:
        """The Call-ID of a call; empty when the call is over."""
        call = self.agent.call_of(handle)
        return call.call_id if call is not None else ""

    def heard_from(self, handle: str) -> bool:
        """Whether any response has come to our INVITE."""
        call = self.agent.call_of(handle)
        return isinstance(call, OutboundCall) and call.heard_from

    def _refuse(self, handle: str) -> None:
        """Nobody takes the call."""
        with self.command() as (agent, now):
            agent.reject(handle, now, 480)

    def _abandon(self, handle: str) -> None:
        """The listener of the call raised."""
        with self.command() as (agent, now):
            agent.abandon(handle, now)

    # --- what the transports tell

    def take_in(self, messages: Iterable[Arrived]) -> None:
        agent, now = self.agent, time.monotonic()
        for data, source in messages:
            if self.tap is not None:
                self.tap("<", data, source)
            try:
                agent.receive(data, source, now)
            except Exception:
                self._faults.report(f"handling a message from {source.host}")
        self.flush()

    def sends(self, data: bytes, destination: Address) -> None:
        if self.tap is not None:
            self.tap(">", data, destination)

    def fail(self, destination: Address, problem: str) -> None:
        """Reported on the loop's next turn, so that a caller has time to listen."""
        asyncio.get_running_loop().call_soon(self._unreachable, destination, problem)

    def _unreachable(self, destination: Address, problem: str) -> None:
        if self._by_record:
            with self.command() as (agent, now):
                agent.unreachable(destination, now, problem)

    def standing(self, source: Address) -> Standing:
        if self._screen is None or self._screen.knows(source.host):
            return Standing.KNOWN
        return Standing.BANNED if self._screen.bans(source.host) else Standing.UNKNOWN

    def domains_of(self, host: str, port: int) -> list[str]:
        found = self.locator.domains_of(host, port) or [host]
        return [self.tls_names.get(domain, domain) for domain in found]

    def joined(self, record: Transport) -> int:
        flow = next(self._flows)
        self.agent.transports.join(flow, record)
        return flow

    def left(self, flow: int) -> None:
        self.agent.transports.leave(flow)

    # --- the loop's side

    def _timer_fired(self) -> None:
        if not self._by_record:
            return
        for _ in range(TIMERS_AT_ONCE):
            try:
                self.agent.handle_timers(time.monotonic())
                break
            except Exception:
                self._faults.report("handling a SIP timer")  # the others are still due
        self.flush()

    def flush(self) -> None:
        """Send the waiting messages, deliver the events, and set the timer."""
        agent = self.agent
        self._listeners.add(agent.take_events())
        for handle in agent.take_forgotten():
            self._listeners.forget(handle)
        for data, destination in agent.take_output():
            transport = self._by_record.get(id(agent.transports.to(destination)))
            if transport is not None:
                transport.send(data, destination)
        if self._listeners.deliver():
            self._timer.set(agent.next_deadline())
        if self._quiet is not None and not agent.hanging_up:
            self._quiet.set()


@final
class EndpointCommand:
    """One or several commands to a user agent, and the time at which they are given."""

    __slots__ = ("_endpoint",)

    def __init__(self, endpoint: SipEndpoint) -> None:
        self._endpoint = endpoint

    def __enter__(self) -> tuple[UserAgent, float]:
        return self._endpoint.agent, time.monotonic()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._endpoint.flush()


def udp_endpoint(
    host: str,
    port: int = 5060,
    *,
    advertise_host: str | None = None,
    advertise_port: int | None = None,
    shared: SharedPort | None = None,
    timers: Timers | None = None,
    max_dialogs: int | None = None,
    mark: str = "",
) -> SipEndpoint:
    """An endpoint with one UDP address; see :class:`UdpTransport` and :class:`SipEndpoint`."""
    transport = UdpTransport(
        host, port, advertise_host=advertise_host, advertise_port=advertise_port, shared=shared
    )
    return SipEndpoint([transport], timers=timers, max_dialogs=max_dialogs, mark=mark)
