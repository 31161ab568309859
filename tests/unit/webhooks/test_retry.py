"""The table of what follows an attempt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from offhook.session.ports.record import DeliveryState, OutboxType
from offhook.webhooks.retry import GIVE_UP_AFTER, RetryDecision, decide, delay, retry_after_seconds

NOW = datetime(2024, 7, 3, 12, 0, tzinfo=UTC)


def verdict(type_: OutboxType = OutboxType.VSS, **changes: Any) -> RetryDecision:
    given: dict[str, Any] = {
        "attempts": 1,
        "http_status": 500,
        "retry_after": None,
        "now": NOW,
        "give_up_at": NOW + GIVE_UP_AFTER[type_],
        "luck": 1.0,
    } | changes
    return decide(type_, **given)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_2xx_is_success(status: int) -> None:
    assert verdict(http_status=status) == RetryDecision(state=DeliveryState.DELIVERED)


@pytest.mark.parametrize(
    ("type_", "state"),
    [(OutboxType.VSS, DeliveryState.DEAD), (OutboxType.VCS, DeliveryState.DROPPED)],
)
def test_410_disables_and_ends_it(type_: OutboxType, state: DeliveryState) -> None:
    assert verdict(type_, http_status=410) == RetryDecision(state=state, disable=True)


@pytest.mark.parametrize("status", [None, 100, 301, 302, 308, 400, 401, 404, 429, 500, 503])
def test_everything_else_is_tried_again(status: int | None) -> None:
    assert verdict(http_status=status) == RetryDecision(
        state=DeliveryState.PENDING, next_at=NOW + timedelta(seconds=1)
    )


@pytest.mark.parametrize(
    ("type_", "state"),
    [
        (OutboxType.VSS, DeliveryState.DEAD),
        (OutboxType.VRU, DeliveryState.DEAD),
        (OutboxType.VNU, DeliveryState.DEAD),
        (OutboxType.VCS, DeliveryState.DROPPED),
        (OutboxType.DTMF, DeliveryState.DROPPED),
    ],
)
def test_when_its_time_runs_out_it_is_given_up(type_: OutboxType, state: DeliveryState) -> None:
    assert verdict(type_, give_up_at=NOW + timedelta(seconds=1)) == RetryDecision(state=state)
    assert verdict(type_, give_up_at=NOW + timedelta(seconds=1.1)).state == DeliveryState.PENDING


@pytest.mark.parametrize(
    ("type_", "attempts", "luck", "seconds"),
    [
        (OutboxType.VSS, 1, 0.0, 0.5),
        (OutboxType.VSS, 1, 1.0, 1.0),
        (OutboxType.VSS, 4, 1.0, 8.0),
        (OutboxType.VSS, 4, 0.0, 4.0),
        (OutboxType.VSS, 100_000, 1.0, 3600.0),
        (OutboxType.VCS, 4, 1.0, 8.0),
        (OutboxType.VCS, 9, 1.0, 15.0),
    ],
)
def test_delays_double_up_to_a_limit_with_half_of_it_at_random(
    type_: OutboxType, attempts: int, luck: float, seconds: float
) -> None:
    assert delay(type_, attempts, None, luck) == seconds


@pytest.mark.parametrize(
    ("type_", "retry_after", "seconds"),
    [
        (OutboxType.VSS, 90.0, 90.0),
        (OutboxType.VSS, 0.1, 1.0),
        (OutboxType.VSS, 86_400.0, 3600.0),
        (OutboxType.VCS, 90.0, 15.0),
    ],
)
def test_retry_after_is_honoured_within_reason(
    type_: OutboxType, retry_after: float, seconds: float
) -> None:
    assert delay(type_, 1, retry_after, 1.0) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        ("0", 0.0),
        ("Wed, 03 Jul 2024 12:00:30 GMT", 30.0),
        ("Wed, 03 Jul 2024 11:00:00 GMT", 0.0),
        ("-5", None),
        ("²", None),
        ("soon", None),
        ("", None),
        ("0" * 38 + "30", 30.0),
        ("0" * 39 + "30", None),
        ("9" * 5000, None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, NOW) == seconds


def test_a_summary_is_tried_often_within_its_day() -> None:
    now, attempts = NOW, 0
    while (one := verdict(attempts=attempts + 1, now=now, give_up_at=NOW + timedelta(days=1))) and (
        one.next_at is not None
    ):
        now, attempts = one.next_at, attempts + 1
    assert 30 <= attempts <= 60
    assert now < NOW + timedelta(days=1)
