"""Numbers as trunks write them, both ways."""

from __future__ import annotations

import pytest

from offhook import config
from offhook.telephony.number_formats import NumberFormat, NumberStyle, Party, rules_of

DIGITS = NumberFormat(style=NumberStyle.DIGITS)


def within(country: str, *rules: config.NumberRule) -> NumberFormat:
    return NumberFormat(style=NumberStyle.NATIONAL, country=country, rules=rules_of(rules))


@pytest.mark.parametrize(
    ("numbers", "sent"),
    [
        (NumberFormat(), "+4930123456"),
        (DIGITS, "4930123456"),
        (within("DE"), "030123456"),
        (within("GB"), "004930123456"),
        (within("US"), "0114930123456"),
    ],
    ids=["with plus", "digits", "in its country", "from abroad", "by America's prefix"],
)
def test_a_number_is_sent_as_the_trunk_writes_it_and_comes_back_the_same(
    numbers: NumberFormat, sent: str
) -> None:
    for party in Party:
        assert numbers.written("+4930123456", party) == sent
        assert numbers.read(sent, party) == "+4930123456"


@pytest.mark.parametrize(
    ("country", "number", "sent"),
    [
        ("US", "+12025550100", "2025550100"),
        ("IT", "+390669812345", "0669812345"),
        ("SG", "+6512341234", "12341234"),
        ("GB", "+442079460018", "02079460018"),
    ],
)
def test_each_country_has_its_own_national_form(country: str, number: str, sent: str) -> None:
    assert within(country).written(number, Party.CALLED) == sent


@pytest.mark.parametrize("user", ["anonymous", "100", "", "alice", "+", "9#12", "0" * 30])
def test_what_is_no_number_passes_unchanged(user: str) -> None:
    for numbers in (NumberFormat(), DIGITS, within("DE")):
        assert numbers.written(user, Party.CALLER) == user
        if user != "100":
            assert numbers.read(user, Party.CALLER) == user


def test_a_rule_adds_a_technical_prefix_to_called_numbers_only() -> None:
    rule = config.NumberRule(direction="out", party="called", replace="9011#")
    numbers = NumberFormat(style=NumberStyle.DIGITS, rules=rules_of([rule]))
    assert numbers.written("+4930123456", Party.CALLED) == "9011#4930123456"
    assert numbers.written("+4930123456", Party.CALLER) == "4930123456"
    assert numbers.read("4930123456", Party.CALLED) == "+4930123456"


def test_the_rule_with_the_longest_prefix_counts() -> None:
    rules = rules_of(
        [
            config.NumberRule(direction="in", prefix="0", replace="+49"),
            config.NumberRule(direction="in", prefix="00", replace="+"),
            config.NumberRule(direction="out", prefix="+49", replace="0"),
            config.NumberRule(direction="out", prefix="+", replace="00"),
        ]
    )
    numbers = NumberFormat(rules=rules)
    assert numbers.read("030123456", Party.CALLER) == "+4930123456"
    assert numbers.read("0012025550100", Party.CALLED) == "+12025550100"
    assert numbers.written("+4930123456", Party.CALLED) == "030123456"
    assert numbers.written("+12025550100", Party.CALLER) == "0012025550100"


def test_a_rule_takes_a_prefix_off_before_the_number_is_read() -> None:
    rule = config.NumberRule(direction="in", party="called", prefix="77")
    assert within("DE", rule).read("77030123456", Party.CALLED) == "+4930123456"
