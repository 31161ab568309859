"""The user agent: bytes and time in, bytes and events out (RFC 3261). No sockets, no clock, no sleep.

A shell gives every datagram to :meth:`UserAgent.receive`, calls :meth:`~UserAgent.handle_timers` no
later than :meth:`~UserAgent.next_deadline`, and after each of those, and after each command, takes the
datagrams of :meth:`~UserAgent.take_output` and the events of :meth:`~UserAgent.take_events`. Times are
monotonic seconds. A command for a call that is over does nothing: its last event waits to be taken.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from offhook.sip.agent_core import Core
from offhook.sip.agent_events import Address, AnyEvent, Credentials, OptionsAnswered
from offhook.sip.call import Calls, SipCall
from offhook.sip.client import ClientTransaction, ClientTransactions, OutgoingRequest
from offhook.sip.encoding import header_lines
from offhook.sip.grammar import GrammarError, check_uri_text, parse_name_addr, uri_scheme
from offhook.sip.in_dialog import Trust, no_trunk
from offhook.sip.inbound import InboundCall
from offhook.sip.message import MessageError, Response, parse
from offhook.sip.outbound import OutboundCall
from offhook.sip.receive import RequestReceiver
from offhook.sip.registration import Registration
from offhook.sip.screen import Screen
from offhook.sip.server import ServerTransactions
from offhook.sip.timers import Timers
from offhook.sip.transport import Transport, Transports

DEFAULT_TIMERS = Timers()
"""The values of RFC 3261 table 4."""


class UserAgent:
    """A SIP user agent, caller and callee."""

    def __init__(
        self,
        *,
        transports: Iterable[Transport],
        user_agent: str = "Offhook",
        timers: Timers = DEFAULT_TIMERS,
        max_dialogs: int | None = None,
        max_transactions: int = 64_000,
        rng: random.Random | None = None,
        mark: str = "",
    ) -> None:
        """``transports``: what it sends with; see :class:`offhook.sip.transport.Transports`.

        Over ``max_dialogs`` calls, or ``max_transactions`` of peers, new ones get 503 with Retry-After.
        ``rng`` makes tags and branches; only tests should give one. ``mark`` is how they begin, where
        several agents share an address (:mod:`offhook.sip.demux`).
        """
        self._core = core = Core(
            transports=transports,
            user_agent=user_agent,
            timers=timers,
            rng=rng,
            mark=mark,
        )
        self._clients = ClientTransactions(core)
        self._servers = ServerTransactions(core, max_transactions)
        self._calls = Calls(core, self._clients, max_dialogs)
        self._receiver = RequestReceiver(core, self._servers, self._calls)
        self._registrations: dict[str, Registration] = {}

    def screen(self, screen: Screen) -> None:
        """Ask ``screen`` about requests outside dialogs from now on; before that all requests are
        admitted."""
        self._receiver.screen = screen

    # --- what happens

    def receive(self, data: bytes, source: Address, now: float) -> None:
        """Take in a datagram; no octets make this raise.

        When handling it fails because of a bug here, the call and the transaction that it belongs to
        are ended in an orderly way, and the error is raised for the caller to log.
        """
        if len(data) < 16:
            return  # a keep-alive (RFC 5626 §3.5.1), or nothing that could be SIP
        try:
            message = parse(data)
        except MessageError:
            self._receiver.screen.malformed(source)
            return
        message.source = source
        if isinstance(message, Response):
            self._response(message, now)
        else:
            self._receiver.receive(message, source, len(data), now)

    def _response(self, response: Response, now: float) -> None:
        try:
            transaction = self._clients.find(response)
        except GrammarError:
            return
        if transaction is None or response.check() is not None:
            return
        try:
            transaction.receive(response, now)
        except Exception:
            transaction.abandon(now)
            raise

    def handle_timers(self, now: float) -> None:
        """Run the timers that are due. If it raises, call it again for the other timers."""
        self._core.timers.run(now)

    def next_deadline(self) -> float | None:
        """When to call :meth:`handle_timers` next; None while no timer runs."""
        return self._core.timers.next_deadline()

    def take_output(self) -> list[tuple[bytes, Address]]:
        """The datagrams to send, in order."""
        output, self._core.output = self._core.output, []
        return output

    def take_forgotten(self) -> list[str]:
        """The handles of the calls that we refused: they get no event any more."""
        forgotten, self._core.forgotten = self._core.forgotten, []
        return forgotten

    def take_events(self) -> list[AnyEvent]:
        """What happened, in order."""
        events, self._core.events = self._core.events, []
        return events

    def unreachable(self, destination: Address, now: float, problem: str) -> None:
        """The transport cannot deliver there: requests without a response fail now (§8.1.3.1).

        ``problem`` says why, for people.
        """
        self._clients.transport_failed(destination, now, problem)

    def options(
        self, now: float, *, target: Address, request_uri: str, from_uri: str, to_uri: str
    ) -> str:
        """Ask whether ``target`` is there (RFC 3261 §11.1); returns the handle of the answer's event."""
        core = self._core
        handle = core.token()

        def over(tx: ClientTransaction, response: Response | None, _now: float) -> None:
            status = None if response is None else response.status
            if status is None or status >= 200:
                core.emit(OptionsAnswered(handle=handle, status=status, problem=tx.problem))

        request = OutgoingRequest(
            "OPTIONS",
            request_uri,
            routes="",
            from_=f"{_name_addr(from_uri)};tag={handle}",
            to=_name_addr(to_uri),
            call_id=core.token(),
            cseq=1,
            destination=target,
        )
        head = f"{core.request_tail}{core.transports.to(target).contact}Accept: application/sdp\r\n"
        ClientTransaction(self._clients, request, head, b"", over, lambda _now: None).start(now)
        return handle

    def register(
        self,
        now: float,
        *,
        registrars: Sequence[Address],
        registrar_uri: str,
        aor: str,
        contact_user: str,
        credentials: Credentials,
        expires: int,
    ) -> str:
        """Register and stay registered until :meth:`unregister`; returns the handle of its events.

        ``registrars`` are asked in order. ``contact_user`` is the user part of the contact, at our address;
        ``expires`` the seconds asked for. Raises ValueError if a request would not be legal.
        """
        for uri in (registrar_uri, aor, f"sip:{contact_user}@host"):
            check_uri_text(uri)
        registration = Registration(
            self._clients,
            registrars=registrars,
            registrar_uri=registrar_uri,
            aor=aor,
            contact_user=contact_user,
            credentials=credentials,
            expires=expires,
        )
        self._registrations[registration.handle] = registration
        registration.start(now)
        return registration.handle

    def move_registration(self, handle: str, registrars: Sequence[Address]) -> None:
        """Ask these registrars from the next REGISTER on."""
        registration = self._registrations.get(handle)
        if registration is not None:
            registration.use(registrars)

    def unregister(self, handle: str, now: float) -> None:
        """Take a registration back."""
        registration = self._registrations.pop(handle, None)
        if registration is not None:
            registration.stop(now)

    def answer_register(
        self, handle: str, now: float, status: int, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Answer an :class:`IncomingRegister` with 200..699; a second answer is ignored."""
        self._receiver.registering.answer(handle, now, status, headers)

    # --- calls we make

    def invite(
        self,
        now: float,
        *,
        target: Address,
        request_uri: str,
        from_uri: str,
        to_uri: str,
        sdp: bytes,
        headers: Sequence[tuple[str, str]] = (),
        credentials: Credentials | None = None,
        routes: Sequence[str] = (),
        trust: Trust = no_trunk,
        session_expires: int = 0,
    ) -> str:
        """Send an INVITE; returns the handle of the call.

        ``routes`` are the values of its Route header (RFC 3261 §16.12); it goes to ``target`` all the same.

        ``from_uri`` and ``to_uri`` are URIs or whole name-addrs (``"Ann" <sip:ann@example.org>``).
        ``trust`` tells whether an address belongs to the same trunk, so that requests inside the
        dialog are taken from it too. ``session_expires`` is the interval of the session timer to ask for,
        in seconds (RFC 4028); 0: none. Raises ValueError if the request would not be legal, or if no
        transport reaches ``target``.
        """
        check_uri_text(request_uri)
        uri_scheme(request_uri)
        call = OutboundCall(
            self._calls,
            target=target,
            uri=request_uri,
            from_=_name_addr(from_uri),
            to=_name_addr(to_uri),
            sdp=sdp,
            headers=headers,
            credentials=credentials,
            routes=header_lines([("Route", route) for route in routes]),
            trust=trust,
            session_expires=session_expires,
        )
        call.start(now)
        return call.handle

    def cancel(self, handle: str, now: float) -> None:
        """Give up a call that is not answered. Its last event will be :class:`Rejected`."""
        call = self._calls.open.get(handle)
        if isinstance(call, OutboundCall):
            call.cancel(now)

    # --- calls we receive

    def ring(self, handle: str, now: float, status: int = 180, sdp: bytes | None = None) -> None:
        """Answer provisionally, 101..199; with ``sdp``, early media."""
        call = self._calls.open.get(handle)
        if isinstance(call, InboundCall):
            call.ring(now, status, sdp)

    def accept(
        self, handle: str, now: float, sdp: bytes, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Answer 200 with our session description."""
        call = self._calls.open.get(handle)
        if isinstance(call, InboundCall):
            call.accept(now, sdp, headers)

    def reject(
        self,
        handle: str,
        now: float,
        status: int,
        reason: str | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Refuse with 300..699. No further event comes."""
        call = self._calls.open.get(handle)
        if isinstance(call, InboundCall):
            call.reject(now, status, reason, headers)

    def trust(self, handle: str, trust: Trust) -> None:
        """Take requests inside the dialog of a received call also from these addresses."""
        call = self._calls.open.get(handle)
        if call is not None:
            call.trust = trust

    def abandon(self, handle: str, now: float) -> None:
        """Handling an event of this call failed: send 500, CANCEL or BYE, depending on its state."""
        call = self._calls.open.get(handle)
        if call is not None:
            call.abandon(now)
        self._receiver.registering.answer(handle, now, 500)

    # --- calls that are up

    def bye(self, handle: str, now: float, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Hang up. Before the answer it is :meth:`cancel` for our call, 480 for a received one."""
        call = self._calls.open.get(handle)
        if call is not None:
            call.hang_up(now, headers)

    def reinvite(self, handle: str, now: float, sdp: bytes) -> bool:
        """Offer a new session (hold, resume); a glare is retried.

        False, and nothing sent, when the call is not up or another offer is under way.
        """
        call = self._calls.open.get(handle)
        return call is not None and call.reinvite(now, sdp)

    def accept_reoffer(self, handle: str, now: float, sdp: bytes) -> None:
        """Answer a :class:`Reoffer`."""
        call = self._calls.open.get(handle)
        if call is not None:
            call.accept_reoffer(now, sdp)

    def reject_reoffer(self, handle: str, now: float, status: int = 488) -> None:
        """Refuse a :class:`Reoffer`; the session stays as it was."""
        call = self._calls.open.get(handle)
        if call is not None:
            call.reject_reoffer(now, status)

    def accept_refer(self, handle: str, now: float) -> None:
        """Follow a :class:`Referred`: we call the target, and the peer need not wait for it."""
        call = self._calls.open.get(handle)
        if call is not None:
            call.accept_refer(now)

    def reject_refer(self, handle: str, now: float, status: int = 603, warning: str = "") -> None:
        """Refuse a :class:`Referred`; the call goes on as it was. ``warning`` tells people why."""
        call = self._calls.open.get(handle)
        if call is not None:
            call.reject_refer(now, status, warning)

    def send_info(self, handle: str, now: float, content_type: str, body: bytes) -> None:
        """Send an INFO inside the call."""
        call = self._calls.open.get(handle)
        if call is not None:
            call.send_info(now, content_type, body)

    @property
    def transports(self) -> Transports:
        """What reaches which address."""
        return self._core.transports

    # --- counters

    @property
    def transactions(self) -> int:
        """Client and server transactions that are not over."""
        return len(self._clients.open) + len(self._servers.open)

    @property
    def dialogs(self) -> int:
        """Calls that are not over."""
        return len(self._calls.open)

    @property
    def hanging_up(self) -> int:
        """Our BYEs, CANCELs and REGISTERs that have no final response yet."""
        return self._clients.hanging_up

    @property
    def timers(self) -> int:
        """Number of armed timers."""
        return len(self._core.timers)

    def call_of(self, handle: str) -> SipCall | None:
        """The live call of a handle, for looking at in tests and diagnostics."""
        return self._calls.open.get(handle)


def _name_addr(value: str) -> str:
    """A From or To value from a URI or name-addr."""
    if "<" not in value:
        value = f"<{value}>"
    header_lines([("From", value)])
    uri_scheme(parse_name_addr(value).uri)
    return value
