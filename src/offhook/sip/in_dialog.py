"""What a call does inside its dialog: requests, ACKs, and which addresses count (RFC 3261 §12, §13).

:class:`offhook.sip.call.SipCall` adds the end of the call and its offers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from offhook.sip.agent_core import MAGIC, Core
from offhook.sip.agent_events import Address, Credentials, ForeignRequest
from offhook.sip.client import ClientTransactions, Handler, OutgoingRequest
from offhook.sip.dialog import Dialog
from offhook.sip.encoding import encode
from offhook.sip.message import Request
from offhook.sip.pending import Attempt, ChallengeAnswers, PendingAck
from offhook.sip.timers import NEVER

Trust = Callable[[str], bool]
"""Whether an address literal belongs to the trunk of a call."""


def no_trunk(host: str) -> bool:
    """For a call without a trunk: only the dialog's own addresses count."""
    return False


class InDialog(ABC):
    """One side of an INVITE session, as its dialog sees it. The handle is our tag."""

    __slots__ = (
        "answers",
        "call_id",
        "clients",
        "core",
        "dialog",
        "handle",
        "pending_ack",
        "trust",
    )

    def __init__(
        self,
        core: Core,
        clients: ClientTransactions,
        call_id: str,
        credentials: Credentials | None,
    ) -> None:
        self.core = core
        self.clients = clients
        self.handle = core.token()
        self.call_id = call_id
        self.answers = ChallengeAnswers(core, credentials)
        self.trust: Trust = no_trunk
        self.dialog: Dialog | None = None
        self.pending_ack: PendingAck | None = None

    @abstractmethod
    def abandon(self, now: float) -> None:
        """Handling an event of this call raised: end the call cleanly. Must not raise."""

    @abstractmethod
    def _acknowledged(self, request: Request, *, offered: bool, now: float) -> None:
        """The ACK of our 2xx came; ``offered``: that 2xx held our offer."""

    @abstractmethod
    def _ack_never_came(self, now: float) -> None:
        """64*T1 passed without the ACK of our 2xx."""

    # --- our requests

    def send(
        self,
        method: str,
        now: float,
        done: Handler,
        extra: str = "",
        body: bytes = b"",
        dialog: Dialog | None = None,
    ) -> Attempt:
        """Send a request inside ``dialog`` (default: the call's); ``done`` is called at its end."""
        dialog = dialog or self.dialog
        assert dialog is not None
        attempt = Attempt(
            self.clients,
            self.answers,
            dialog,
            self.call_id,
            method,
            done,
            self.abandon,
            extra=extra,
            body=body,
        )
        return attempt.start(now)

    def acknowledgement(
        self, invite: OutgoingRequest, dialog: Dialog | None = None
    ) -> tuple[bytes, Address]:
        """The ACK of a 2xx: a request of its own, outside every transaction (RFC 3261 §13.2.2.4)."""
        dialog = dialog or self.dialog
        assert dialog is not None
        uri, routes, destination = dialog.next_hop(self.core.transports)
        request = OutgoingRequest(
            "ACK",
            uri,
            routes=routes,
            from_=dialog.local,
            to=dialog.remote,
            call_id=self.call_id,
            cseq=invite.cseq,
            destination=destination,
        )
        request.authorization = invite.authorization
        transport = self.core.transports.to(destination)
        return encode(request.head(transport, f"{MAGIC}{self.core.token()}")), destination

    @property
    def contact_line(self) -> str:
        """The finished Contact line of a request inside the dialog."""
        assert self.dialog is not None
        return self.core.transports.to(self.dialog.next_hop(self.core.transports)[2]).contact

    # --- the ACK of our 2xx

    def await_ack(
        self, cseq: int, data: bytes, destination: Address, now: float, *, offered: bool
    ) -> None:
        """Repeat a 2xx until its ACK. ``cseq``: of the INVITE; other requests may have come since.

        ``offered``: the 2xx holds our offer, the ACK its answer.
        """
        self.pending_ack = PendingAck(
            self.core,
            cseq,
            data,
            destination,
            offered=offered,
            never=self._ack_never_came,
            abandoned=self.abandon,
        )
        self.pending_ack.start(now)

    def received_ack(self, request: Request, now: float) -> None:
        """An ACK inside the dialog; one that no 2xx waits for is a repetition."""
        pending = self.pending_ack
        if pending is None or request.cseq[0] != pending.cseq:
            return
        pending.wake = NEVER
        self.pending_ack = None
        self._acknowledged(request, offered=pending.offered, now=now)

    # --- which addresses count

    def received_from_elsewhere(self, request: Request, source: Address) -> None:
        """A request with our tags from an address that is not the peer's."""
        self.core.emit(ForeignRequest(handle=self.handle, method=request.method, source=source))

    def takes_from(self, host: str, dialog: Dialog) -> bool:
        """Whether requests inside the dialog are obeyed when they come from ``host``.

        Tags travel in clear text, so they are no proof: the address must be the dialog
        peer's, one of its route set, or one of the trunk's.
        """
        return dialog.comes_from(host) or self.trust(host)

    def trusts(self, host: str) -> bool:
        """Whether the address belongs to the trunk of the call, by what :attr:`trust` says now."""
        return self.trust(host)

    def dialog_of(self, remote_tag: str) -> Dialog | None:
        """The dialog with that remote tag."""
        if self.dialog is not None and self.dialog.remote_tag == remote_tag:
            return self.dialog
        return None
