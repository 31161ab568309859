"""Phone numbers as customers write them, checked and normalised by E.164.

Source of the rules: ``spec/status-codes.md``, codes -1011, -1014 and -1017. Interpretations:

* Spaces (also no-break ones), dots, dashes (also typographic ones), round and square brackets are
  removed *inside* one number. A number therefore starts with ``+``, a bracket or a digit and ends
  with a digit or bracket; white space around it is ignored. Only ASCII digits are digits.
* ``00`` is an international prefix when sources are compared; as the beginning of a destination it
  is no assigned calling code, so the answer is -1017.
* A source is compared, not dialled: it is 3 to 15 digits, so that an operator may list short ones.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import NamedTuple

import phonenumbers
import phonenumbers.timezone
from phonenumbers.phonemetadata import PhoneMetadata, PhoneNumberDesc

_SEPARATORS = " \u00a0\u202f.-\u2010\u2011\u2012\u2013\u2014()[]"
_REMOVE_SEPARATORS = str.maketrans("", "", _SEPARATORS)
_WRITTEN = re.compile(rf"\+?[(\[+0-9][0-9+{re.escape(_SEPARATORS)}]*(?<=[0-9)\]])", flags=re.ASCII)
_DESTINATION = re.compile(r"\+?([1-9][0-9]{6,14})")
_SOURCE = re.compile(r"(?:\+|00)?([1-9][0-9]{2,14})")

LONGEST_WRITTEN = 64
"""Characters a number may take with all its separators and white space; longer ones are no number."""

_CALLING_CODES = frozenset(str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
"""The country calling codes ITU-T has assigned, shared and non-geographic ones included."""


def load_metadata() -> None:
    """Load the numbering plans of all countries, about 0.15 s and 2 MB.

    Otherwise ``phonenumbers`` loads a country when its first number comes, under a lock that it keeps
    when the load fails (no file descriptors are left): every later call then hangs.
    """
    PhoneMetadata.load_all()
    _american_plans()


def _compact(text: str) -> str:
    """``text`` without the separators tolerated inside a number; empty when it is no number."""
    if len(text) > LONGEST_WRITTEN:
        return ""
    text = text.strip(" \u00a0\u202f")
    if not _WRITTEN.fullmatch(text):
        return ""
    return text.translate(_REMOVE_SEPARATORS)


def names_several(destination: str) -> bool:
    """Whether a ``destination`` holds several numbers: ``,``, ``;``, ``|`` or a second ``+``."""
    return destination.count("+") > 1 or any(mark in destination for mark in ",;|")


def destination_number(text: str) -> str | None:
    """``text`` as E.164 with ``+``; None when it is not a destination (-1017)."""
    match = _DESTINATION.fullmatch(_compact(text))
    if match is None or calling_code(match[1]) is None:
        return None
    return f"+{match[1]}"


def source_number(text: str) -> str | None:
    """``text`` as E.164 with ``+``, to be compared with allowed sources; None: no number."""
    match = _SOURCE.fullmatch(_compact(text))
    return f"+{match[1]}" if match else None


def calling_code(e164: str) -> str | None:
    """The assigned country calling code that a number (with or without ``+``) begins with."""
    digits = e164.removeprefix("+")
    # No calling code is the beginning of another: at most one length can match.
    return next((digits[:n] for n in (1, 2, 3) if digits[:n] in _CALLING_CODES), None)


@lru_cache(maxsize=4_096)
def country_of(e164: str) -> str | None:
    """ISO 3166-1 alpha-2 country of an E.164 number with ``+``.

    None when it has none: withheld, malformed, or of a non-geographic service (``+883``). A valid
    calling code with an unallocated number behind it yields the code's main country.
    """
    if not e164.startswith("+"):
        return None
    american = _AMERICAN.fullmatch(e164)
    if american is not None:
        return _american_country(american[1])
    region = _ONE_REGION.get(calling_code(e164) or "") if _PLAIN.fullmatch(e164) else None
    if region is None:
        region = _region_of(e164)
    return region if region is not None and _is_country(region) else None


_PLAIN = re.compile(r"\+[1-9][0-9]{6,14}")
_AMERICAN = re.compile(r"\+1([2-9][0-9]{9})")
"""A whole number of the plan that 25 countries share, as it is dialled from abroad."""
_ONE_REGION = {
    str(code): regions[0]
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()
    if len(regions) == 1
}
"""The region of each calling code that belongs to one alone: the digits behind it do not matter."""


def _is_country(region: str) -> bool:
    return len(region) == 2 and region.isalpha() and region != "ZZ"


def _region_of(e164: str) -> str | None:
    """The region of any number, by all rules of the library."""
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(number)
    if region is None and number.country_code is not None:
        region = phonenumbers.region_code_for_country_code(number.country_code)
    return region


class _NumberingPlan(NamedTuple):
    """What tells the numbers of a country from those of others with the same calling code."""

    region: str
    leading: re.Pattern[str] | None
    """How they begin; None: a number belongs here when both patterns match all of it."""
    general: re.Pattern[str]
    allocated: re.Pattern[str]


@cache
def _american_plans() -> tuple[_NumberingPlan, ...]:
    """The countries of +1 in the order in which ``phonenumbers`` asks them, with its own patterns.

    The library looks up 35 patterns for each new number and compiles them where its cache is full. That was
    a tenth of the time that the event loop spends on a call (``docs/benchmarks.md``).
    """
    return tuple(
        _NumberingPlan(
            region=region,
            leading=re.compile(known.leading_digits) if known.leading_digits else None,
            general=_any_of(known.general_desc),
            allocated=_any_of(
                *(known.premium_rate, known.toll_free, known.shared_cost, known.voip),
                *(known.personal_number, known.pager, known.uan, known.voicemail),
                *(known.fixed_line, known.mobile),
            ),
        )
        for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[1]
        if (known := PhoneMetadata.metadata_for_region(region)) is not None
    )


def _any_of(*kinds: PhoneNumberDesc | None) -> re.Pattern[str]:
    """Matches ten digits that are a number of any of these kinds."""
    patterns = [
        f"(?:{kind.national_number_pattern})"
        for kind in kinds
        if kind is not None
        and kind.national_number_pattern
        and (not kind.possible_length or 10 in kind.possible_length)
    ]
    return re.compile("|".join(patterns) or r"(?!)")


def _american_country(national: str) -> str:
    """The country of the ten digits behind +1; the main country where no plan has them."""
    for plan in _american_plans():
        if plan.leading is not None:
            if plan.leading.match(national):
                return plan.region
        elif plan.general.fullmatch(national) and plan.allocated.fullmatch(national):
            return plan.region
    return "US"


@lru_cache(maxsize=4_096)
def time_zones_of(e164: str) -> tuple[str, ...]:
    """The IANA time zones in which an E.164 number with ``+`` may be; empty where nobody knows."""
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return ()
    names: tuple[str, ...] = phonenumbers.timezone.time_zones_for_number(number)
    return () if names == (phonenumbers.timezone.UNKNOWN_TIMEZONE,) else names


_TYPES = {
    value: name
    for name, value in vars(phonenumbers.PhoneNumberType).items()
    if name in ("FIXED_LINE", "MOBILE", "FIXED_LINE_OR_MOBILE", "TOLL_FREE", "PREMIUM_RATE")
    or name in ("SHARED_COST", "VOIP", "PERSONAL_NUMBER", "UAN")
}


@lru_cache(maxsize=4_096)
def number_type_of(e164: str) -> str:
    """What kind of number an E.164 number with ``+`` is by the numbering plan of its country.

    ``FIXED_LINE``, ``MOBILE``, ``TOLL_FREE`` …; ``UNKNOWN`` where the plan does not tell.
    """
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return "UNKNOWN"
    return _TYPES.get(phonenumbers.number_type(number), "UNKNOWN")
