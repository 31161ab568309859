"""The last minutes of SIP, kept in memory, so that a failed session can show what was said on the wire.

Theory of operation. The endpoint gives every datagram to :meth:`SipTraces.tap`. Messages are grouped by
Call-ID. A group becomes a call's once the line says so (:meth:`SipTraces.claim`); all others belong
to no call (scanners, registrations) and have a small space of their own, so that a flood of them removes
no call's messages. Both spaces hold at most so many octets; the group that began first goes first.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Final

from offhook.session.ports.telephony import SipMessage
from offhook.sip import Address
from offhook.sip.encoding import host_port

CALLS_OCTETS: Final = 16 * 1024 * 1024
"""Of all calls together."""
STRANGERS_OCTETS: Final = 1024 * 1024
MOST_MESSAGES: Final = 200
"""Of one call; later ones are not kept."""
_OVERHEAD = 200
"""Octets counted for a message besides its own."""
# The pattern begins with one fixed octet: an optional one makes the search five times as slow.
_CALL_ID = re.compile(rb"\n(?:call-id|i)[ \t]*:[ \t]*([^\s]{1,256})", re.IGNORECASE)
_HEAD = 2048
"""Octets of a message that are searched for its Call-ID."""
_SECRETS = re.compile(
    rb"(\bresponse=\"?)[0-9a-f]+|(^a=crypto:[^\r\n]*?\binline:)[^\s|]+",
    re.IGNORECASE | re.MULTILINE,
)

_Kept = tuple[datetime, bool, Address, bytes]


class _Space:
    """Groups of messages within a number of octets."""

    def __init__(self, octets: int) -> None:
        self._left = octets
        self.groups: OrderedDict[bytes, list[_Kept]] = OrderedDict()

    def add(self, call_id: bytes, messages: list[_Kept]) -> None:
        self.groups.setdefault(call_id, [])
        for message in messages:
            self.append(call_id, message)

    def append(self, call_id: bytes, message: _Kept) -> bool:
        """Add to a group; False: there is none of this call."""
        group = self.groups.get(call_id)
        if group is None:
            return False
        if len(group) < MOST_MESSAGES:
            group.append(message)
            self._left -= len(message[3]) + _OVERHEAD
            while self._left < 0 and self.groups:
                self.take(next(iter(self.groups)))
        return True

    def take(self, call_id: bytes) -> list[_Kept]:
        """Remove a group."""
        messages = self.groups.pop(call_id, [])
        self._left += sum(map(_size, messages))
        return messages


class SipTraces:
    """The traces of one endpoint."""

    def __init__(
        self,
        near: Callable[[Address], Address],
        now: Callable[[], datetime],
        *,
        calls_octets: int = CALLS_OCTETS,
        strangers_octets: int = STRANGERS_OCTETS,
    ) -> None:
        """``near``: our own address in messages from or to another."""
        self._near = near
        self._now = now
        self._calls = _Space(calls_octets)
        self._strangers = _Space(strangers_octets)

    def tap(self, direction: str, data: bytes, far: Address) -> None:
        """Keep a datagram that came (``<``) or went (``>``)."""
        found = _CALL_ID.search(data, 0, _HEAD)
        if found is None:
            return
        call_id = found[1]
        message = self._now(), direction == ">", far, data
        if not self._calls.append(call_id, message):
            self._strangers.add(call_id, [message])

    def claim(self, call_id: str) -> None:
        """The messages with this Call-ID belong to one of our calls."""
        key = _key(call_id)
        if key and key not in self._calls.groups:
            self._calls.add(key, self._strangers.take(key))

    def drop(self, call_id: str) -> None:
        """Nobody asks for the messages of this call any more."""
        self._calls.take(_key(call_id))

    def of(self, call_id: str) -> tuple[SipMessage, ...]:
        """What is kept of one call, in order. Passwords' digests and media keys are taken out."""
        return tuple(
            SipMessage(
                at=at,
                sent=sent,
                near=_text(self._near(far)),
                far=_text(far),
                text=without_secrets(data).decode("utf-8", "replace"),
            )
            for at, sent, far, data in self._calls.groups.get(_key(call_id), ())
        )


def without_secrets(data: bytes) -> bytes:
    """A message without the digests of ``Authorization`` (RFC 3261 §22) and the keys of ``a=crypto``
    (RFC 4568)."""
    return _SECRETS.sub(lambda found: (found[1] or found[2]) + b"hidden", data)


def _text(address: Address) -> str:
    """``udp:127.0.0.1:5060``."""
    return f"{address.transport}:{host_port(address.host, address.port)}"


def _key(call_id: str) -> bytes:
    return call_id.encode("utf-8", "surrogateescape")


def _size(message: _Kept) -> int:
    return len(message[3]) + _OVERHEAD
