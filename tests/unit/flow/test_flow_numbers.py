"""Numbers and their countries (what spellings are tolerated is in the judge's tables)."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.flow import numbers


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+6590000000", "SG"),
        ("+6568332048", "SG"),
        ("+12025550101", "US"),
        ("+14165550100", "CA"),
        ("+18765550100", "JM"),
        ("+447400123456", "GB"),
        ("+77012345678", "KZ"),
        ("+79161234567", "RU"),
        ("+390612345678", "IT"),
        ("+38349123456", "XK"),
        ("+1999", "US"),
        ("+80012345678", None),
        ("+883510012345678", None),
        ("+210123456789", None),
        ("+999", None),
        ("+", None),
        ("", None),
        ("6590000000", None),
        ("private", None),
        ("anonymous", None),
        ("+65900" + "0" * 300, None),
    ],
)
def test_the_country_of_a_number(number: str, country: str | None) -> None:
    assert numbers.country_of(number) == country


DIGITS = st.text("0123456789", min_size=1, max_size=15)
CODES = st.sampled_from([str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE])
AMERICAN = st.builds("1{}5550101".format, st.integers(200, 999))


@given(AMERICAN | st.builds("{}{}".format, CODES, DIGITS) | DIGITS)
def test_the_short_ways_lead_to_the_country_that_the_library_finds(digits: str) -> None:
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        assert numbers.country_of(f"+{digits}") is None
        return
    region = phonenumbers.region_code_for_number(number)
    if region is None and number.country_code is not None:
        region = phonenumbers.region_code_for_country_code(number.country_code)
    expected = region if region is not None and region.isalpha() and region != "ZZ" else None
    assert numbers.country_of(f"+{digits}") == expected


def test_every_area_code_of_the_american_plan_leads_to_its_country() -> None:
    asked = [f"+1{area_code}5550101" for area_code in range(200, 1000)]
    found = [phonenumbers.region_code_for_number(phonenumbers.parse(number)) for number in asked]
    assert [numbers.country_of(number) for number in asked] == [each or "US" for each in found]


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("+6590000000", "65"),
        ("12025550101", "1"),
        ("+79161234567", "7"),
        ("+35312345", "353"),
        ("+8835100", "883"),
        ("+2101234567", None),
        ("+0651234", None),
        ("", None),
    ],
)
def test_the_calling_code_of_a_number(number: str, code: str | None) -> None:
    assert numbers.calling_code(number) == code


def test_no_calling_code_begins_another() -> None:
    codes = numbers._CALLING_CODES
    assert all(not a.startswith(b) for a in codes for b in codes if a != b)


def test_long_strings_are_no_numbers_at_once() -> None:
    assert numbers.destination_number("6" + " " * 200_000 + "5") is None
    assert numbers.source_number("(" * 200_000) is None
