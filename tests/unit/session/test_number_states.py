"""What is told of virtual numbers: status, health, prices."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from offhook import config
from offhook.session.number_states import (
    HealthStatus,
    NumberHealth,
    NumberTerms,
    NumberTest,
    OperationalStatus,
)
from offhook.session.ports.operating import TrunkState
from offhook.session.tenancy import SubAccount, VirtualNumber

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
NUMBER = VirtualNumber(msisdn="+6568332048", reference_id="PSTN1")
OWNER = SubAccount(sub_account_id="acme", account_id="a", numbers=(NUMBER,), coverage=("US",))
CONFIG = config.Config(
    routes=(
        config.RouteSection(prefix="+65", trunks=("one", "two")),
        config.RouteSection(prefix="+1", trunks=("three",)),
    ),
    rates=config.RatesSection(
        currency="EUR",
        increment="60+6",
        prices=(config.RatePrice(prefix="+65", price="0.012", direction="inbound"),),
    ),
)
UP = NumberHealth(status=HealthStatus.HEALTHY)


def terms(owner: SubAccount = OWNER) -> NumberTerms:
    return NumberTerms(CONFIG, lambda _id: owner)


def trunk(name: str, *, up: bool = True, at: float = 0) -> TrunkState:
    return TrunkState(trunk=name, up=up, since=NOW + timedelta(seconds=at))


def health(
    *trunks: TrunkState, test: NumberTest | None = None, **number: object
) -> tuple[HealthStatus, bool]:
    changed = msgspec.structs.replace(NUMBER, **number)
    states = {each.trunk: each for each in trunks}
    found = terms().health(OWNER, changed, states, test)
    return found.status, found.status.is_healthy


def status(health: NumberHealth = UP, **number: object) -> OperationalStatus:
    changed = msgspec.structs.replace(NUMBER, **number)
    return terms().facts(OWNER, changed, health, NOW).operational_status


ARRIVED = NumberTest(at=NOW, reached=True)
LOST = NumberTest(at=NOW, reached=False, detail="404 Not Found")
DOWN_1, DOWN_2 = trunk("one", up=False), trunk("two", up=False)


class TestHealth:
    def test_a_number_of_which_nothing_is_known_counts_as_healthy(self) -> None:
        assert health() == (HealthStatus.NOT_CHECKED_YET, True)
        assert health(trunk("three")) == (HealthStatus.NOT_CHECKED_YET, True)

    def test_one_trunk_that_lives_is_enough(self) -> None:
        assert health(DOWN_1, trunk("two")) == (HealthStatus.HEALTHY, True)
        assert health(DOWN_1) == (HealthStatus.HEALTHY, True)
        assert health(DOWN_1, DOWN_2) == (HealthStatus.TRUNK_DOWN, False)

    def test_its_own_trunk_counts_instead_of_the_routes(self) -> None:
        assert health(DOWN_1, DOWN_2, trunk("own"), trunk="own") == (HealthStatus.HEALTHY, True)
        assert health(trunk("one"), trunk("own", up=False), trunk="own") == (
            HealthStatus.TRUNK_DOWN,
            False,
        )

    def test_a_test_call_that_did_not_arrive_makes_it_unhealthy(self) -> None:
        assert health(trunk("one"), test=LOST, test_call_every=600) == (
            HealthStatus.TEST_CALL_FAILED,
            False,
        )
        assert health(test=ARRIVED, test_call_every=600) == (HealthStatus.HEALTHY, True)

    def test_an_old_test_call_does_not_count_once_they_are_off(self) -> None:
        assert health(trunk("one"), test=LOST) == (HealthStatus.HEALTHY, True)

    def test_without_health_check_nothing_makes_it_unhealthy(self) -> None:
        assert health(DOWN_1, DOWN_2, health_check=False) == (HealthStatus.CHECK_DISABLED, True)

    def test_a_number_that_is_not_active_is_not_healthy(self) -> None:
        assert health(trunk("one"), active=False) == (HealthStatus.INACTIVE, False)

    def test_it_was_checked_when_the_last_sign_was(self) -> None:
        states = {"one": trunk("one", at=5), "two": trunk("two", up=False, at=9)}
        assert terms().health(OWNER, NUMBER, states, ARRIVED).checked_at == NOW + timedelta(
            seconds=9
        )
        assert terms().health(OWNER, NUMBER, {}, ARRIVED).checked_at == NOW
        assert terms().health(OWNER, NUMBER, {}, None).checked_at is None


@pytest.mark.parametrize(
    ("expires", "expected"),
    [
        (date(2026, 12, 29), OperationalStatus.ACTIVE),
        (date(2026, 12, 28), OperationalStatus.EXPIRING),
        (date(2026, 11, 29), OperationalStatus.EXPIRING),
        (date(2026, 11, 28), OperationalStatus.INACTIVE),
        (date(2025, 1, 1), OperationalStatus.INACTIVE),
        (None, OperationalStatus.ACTIVE),
    ],
)
def test_a_number_is_expiring_for_30_days_and_inactive_from_its_day_on(
    expires: date | None, expected: OperationalStatus
) -> None:
    assert status(expires=expires) is expected


def test_inactive_comes_before_unhealthy_and_that_before_expiring() -> None:
    down = NumberHealth(status=HealthStatus.TRUNK_DOWN)
    soon = date(2026, 12, 1)
    assert status(down, expires=soon) is OperationalStatus.UNHEALTHY
    assert status(down, active=False) is OperationalStatus.INACTIVE


def test_prices_are_the_numbers_own_or_those_of_the_rates() -> None:
    facts = terms().facts(OWNER, NUMBER, UP, NOW)
    assert (facts.incoming_rate, facts.billing_unit, facts.billing_currency) == (
        Decimal("0.012"),
        6,
        "EUR",
    )
    assert (facts.rental_price, facts.number_type, facts.country_code) == (
        Decimal(0),
        "FIXED_LINE",
        "SG",
    )
    own = msgspec.structs.replace(
        NUMBER,
        incoming_rate=Decimal("0.5"),
        billing_unit=30,
        billing_currency="SGD",
        rental_price=Decimal("2.5"),
        number_type="TOLL_FREE",
    )
    owner = msgspec.structs.replace(OWNER, numbers=(own,))
    facts = terms(owner).facts(owner, own, UP, NOW)
    assert (facts.incoming_rate, facts.billing_unit, facts.billing_currency) == (
        Decimal("0.5"),
        30,
        "SGD",
    )
    assert (facts.rental_price, facts.number_type) == (Decimal("2.5"), "TOLL_FREE")


def test_its_trunks_are_those_of_the_route_whatever_may_be_dialled() -> None:
    assert terms().trunks_of(OWNER, NUMBER) == ("one", "two")
    assert terms().trunks_of(OWNER, VirtualNumber(msisdn="+4420712345")) == ()
