"""Decides about a delivery after an attempt. Pure, given the time and a random number."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import msgspec

from offhook.session.ports.record import DeliveryState, OutboxType

GIVE_UP_AFTER: Mapping[OutboxType, timedelta] = {
    OutboxType.VCS: timedelta(minutes=1),
    OutboxType.DTMF: timedelta(minutes=1),
    OutboxType.VSS: timedelta(hours=24),
    OutboxType.VRU: timedelta(hours=24),
    OutboxType.VNU: timedelta(hours=24),
}
"""How long each type is retried (``spec/webhooks.md``)."""

_EPHEMERAL = frozenset({OutboxType.VCS, OutboxType.DTMF})
_FIRST_DELAY = 1.0
_LONGEST_DELAY = 3600.0
_LONGEST_DELAY_EPHEMERAL = 15.0


class RetryDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What to store, and whether the webhook is to be disabled."""

    state: DeliveryState
    next_at: datetime | None = None
    disable: bool = False


def decide(
    type_: OutboxType,
    *,
    attempts: int,
    http_status: int | None,
    retry_after: float | None,
    now: datetime,
    give_up_at: datetime,
    luck: float,
) -> RetryDecision:
    """Decide after one attempt.

    ``attempts`` counts this one (1..); ``http_status`` is None when there was no answer in time;
    ``retry_after`` is the answer's Retry-After in seconds; ``luck`` is 0..1, for the jitter.
    """
    if http_status is not None and 200 <= http_status <= 299:
        return RetryDecision(state=DeliveryState.DELIVERED)
    if http_status == 410:
        return RetryDecision(state=given_up(type_), disable=True)
    next_at = now + timedelta(seconds=delay(type_, attempts, retry_after, luck))
    if next_at >= give_up_at:
        return RetryDecision(state=given_up(type_))
    return RetryDecision(state=DeliveryState.PENDING, next_at=next_at)


def given_up(type_: OutboxType) -> DeliveryState:
    """The state of a delivery that is not tried again by itself."""
    return DeliveryState.DROPPED if type_ in _EPHEMERAL else DeliveryState.DEAD


def delay(type_: OutboxType, attempts: int, retry_after: float | None, luck: float) -> float:
    """Seconds until the next attempt: doubling from 1 s, half of it at random.

    A receiver's Retry-After is obeyed up to the longest delay of the type, so that it cannot hold a
    delivery for days.
    """
    longest = _LONGEST_DELAY_EPHEMERAL if type_ in _EPHEMERAL else _LONGEST_DELAY
    doubled = min(longest, _FIRST_DELAY * 2.0 ** min(attempts - 1, 30))
    backoff = doubled * (0.5 + 0.5 * luck)
    return max(backoff, min(retry_after or 0.0, longest))


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """A Retry-After header as seconds from ``now`` (RFC 9110 §10.2.3); None: absent or invalid."""
    if value is None or len(value) > 40:
        return None
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())
