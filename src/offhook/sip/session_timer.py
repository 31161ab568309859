"""Session timers (RFC 4028): a call that nobody refreshes in time is over. Pure.

Caller and callee agree on an interval and on who refreshes. The refresher sends a re-INVITE or an UPDATE
after half of the interval. The other side, where none comes, hangs up a third of the interval (at most
32 s) before its end (§10).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple, final

from offhook.sip.agent_core import Core
from offhook.sip.client import AtTime
from offhook.sip.grammar import GrammarError, parse_number
from offhook.sip.message import Message, Request
from offhook.sip.reliable import has_option
from offhook.sip.timers import NEVER, Timed

MAX_INTERVAL = 86_400
"""Seconds: a longer interval counts as this, and a peer that asks for a longer minimum is not obeyed."""
MAX_ROUNDS = 3
"""How often a request is repeated with the minimum of a 422."""


class Refresher(StrEnum):
    """Who refreshes, by its part in the transaction that says so."""

    UAC = "uac"
    UAS = "uas"


class SessionExpires(NamedTuple):
    """A ``Session-Expires`` header."""

    seconds: int
    refresher: Refresher | None = None


def session_expires_of(message: Message) -> SessionExpires | None:
    """The ``Session-Expires`` of a message (RFC 4028 §4); None when absent or malformed."""
    value = message.get("session-expires")
    if value is None:
        return None
    number, *params = (part.strip() for part in value.split(";"))
    try:
        seconds = min(parse_number(number, 2**32 - 1), MAX_INTERVAL)
    except GrammarError:
        return None
    for param in params:
        name, _, who = param.partition("=")
        if name.strip().lower() == "refresher" and who.strip().lower() in tuple(Refresher):
            return SessionExpires(seconds, Refresher(who.strip().lower()))
    return SessionExpires(seconds)


def min_se_of(message: Message) -> int | None:
    """The ``Min-SE`` of a 422 in seconds (RFC 4028 §5); None: absent, malformed, or over a day."""
    try:
        return parse_number((message.get("min-se") or "").partition(";")[0].strip(), MAX_INTERVAL)
    except GrammarError:
        return None


def too_brief(request: Request, minimum: int) -> bool:
    """Whether a request asks for an interval under ``minimum`` and would understand 422 (§9)."""
    asked = session_expires_of(request)
    return asked is not None and asked.seconds < minimum and has_option(request, *_SUPPORTED)


_SUPPORTED = ("supported", "timer")


def _nothing(now: float) -> None:
    """Of a call that is over."""


def _never(reason: str, now: float) -> None:
    """Of a call that is over."""


class IntervalAnswer(NamedTuple):
    """What our 2xx says about the session's interval."""

    lines: str
    """Finished header lines."""
    agreed: SessionExpires | None


NO_SESSION_ANSWER = IntervalAnswer("", None)
"""Nothing about an interval: the session does not expire."""


@final
class SessionTimer(Timed):
    """The session timer of one call. It runs while :attr:`interval` is not 0."""

    __slots__ = (
        "_abandoned",
        "_core",
        "_expired",
        "_expires_at",
        "_refresh",
        "interval",
        "min_se",
        "ours",
        "updates",
    )

    def __init__(
        self,
        core: Core,
        *,
        refresh: AtTime,
        expired: Callable[[str, float], None],
        abandoned: AtTime,
    ) -> None:
        """``refresh`` sends a refresh; ``expired`` ends the call, and is told why."""
        self._core = core
        self._refresh = refresh
        self._expired = expired
        self._abandoned = abandoned
        self._expires_at = NEVER
        self.wake = NEVER
        self.interval = 0
        """Seconds; 0: the session does not expire."""
        self.min_se = 0
        """The minimum that a 422 asked for; 0: none has."""
        self.ours = False
        """Whether we refresh."""
        self.updates = False
        """Whether the peer takes UPDATE."""

    def learn(self, message: Message) -> None:
        """Take from ``Allow`` whether the peer takes UPDATE (RFC 3311 §4)."""
        if message.lines("allow"):
            self.updates = has_option(message, "allow", "update")

    def settle(self, agreed: SessionExpires | None, *, as_uac: bool, now: float) -> None:
        """A 2xx was sent or received: the interval begins. ``as_uac``: the request was ours."""
        if agreed is None:
            self.stop()
            return
        self.interval = max(agreed.seconds, self._core.timing.min_session)
        refresher = agreed.refresher or Refresher.UAC
        self.ours = (refresher is Refresher.UAC) is as_uac
        self._expires_at = now + self.interval
        early = min(32.0, self.interval / 3)
        due = self.interval / 2 if self.ours else self.interval - early
        self._core.timers.schedule(now + due, self)

    def stop(self) -> None:
        """The session does not expire any more."""
        self.interval = 0
        self.wake = NEVER

    def close(self) -> None:
        """The call is over: hold on to nothing of it."""
        self.stop()
        self._refresh = self._abandoned = _nothing
        self._expired = _never

    def on_timer(self, now: float) -> None:
        if not self.ours or now >= self._expires_at:
            self.stop()
            self._expired("session expired", now)
            return
        # Where this attempt does not come to a 2xx, there are some more.
        self._core.timers.schedule(min(now + self.interval / 8, self._expires_at), self)
        self._refresh(now)

    def abandon(self, now: float) -> None:
        self.wake = NEVER
        self._abandoned(now)

    def raise_to(self, minimum: int | None, rounds: int) -> bool:
        """A 422 came with this minimum: whether to send the request again with it (§7.4)."""
        if minimum is None or minimum <= self.interval or rounds >= MAX_ROUNDS:
            return False
        self.interval = self.min_se = minimum
        return True

    def request_lines(self, *, initial: bool = False) -> str:
        """Header lines of our INVITE or UPDATE. ``initial``: nobody refreshes yet."""
        if not self.interval:
            return ""
        who = "" if initial else f";refresher={Refresher.UAC if self.ours else Refresher.UAS}"
        minimum = f"Min-SE: {self.min_se}\r\n" if self.min_se else ""
        return f"Session-Expires: {self.interval}{who}\r\n{minimum}"

    def answer(self, request: Request) -> IntervalAnswer:
        """What to say in the 2xx of a request that may ask for an interval (§9, table 2).

        Where the caller does not say who refreshes, we do. A refresh without a ``Session-Expires`` ends
        the timer, unless we are the one who refreshes.
        """
        asked = session_expires_of(request)
        if asked is None and not (self.interval and self.ours):
            return NO_SESSION_ANSWER
        supported = has_option(request, *_SUPPORTED)
        if asked is None:
            if not supported:
                return NO_SESSION_ANSWER
            asked = SessionExpires(self.interval, Refresher.UAS)
        refresher = (asked.refresher if supported else None) or Refresher.UAS
        # A proxy may ask for less than our minimum on behalf of a caller that knows no 422.
        seconds = max(asked.seconds, self._core.timing.min_session)
        required = "Require: timer\r\n" if refresher is Refresher.UAC else ""
        lines = f"Session-Expires: {seconds};refresher={refresher}\r\n{required}"
        return IntervalAnswer(lines, SessionExpires(seconds, refresher))
