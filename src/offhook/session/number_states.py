"""What is told about virtual numbers: prices, operational status, health.

Pure. :class:`NumberTerms` knows the routes and rates; the states of trunks, test calls and the time come in.

The rule. A number that is not active is ``Inactive``. One with ``health_check`` is ``Unhealthy`` while no
trunk over which it is reached answers, or since its last test call did not arrive. One that ends within 30
days is ``Expiring``, every other ``Active``. A trunk whose state nobody has seen yet counts as up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import msgspec

from offhook import config
from offhook.flow.numbers import country_of, number_type_of
from offhook.session.billing import Tariff
from offhook.session.ports.operating import TrunkState
from offhook.session.routing import trunks_for
from offhook.session.session import Direction
from offhook.session.tenancy import SubAccount, VirtualNumber

EXPIRING = timedelta(days=30)
"""A number that ends within this time is ``Expiring``."""


class OperationalStatus(StrEnum):
    """``operationalStatus`` (``spec/webhooks.md``)."""

    ACTIVE = "Active"
    UNHEALTHY = "Unhealthy"
    EXPIRING = "Expiring"
    INACTIVE = "Inactive"


class HealthStatus(StrEnum):
    """Why a number is healthy, or is not."""

    HEALTHY = "HEALTHY"
    NOT_CHECKED_YET = "NOT_CHECKED_YET"
    """Nothing is known of its trunk, and no test call was made."""
    CHECK_DISABLED = "CHECK_DISABLED"
    INACTIVE = "INACTIVE"
    TRUNK_DOWN = "TRUNK_DOWN"
    TEST_CALL_FAILED = "TEST_CALL_FAILED"

    @property
    def is_healthy(self) -> bool:
        """Whether calls from and to the number can work, as far as is known."""
        return self not in (self.INACTIVE, self.TRUNK_DOWN, self.TEST_CALL_FAILED)


class NumberTest(msgspec.Struct, frozen=True, kw_only=True):
    """The last test call to a number."""

    at: datetime
    reached: bool
    """Whether the call arrived here."""
    detail: str | None = None
    """Why not, for people."""


class NumberHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The health of a number at a time."""

    status: HealthStatus
    checked_at: datetime | None = None
    """When the last sign of its trunk, or the last test call, was; None: never."""


class NumberFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What customers are told of a number; a change of any of these is an update (VNU)."""

    msisdn: str
    country_code: str | None
    operational_status: OperationalStatus
    reference_id: str | None
    rental_price: Decimal
    incoming_rate: Decimal
    billing_unit: int
    """Seconds."""
    billing_currency: str
    number_type: str
    health_check_enabled: bool


class NumberTerms:
    """The routes and rates of the configuration, as far as numbers need them."""

    def __init__(
        self, settings: config.Config, sub_account: Callable[[str], SubAccount | None]
    ) -> None:
        self._tariff = Tariff(settings.rates, sub_account)
        self.use(settings)

    def use(self, settings: config.Config) -> None:
        """Use the routes and rates of this configuration from now on."""
        self._routes: Sequence[config.RouteSection] = settings.routes
        self._tariff.use(settings.rates)

    def trunks_of(self, owner: SubAccount, number: VirtualNumber) -> tuple[str, ...]:
        """The trunks over which a number is reached; empty: none is known."""
        if number.trunk is not None:
            return (number.trunk,)
        anywhere = msgspec.structs.replace(owner, coverage=None)
        return trunks_for(number.msisdn, anywhere, self._routes, country_of)

    def health(
        self,
        owner: SubAccount,
        number: VirtualNumber,
        trunks: Mapping[str, TrunkState],
        test: NumberTest | None,
    ) -> NumberHealth:
        """The health of a number, by the states of its trunks and its last test call."""
        names = self.trunks_of(owner, number)
        known = [trunks[name] for name in names if name in trunks]
        seen = [state.since for state in known] + ([test.at] if test is not None else [])
        checked_at = max(seen, default=None)
        if not number.active:
            return NumberHealth(status=HealthStatus.INACTIVE, checked_at=checked_at)
        if not number.health_check:
            return NumberHealth(status=HealthStatus.CHECK_DISABLED, checked_at=checked_at)
        if known and len(known) == len(names) and not any(state.up for state in known):
            return NumberHealth(status=HealthStatus.TRUNK_DOWN, checked_at=checked_at)
        if test is not None and not test.reached and number.test_call_every is not None:
            return NumberHealth(status=HealthStatus.TEST_CALL_FAILED, checked_at=checked_at)
        status = HealthStatus.NOT_CHECKED_YET if checked_at is None else HealthStatus.HEALTHY
        return NumberHealth(status=status, checked_at=checked_at)

    def facts(
        self, owner: SubAccount, number: VirtualNumber, health: NumberHealth, now: datetime
    ) -> NumberFacts:
        """What customers are told of a number."""
        rate = self._tariff.rate_of(owner.sub_account_id, Direction.INBOUND, number.msisdn)
        return NumberFacts(
            msisdn=number.msisdn,
            country_code=country_of(number.msisdn),
            operational_status=_operational_status(number, health, now),
            reference_id=number.reference_id,
            rental_price=number.rental_price,
            incoming_rate=rate.price if rate.price is not None else Decimal(0),
            billing_unit=number.billing_unit or rate.increment.following,
            billing_currency=number.billing_currency or rate.currency or self._tariff.currency,
            number_type=number.number_type or number_type_of(number.msisdn),
            health_check_enabled=number.health_check,
        )


def is_expired(number: VirtualNumber, now: datetime) -> bool:
    """Whether a number is not the sub-account's any more."""
    return number.expires is not None and now.astimezone(UTC).date() >= number.expires


def _operational_status(
    number: VirtualNumber, health: NumberHealth, now: datetime
) -> OperationalStatus:
    if not number.active or is_expired(number, now):
        return OperationalStatus.INACTIVE
    if not health.status.is_healthy:
        return OperationalStatus.UNHEALTHY
    if number.expires is not None and (now + EXPIRING).astimezone(UTC).date() >= number.expires:
        return OperationalStatus.EXPIRING
    return OperationalStatus.ACTIVE
