"""Which addresses get no answer for a while, by what they did wrong (pure: the time is given).

Each wrong thing costs points; at :data:`BAN_AT` the address is banned. Points wear off slowly, and right
credentials clear them, so that an office full of phones that start again at once is not taken for an
attack. A second ban lasts twice as long as the first, and so on up to a day. An IPv6 host has its whole
/64, so that counts as one address.

Addresses can be forged over UDP. So the caller never bans an address of a trunk, and what is remembered is
bounded.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import StrEnum
from ipaddress import IPv6Address
from typing import Final, final

from offhook.sip.hosts import ip_of

BAN_AT: Final = 95.0
"""Less than ten times ten points, of which a little wears off meanwhile."""
BAN_TIME: Final = 600.0
"""Seconds of a first ban."""
LONGEST_BAN: Final = 86_400.0
WEARS_OFF: Final = 10 / 3600
"""Points a second."""
REMEMBERED: Final = 10_000
"""Addresses that are remembered at the most."""


class Blame(StrEnum):
    """What an address did wrong; the values are labels of metrics."""

    WRONG_CREDENTIALS = "wrong_credentials"
    UNKNOWN_ADDRESS = "unknown_address"
    """A call from an address that is no trunk's, without credentials: 403."""
    UNANSWERED_CHALLENGE = "unanswered_challenge"
    """A REGISTER or INVITE without credentials: bursts of them scan for users."""
    FOREIGN_NUMBER = "foreign_number"
    """A call without credentials to a number that is not served here: it looks for a way out."""
    SCANNER = "scanner"
    """It calls itself by the name of a scanner."""


POINTS: Final = {
    Blame.WRONG_CREDENTIALS: 10.0,
    Blame.UNKNOWN_ADDRESS: 10.0,
    Blame.UNANSWERED_CHALLENGE: 2.0,
    Blame.FOREIGN_NUMBER: 20.0,
    Blame.SCANNER: BAN_AT,
}

_SCANNERS: Final = (
    "friendly-scanner",
    "sipvicious",
    "sipcli",
    "sundayddr",
    "friendly-request",
    "iwar",
    "pplsip",
    "sip-scan",
    "siparmyknife",
    "sipscan",
    "smap",
    "vaxsipuseragent",
)
"""User agents of scanners, in lower case; how they begin."""


def is_scanner(user_agent: str) -> bool:
    """Whether a User-Agent is one of a scanner."""
    return user_agent.lower().startswith(_SCANNERS)


class _Record:
    __slots__ = ("at", "bans", "points", "until")

    def __init__(self, at: float) -> None:
        self.points = 0.0
        self.at = at
        """When the points were counted."""
        self.until = 0.0
        """When the ban ends."""
        self.bans = 0


@final
class Bans:
    """The addresses with points."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._records: OrderedDict[str, _Record] = OrderedDict()

    def __len__(self) -> int:
        return len(self._records)

    def banned(self, host: str, now: float) -> bool:
        """Whether an address literal gets no answer now."""
        record = self._records.get(_kept_as(host))
        return record is not None and now < record.until

    def blame(self, host: str, blame: Blame, now: float) -> float | None:
        """Count a wrong thing; the seconds of the ban that it brings, None: it brings none."""
        key = _kept_as(host)
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = _Record(now)
            if len(self._records) > self._remembered:
                self._records.popitem(last=False)
        self._records.move_to_end(key)
        worn = max(0.0, record.points - (now - record.at) * WEARS_OFF)
        record.points, record.at = worn + POINTS[blame], now
        if record.points < BAN_AT:
            return None
        seconds = min(LONGEST_BAN, BAN_TIME * 2.0**record.bans)
        record.points, record.until = 0.0, now + seconds
        record.bans = min(record.bans + 1, 10)
        return seconds

    def forgive(self, host: str) -> None:
        """The address gave right credentials."""
        self._records.pop(_kept_as(host), None)


def _kept_as(host: str) -> str:
    """The address, of IPv6 its /64."""
    address = ip_of(host)
    if not isinstance(address, IPv6Address) or address.ipv4_mapped is not None:
        return host
    return str(IPv6Address(int(address) >> 64 << 64))
