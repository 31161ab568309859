"""Areas that calls may go to: countries of ISO 3166-1, or the beginnings of numbers."""

from __future__ import annotations

import phonenumbers

from offhook.config.mistakes import did_you_mean

_NOT_COUNTRIES = {
    "UK": "GB",
    "EN": "GB",
    "EL": "GR",
    "SU": "RU",
    "YU": "RS",
    "KO": "KR",
    "JA": "JP",
}
"""Common mistakes for a country code of ISO 3166-1."""


def area_problem(area: str) -> str | None:
    """Why nothing is in ``SG`` or ``+44``; None: there are numbers."""
    if not area.startswith("+"):
        return None if area in phonenumbers.SUPPORTED_REGIONS else no_country(area)
    if _begins_a_number(area):
        return None
    return f"no number begins with {area!r}: no country has this calling code"


def no_country(area: str) -> str:
    """What is wrong with a code that is none, and which may be meant."""
    if (meant := _NOT_COUNTRIES.get(area)) is not None:
        return f"{area!r} is no country of ISO 3166-1; did you mean {meant}?"
    near = did_you_mean(area, phonenumbers.SUPPORTED_REGIONS)
    return f"{area!r} is no country of ISO 3166-1{'; ' if near else ''}{near}"


def _begins_a_number(prefix: str) -> bool:
    """Whether ``+4`` or ``+4420`` is the beginning of an assigned country calling code, or goes on from
    one."""
    digits = prefix[1:]
    codes = map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
    return any(code.startswith(digits) or digits.startswith(code) for code in codes)
