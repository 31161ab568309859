"""Phone numbers as customers write them, checked and normalised by E.164.

Source of the rules: ``spec/status-codes.md``, codes -1011, -1014 and -1017. Interpretations:

* Spaces (also no-break ones), dots, dashes (also typographic ones), round and square brackets are
  removed *inside* one number. A number therefore starts with ``+``, a bracket or a digit and ends
  with a digit or bracket; white space around it is ignored. Only ASCII digits are digits.
* ``00`` is an international prefix when sources are compared; as the beginning of a destination it
  is no assigned calling code, hence -1017.
* A source is compared, not dialled: it is 3 to 15 digits, so that an operator may list short ones.
"""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers
import phonenumbers.timezone
from phonenumbers.phonemetadata import PhoneMetadata

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
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(number)
    if region is None and number.country_code is not None:
        region = phonenumbers.region_code_for_country_code(number.country_code)
    return (
        region
        if region is not None and len(region) == 2 and region.isalpha() and region != "ZZ"
        else None
    )


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
