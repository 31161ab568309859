"""Numbers: what requests and answers hold. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

import msgspec

from offhook.client.open_set import OpenSet

__all__ = [
    "HealthStatus",
    "HealthView",
    "NumberAnswer",
    "NumberList",
    "NumberView",
    "OperationalStatus",
]


class OperationalStatus(OpenSet):
    """``operationalStatus`` (``spec/webhooks.md``)."""

    ACTIVE = "Active"
    UNHEALTHY = "Unhealthy"
    EXPIRING = "Expiring"
    INACTIVE = "Inactive"


class HealthStatus(OpenSet):
    """Why a number is healthy, or is not."""

    HEALTHY = "HEALTHY"
    NOT_CHECKED_YET = "NOT_CHECKED_YET"
    CHECK_DISABLED = "CHECK_DISABLED"
    INACTIVE = "INACTIVE"
    TRUNK_DOWN = "TRUNK_DOWN"
    TEST_CALL_FAILED = "TEST_CALL_FAILED"


class HealthView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Whether calls to and from the number can work."""

    is_healthy: bool
    """Whether calls to and from the number can work."""
    status: HealthStatus
    """Why."""
    last_checked_time: str | None = None
    """When its trunk last answered or failed to, or the last test call was; absent: never."""


class NumberView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One virtual number."""

    msisdn: str
    """E.164 with ``+``."""
    date_created: str
    """When it was assigned to the sub-account."""
    date_updated: str
    """When something about it changed last."""
    country_code: str | None = None
    """ISO 3166-1 alpha-2; absent: it belongs to no country."""
    operational_status: OperationalStatus
    """``Active``, ``Expiring`` (within 30 days) or ``Inactive``; ``numberHealth`` tells whether it
    works.
    """
    reference_id: str | None = None
    """The operator's id of the number."""
    rental_price: float
    """For a month."""
    incoming_rate: float
    """For a minute of a call to it."""
    billing_unit: int
    """Seconds in which calls to it are billed."""
    billing_currency: str
    """ISO 4217 code."""
    uri: str
    """Where this number is."""
    number_type: str
    """``FIXED_LINE``, ``MOBILE``, ``TOLL_FREE`` …."""
    number_health_check_enabled: bool
    """Whether its health is checked."""
    number_health: HealthView
    """Health of the number."""


class NumberList(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """All of them."""

    total_numbers: int
    """How many numbers there are."""
    last_updated_at: str | None = None
    """The latest ``dateUpdated``; absent: there are no numbers."""
    numbers: list[NumberView]
    """The numbers."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class NumberAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One number."""

    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""
    timestamp: str
    """ISO 8601, UTC, milliseconds."""
    payload: NumberView
    """The body."""
