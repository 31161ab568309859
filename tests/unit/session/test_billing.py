"""What a call costs: a table of increments, rates, currencies and rounding."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from offhook import config
from offhook.codes import CallStatus, SessionStatus
from offhook.flow.actions import Callflow
from offhook.session.billing import Increment, Tariff, price_of
from offhook.session.session import Charge, Direction, Leg, Session
from offhook.session.tenancy import SubAccount, VirtualNumber

BEGIN = datetime(2026, 11, 28, 23, 59, 50, tzinfo=UTC)
OURS = "+6568332048"


@pytest.mark.parametrize(
    ("increment", "seconds", "billed"),
    [
        ("60+60", 0, 0),
        ("60+60", 1, 60),
        ("60+60", 60, 60),
        ("60+60", 61, 120),
        ("60+60", 3600, 3600),
        ("1+1", 1, 1),
        ("1+1", 59, 59),
        ("30+6", 1, 30),
        ("30+6", 30, 30),
        ("30+6", 31, 36),
        ("30+6", 36, 36),
        ("30+6", 37, 42),
        ("60+1", 60, 60),
        ("60+1", 75, 75),
        ("20+10", 45, 50),
        ("9999+9999", 10000, 19998),
    ],
)
def test_time_is_billed_in_increments(increment: str, seconds: int, billed: int) -> None:
    assert Increment.of(increment).billed(seconds) == billed
    assert str(Increment.of(increment)) == increment


@pytest.mark.parametrize(
    ("per_minute", "seconds", "decimals", "price"),
    [
        ("0.1", 60, 6, "0.100000"),
        ("0.1", 180, 6, "0.300000"),  # a float makes 0.30000000000000004 of it
        ("0.01", 7, 6, "0.001167"),
        ("0.01", 1, 6, "0.000167"),  # 0.00016666…
        ("0.01", 1, 4, "0.0002"),
        ("0.01", 1, 2, "0.00"),
        ("0.03", 1, 3, "0.001"),  # 0.0005: half goes up
        ("0.05", 3, 4, "0.0025"),
        ("0.05", 3, 3, "0.003"),  # 0.0025: half goes up, not to even
        ("0.09", 1, 3, "0.002"),  # 0.0015
        ("1.05", 2, 2, "0.04"),  # 0.035
        ("0", 3600, 6, "0.000000"),
        ("999999999.999999", 14400, 6, "239999999999.999760"),
        ("0.000001", 30, 6, "0.000001"),  # half of a millionth
        ("0.000001", 29, 6, "0.000000"),
        ("12", 90, 0, "18"),
    ],
)
def test_a_price_is_exact_and_rounded_half_up(
    per_minute: str, seconds: int, decimals: int, price: str
) -> None:
    assert str(price_of(Decimal(per_minute), seconds, decimals)) == price


RATES = config.RatesSection(
    currency="EUR",
    increment="60+60",
    decimals=4,
    prices=(
        config.RatePrice(price="0.20"),
        config.RatePrice(prefix="+65", price="0.035", increment="1+1"),
        config.RatePrice(prefix="+6591", price="0.05", currency="SGD"),
        config.RatePrice(prefix="+659", price="0.01", subaccounts=("big",)),
        config.RatePrice(prefix="+659", price="0.04"),
        config.RatePrice(prefix="+65", price="0.002", direction="inbound", increment="30+6"),
    ),
)


def leg(
    destination: str,
    seconds: float | None,
    *,
    direction: Direction = Direction.OUTBOUND,
) -> Leg:
    connected = None if seconds is None else BEGIN + timedelta(seconds=3)
    ended = (connected or BEGIN) + timedelta(seconds=seconds or 0)
    return Leg(
        call_id="c",
        direction=direction,
        source="+12025550100",
        destination=destination,
        trunk="main",
        initiated_at=BEGIN,
        connected_at=connected,
        disconnected_at=ended,
        status=CallStatus.COMPLETED if connected else CallStatus.BUSY,
    )


def tariff(*numbers: VirtualNumber, rates: config.RatesSection = RATES) -> Tariff:
    owner = SubAccount(sub_account_id="acme", account_id="a", numbers=numbers)
    return Tariff(rates, {"acme": owner}.get)


@pytest.mark.parametrize(
    ("owner", "destination", "seconds", "expected"),
    [
        ("acme", "+4930123456", 61.0, ("60+60", 120, "EUR", "0.20", "0.4000")),
        ("acme", "+6512345678", 61.9, ("1+1", 61, "EUR", "0.035", "0.0356")),
        ("acme", "+6591234567", 10.0, ("60+60", 60, "SGD", "0.05", "0.0500")),
        ("acme", "+6598765432", 10.0, ("60+60", 60, "EUR", "0.04", "0.0400")),
        ("big", "+6598765432", 10.0, ("60+60", 60, "EUR", "0.01", "0.0100")),
        ("acme", "+6512345678", 0.4, ("1+1", 1, "EUR", "0.035", "0.0006")),  # answered: a second
    ],
)
def test_the_longest_prefix_open_to_the_sub_account_gives_the_rate(
    owner: str, destination: str, seconds: float, expected: tuple[str, int, str, str, str]
) -> None:
    increment, billed, currency, price, total = expected
    assert tariff().charge_of(owner, leg(destination, seconds)) == Charge(
        increment=increment,
        billable_seconds=billed,
        currency=currency,
        unit_price=Decimal(price),
        total=Decimal(total),
    )


def test_a_call_to_our_number_costs_what_the_number_says() -> None:
    call = leg(OURS, 31, direction=Direction.INBOUND)
    assert tariff().charge_of("acme", call).total == Decimal("0.0012")  # 36 s at 0.002 a minute
    number = VirtualNumber(
        msisdn=OURS, incoming_rate=Decimal("0.6"), billing_unit=20, billing_currency="SGD"
    )
    assert tariff(number).charge_of("acme", call) == Charge(
        increment="20+20",
        billable_seconds=40,
        currency="SGD",
        unit_price=Decimal("0.6"),
        total=Decimal("0.4000"),
    )


def test_without_a_rate_time_is_counted_and_nothing_is_charged() -> None:
    found = tariff(rates=config.RatesSection()).charge_of("acme", leg("+4930123456", 61))
    assert found == Charge(increment="1+1", billable_seconds=61)


def test_a_session_that_ends_keeps_the_price_of_its_end() -> None:
    session = Session(
        session_id="s",
        sub_account_id="acme",
        call_flow_request_id="r",
        status=SessionStatus.COMPLETED,
        callflow=Callflow(actions=()),
        created_at=BEGIN,
        legs=(leg("+6512345678", 60), leg("+6512345678", None)),
    )
    rates = tariff()
    charged = rates.charged(session)
    assert [each.charge is None for each in charged.legs] == [False, True]
    rates.use(config.RatesSection(prices=(config.RatePrice(price="99"),)))
    assert rates.charged(charged) == charged
