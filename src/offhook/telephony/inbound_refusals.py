"""Calls from outside that are refused: counted by reason, and logged with their source.

Scanners try hundreds of calls a second. So each reason is logged once a second at the most, with the number
of refusals that were not logged since its last line.
"""

from __future__ import annotations

import logging
import time
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter

from offhook.events import Verstat

log = logging.getLogger(__name__)

LOGGED_EVERY = 1.0
"""Seconds between two log lines with the same reason."""


class RefusalReason(StrEnum):
    """Why a call from outside began no session; the values are labels of metrics."""

    UNKNOWN_ADDRESS = "unknown_address"
    """It comes from no trunk's address and has no credentials."""
    WRONG_CREDENTIALS = "wrong_credentials"
    BANNED = "banned"
    """Its address was refused too often; it gets no answer."""
    UNKNOWN_NUMBER = "unknown_number"
    """The called number is no sub-account's."""
    TRUNK_FULL = "trunk_full"
    """All channels of its trunk are in use."""
    TOO_FAST = "too_fast"
    """Its trunk sends more calls a second than its ``inbound_cps``."""
    NO_MEDIA = "no_media"
    """No RTP port is free."""
    DRAINING = "draining"
    SPENT_OUT = "spent_out"
    """The sub-account's budget of today is used up."""
    NOT_VERIFIED = "not_verified"
    """STIR/SHAKEN does not vouch for the caller, as the number demands."""
    NO_STORE = "no_store"
    """The database is away."""
    INTERNAL = "internal"


class InboundRefusals:
    """The refused calls of one voice process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Without a ``registry``, one of its own."""
        registry = registry or CollectorRegistry()
        self._refused = Counter(
            "offhook_inbound_calls_refused",
            "Calls from outside that began no session, by reason",
            ("reason",),
            registry=registry,
        )
        self._banned = Counter(
            "offhook_addresses_banned",
            "Bans of addresses, by what they did last: wrong_credentials, unknown_address,"
            " unanswered_challenge, foreign_number, scanner",
            ("reason",),
            registry=registry,
        )
        self._malformed = Counter(
            "offhook_sip_messages_malformed",
            "Messages to the SIP address that are no SIP; they are dropped without a log line",
            registry=registry,
        )
        self._verified = Counter(
            "offhook_callers_verified",
            "Calls from outside by what STIR/SHAKEN says about the caller",
            ("result",),
            registry=registry,
        )
        self._logged: dict[str, tuple[float, int]] = {}
        """When each reason was logged last, and how many refusals came since."""

    def verified(self, result: Verstat) -> None:
        """Count one verdict on a caller."""
        self._verified.labels(result.value).inc()

    def refused(self, source: str, reason: RefusalReason, words: str) -> None:
        """Count one refusal and log it at info; ``source`` is an address or ``trunk NAME``.

        ``words`` say why and what was answered, without phone numbers.
        """
        self._refused.labels(reason.value).inc()
        more = self._turn(reason)
        if more is not None:
            log.info("%s: a call is refused: %s%s", source, words, more)

    def _turn(self, reason: str) -> str | None:
        """What to add to a line with this reason; None: it is not logged now."""
        now = time.monotonic()
        at, unlogged = self._logged.get(reason, (float("-inf"), 0))
        if now - at < LOGGED_EVERY:
            self._logged[reason] = (at, unlogged + 1)
            return None
        self._logged[reason] = (now, 0)
        return f" ({unlogged} more since the last such line)" if unlogged else ""

    def malformed(self) -> None:
        """Count a message that is no SIP."""
        self._malformed.inc()

    def banned(self, host: str, seconds: float, reason: str) -> None:
        """Count and log an address that gets no answer for ``seconds``."""
        self._banned.labels(reason).inc()
        more = self._turn(f"ban {reason}")
        if more is not None:
            why = reason.replace("_", " ")
            log.warning("address %s: banned for %g s: %s%s", host, seconds, why, more)
