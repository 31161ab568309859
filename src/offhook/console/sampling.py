"""What trunks and countries are like, from the newest sessions of a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

from offhook.flow.numbers import country_of
from offhook.session.session import Direction, Leg, Session

MOST_SESSIONS = 1000
"""Sessions that are looked at."""
UNKNOWN = "unknown"


class LegFigures(NamedTuple):
    """The calls of a trunk or a country."""

    name: str
    calls: int
    answered: int
    mos: float | None
    """The mean."""
    worst: float | None
    """The least MOS of a call."""
    delay: float | None
    """Seconds from the INVITE to the answer: the median."""
    loss: float | None
    """Share of packets: the mean."""

    @property
    def rate(self) -> str:
        """Answered of the calls."""
        return f"{100 * self.answered / self.calls:.0f} %" if self.calls else ""


def by_trunk(sessions: Sequence[Session]) -> list[LegFigures]:
    """The figures of each trunk, the busiest first."""
    return _figures((leg.trunk or UNKNOWN, leg) for one in sessions for leg in one.legs)


def by_country(sessions: Sequence[Session]) -> list[LegFigures]:
    """The figures of each country, the busiest first."""
    return _figures((_country(leg), leg) for one in sessions for leg in one.legs)


def _country(leg: Leg) -> str:
    other = leg.destination if leg.direction is Direction.OUTBOUND else leg.source
    return country_of(other) or UNKNOWN


def _figures(legs: Iterable[tuple[str, Leg]]) -> list[LegFigures]:
    groups: dict[str, list[Leg]] = {}
    for name, leg in legs:
        if leg.status is not None:
            groups.setdefault(name, []).append(leg)
    found = [_of_group(name, group) for name, group in groups.items()]
    return sorted(found, key=lambda one: (-one.calls, one.name))


def _of_group(name: str, legs: list[Leg]) -> LegFigures:
    qualities = [leg.quality for leg in legs if leg.quality is not None]
    delays = [
        (leg.connected_at - leg.initiated_at).total_seconds()
        for leg in legs
        if leg.connected_at is not None and leg.initiated_at is not None
    ]
    count = len(qualities)
    return LegFigures(
        name=name,
        calls=len(legs),
        answered=sum(leg.connected_at is not None for leg in legs),
        mos=sum(one.mos for one in qualities) / count if count else None,
        worst=min((one.mos for one in qualities), default=None),
        delay=median(delays) if delays else None,
        loss=sum(one.packet_loss_rate for one in qualities) / count if count else None,
    )
