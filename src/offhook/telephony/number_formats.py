"""How a trunk writes phone numbers: with or without ``+``, as within a country, with prefixes (pure).

Everything above the trunk knows E.164 with ``+``. :class:`NumberFormat` translates at the edge, for callers
and called numbers, both ways. What it cannot read it passes on unchanged: an extension, ``anonymous``, a
name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache

import msgspec
import phonenumbers

from offhook import config

_E164 = re.compile(r"\+[1-9][0-9]{2,14}")
_DIGITS = re.compile(r"[1-9][0-9]{6,14}")
_WRITTEN = re.compile(r"\+?[0-9]{3,20}")


class NumberStyle(StrEnum):
    """How numbers stand in SIP."""

    E164 = "e164"
    """``+6512341234``."""
    DIGITS = "digits"
    """``6512341234``."""
    NATIONAL = "national"
    """As they are dialled within a country."""


class Party(StrEnum):
    """Whose number it is."""

    CALLED = "called"
    CALLER = "caller"


class Way(StrEnum):
    """Where a call goes."""

    OUT = "out"
    IN = "in"


class PrefixRule(msgspec.Struct, frozen=True, kw_only=True):
    """Replaces the beginning of a number as it stands in SIP."""

    way: Way
    parties: frozenset[Party]
    prefix: str
    replace: str


class NumberFormat(msgspec.Struct, frozen=True, kw_only=True):
    """The number format of one trunk."""

    style: NumberStyle = NumberStyle.E164
    country: str | None = None
    """ISO 3166-1 alpha-2; needed by :attr:`NumberStyle.NATIONAL`."""
    rules: tuple[PrefixRule, ...] = ()

    def written(self, number: str, party: Party) -> str:
        """An E.164 number with ``+`` as the trunk wants it in a call to it."""
        if _E164.fullmatch(number) is not None:
            if self.style is NumberStyle.DIGITS:
                number = number[1:]
            elif self.style is NumberStyle.NATIONAL and self.country is not None:
                number = _nationally(number, self.country)
        return self._ruled(number, Way.OUT, party)

    def read(self, user: str, party: Party) -> str:
        """What stands in a call from the trunk, as E.164 with ``+`` where it is a number."""
        user = self._ruled(user, Way.IN, party)
        if self.style is NumberStyle.NATIONAL and self.country is not None:
            return _from_national(user, self.country)
        if self.style is NumberStyle.DIGITS and _DIGITS.fullmatch(user) is not None:
            return f"+{user}"
        return user

    def _ruled(self, number: str, way: Way, party: Party) -> str:
        """By the rule with the longest prefix that fits; of equal ones the first."""
        fitting = [
            rule
            for rule in self.rules
            if rule.way is way and party in rule.parties and number.startswith(rule.prefix)
        ]
        if not fitting:
            return number
        rule = max(fitting, key=lambda each: len(each.prefix))
        return rule.replace + number[len(rule.prefix) :]


def rules_of(sections: Iterable[config.NumberRule]) -> tuple[PrefixRule, ...]:
    """The rules of ``[[trunks.number_rules]]``."""
    return tuple(
        PrefixRule(
            way=Way(section.direction),
            parties=frozenset(Party)
            if section.party == "both"
            else frozenset({Party(section.party)}),
            prefix=section.prefix,
            replace=section.replace,
        )
        for section in sections
    )


@lru_cache(maxsize=4_096)
def _nationally(number: str, country: str) -> str:
    """``+4930123456`` within DE: ``030123456``; ``+12025550100``: ``0012025550100``."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    if phonenumbers.country_code_for_region(country) == parsed.country_code:
        text = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    else:
        text = phonenumbers.format_out_of_country_calling_number(parsed, country)
    return "".join(char for char in text if char.isascii() and char.isdigit())


@lru_cache(maxsize=4_096)
def _from_national(user: str, country: str) -> str:
    """E.164 of a number as it is dialled within ``country``; what is no number comes back unchanged."""
    if _WRITTEN.fullmatch(user) is None:
        return user
    try:
        parsed = phonenumbers.parse(user, country)
    except phonenumbers.NumberParseException:
        return user
    if not phonenumbers.is_possible_number(parsed):
        return user
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
