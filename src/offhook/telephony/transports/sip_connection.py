"""One connection of a stream transport: reads messages with limits, writes, and says how long it may wait.

A peer that sends slowly, reads slowly, or says nothing costs a connection, so each of these has an end
(:class:`Patience`). A peer that sends a lot gets its turn with the others: at most :data:`BATCH` messages are
taken at a time.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from typing import Final, NamedTuple, cast, final

from offhook.sip import Address
from offhook.sip.stream import StreamError, StreamFraming

BATCH: Final = 16
"""Messages read before other connections get their turn."""
MOST_UNREAD: Final = 256 * 1024
"""Octets that wait for a peer that does not read; more, and it loses the connection."""
MOST_AIMS: Final = 64
"""Destinations of one connection that are told when it breaks."""


class Patience(NamedTuple):
    """Seconds that a connection may wait."""

    first: float = 10.0
    """For its first message, the TLS handshake included."""
    rest: float = 10.0
    """For the rest of a message that has begun."""
    unknown: float = 60.0
    """For the next message of a host that is not known."""
    known: float = 3600.0
    """For the next message of a host that is known."""
    ping: float = 110.0
    """Between two keep-alives on a connection that we opened (RFC 5626 §4.4.1)."""
    look: float = 2.0
    """Between two looks for connections that waited too long."""
    pong: float = 10.0
    """For the answer to a keep-alive, from a peer that has answered one before."""


class ConnectionOwner(ABC):
    """The transport, as its connections see it."""

    patience: Patience

    @abstractmethod
    def opened(self, connection: SipConnection) -> None:
        """It is up."""

    @abstractmethod
    def arrived(self, connection: SipConnection, messages: list[bytes]) -> None:
        """Whole messages came."""

    @abstractmethod
    def lost(self, connection: SipConnection, problem: str) -> None:
        """It is over."""


@final
class SipConnection(asyncio.Protocol):
    """One connection, accepted or opened by us."""

    def __init__(
        self, owner: ConnectionOwner, framing: StreamFraming, far: tuple[str, int], *, ours: bool
    ) -> None:
        """``far``: host and port of the other end. ``ours``: we open it, and ``far`` may be a name."""
        self._owner = owner
        self._framing = framing
        self._transport: asyncio.Transport | None = None
        self._more: asyncio.Handle | None = None
        self.problem = ""
        """Why it was closed, as far as we closed it."""
        self.far = far
        """Host and port of the other end, an address literal once it is open."""
        self.place = far
        """What led there."""
        self.ours = ours
        self.known = ours
        """Whether the host may stay longer."""
        self.flow = 0
        self.aims: set[Address] = set()
        """Where requests went over it; they are told when it breaks."""
        now = time.monotonic()
        self.closes_at = now + (owner.patience.known if ours else owner.patience.first)
        """When it is closed unless something comes; monotonic seconds."""
        self.pings_at = now + owner.patience.ping
        self._heard = False
        """Whether a message came."""
        self._begun = False
        """Whether :attr:`closes_at` is that of a message that has begun."""
        self._pongs_due: tuple[int, float] | None = None
        """Pongs before the last ping, and when its own must have come."""

    @property
    def peer(self) -> Address:
        """The other end, without a transport's name."""
        return Address("", *self.far, self.flow)

    @property
    def certificate(self) -> dict[str, object] | None:
        """What the peer showed and was checked, as :meth:`ssl.SSLSocket.getpeercert`; None: nothing."""
        found = self._transport.get_extra_info("peercert") if self._transport is not None else None
        return cast("dict[str, object] | None", found)

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=MOST_UNREAD)
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        if self.problem:
            return
        self._framing.feed(data)
        self._read()

    def pause_writing(self) -> None:
        self.abort("it does not read what we send")

    def connection_lost(self, exc: Exception | None) -> None:
        if self._more is not None:
            self._more.cancel()
        self._transport = None
        self._owner.lost(self, self.problem or (str(exc) if exc else "the peer closed it"))

    # --- what the transport does with it

    def write(self, message: bytes) -> None:
        """Send one message."""
        if self._transport is not None:
            self._transport.write(self._framing.wrap(message))

    def abort(self, problem: str) -> None:
        """Close at once; what was not sent is lost."""
        self.problem = self.problem or problem
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Close after what was written is sent."""
        self.problem = self.problem or "we closed it"
        if self._transport is not None:
            self._transport.close()

    def look(self, now: float) -> None:
        """Close it when it waited too long; ping when it is time."""
        if now >= self.closes_at:
            self.abort("it said nothing" if not self._framing.partial else "it sends too slowly")
            return
        due = self._pongs_due
        if due is not None and now >= due[1] and self._framing.pongs == due[0] > 0:
            self.abort("it does not answer keep-alives")
        elif self.ours and now >= self.pings_at and self._transport is not None:
            self.pings_at = now + self._owner.patience.ping
            self._pongs_due = (self._framing.pongs, now + self._owner.patience.pong)
            self._transport.write(self._framing.ping())

    # --- reading

    def _read(self) -> None:
        """Take up to :data:`BATCH` messages; what is left waits for the loop's next turn."""
        self._more = None
        messages: list[bytes] = []
        problem: str | None = None
        try:
            while len(messages) < BATCH and (message := self._framing.next()) is not None:
                messages.append(message)
        except StreamError as error:
            problem = str(error)
        self._answer()
        self._wait_for_more(messages)
        if messages:
            self._owner.arrived(self, messages)
        if problem is not None:
            self.abort(f"what it sends is no SIP stream: {problem}")
        elif len(messages) == BATCH:
            self._pause()

    def _answer(self) -> None:
        replies = self._framing.take_replies()
        if replies and self._transport is not None:
            self._transport.write(replies)

    def _pause(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()
            self._more = asyncio.get_running_loop().call_soon(self._resume)

    def _resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
            self._read()

    def _wait_for_more(self, messages: list[bytes]) -> None:
        """Set the end anew. What is no message gives a peer no time before its first one."""
        self._heard = self._heard or self.ours or bool(messages)
        if not self._heard:
            return
        patience, partial = self._owner.patience, self._framing.partial
        if not partial:
            wait = patience.known if self.known else patience.unknown
            self.closes_at = time.monotonic() + wait
        elif messages or not self._begun:
            self.closes_at = time.monotonic() + patience.rest
        self._begun = partial
