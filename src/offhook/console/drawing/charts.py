"""Charts over time: bars on top of each other, and lines, as places in a fixed box that a page scales."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

WIDTH = 720
HEIGHT = 190
LEFT = 44
BOTTOM = 22
TOP = 8
INNER = HEIGHT - BOTTOM - TOP
MOST_LABELS = 8
STEPS = (1, 2, 2.5, 5, 10)


class ChartPiece(NamedTuple):
    """A part of a bar."""

    x: float
    y: float
    width: float
    height: float
    look: str
    title: str


class Label(NamedTuple):
    """A text beside an axis."""

    at: float
    text: str


class Chart(NamedTuple):
    """The picture."""

    pieces: tuple[ChartPiece, ...]
    line: str
    """Points of a line, of SVG's form; '': there is none."""
    across: tuple[Label, ...]
    up: tuple[Label, ...]
    summary: str
    """For people who do not see it."""


class Series(NamedTuple):
    """One kind of things in each step of time."""

    name: str
    look: str
    values: Sequence[int]


def bars(times: Sequence[datetime], series: Sequence[Series], *, form: str) -> Chart:
    """How many in each step of time, the series on top of each other. ``form``: of the times."""
    totals = [sum(one.values[place] for one in series) for place in range(len(times))]
    most = max(totals, default=0)
    top = _round_up(most)
    each = (WIDTH - LEFT) / max(1, len(times))
    pieces = []
    for place, at in enumerate(times):
        base = 0
        for one in series:
            value = one.values[place]
            if value:
                high = value / top * INNER
                y = TOP + INNER - (base + value) / top * INNER
                title = f"{at:{form}}: {value} {one.name}"
                x = LEFT + place * each
                pieces.append(
                    ChartPiece(
                        round(x, 1),
                        round(y, 1),
                        round(each * 0.85, 1),
                        round(high, 1),
                        one.look,
                        title,
                    )
                )
            base += value
    said = ", ".join(f"{sum(one.values)} {one.name}" for one in series)
    return Chart(tuple(pieces), "", _across(times, each, form), _up(top, ""), said)


def line(
    times: Sequence[datetime], values: Sequence[float | None], *, form: str, top: float, unit: str
) -> Chart:
    """A value in each step of time; None: there is none. ``top``: of the scale."""
    each = (WIDTH - LEFT) / max(1, len(times))
    points = [
        f"{LEFT + (place + 0.5) * each:.1f},{TOP + INNER - min(value, top) / top * INNER:.1f}"
        for place, value in enumerate(values)
        if value is not None
    ]
    known = [value for value in values if value is not None]
    said = f"from {min(known):.0f} to {max(known):.0f} {unit}" if known else "nothing to show"
    path = " ".join(points) if len(points) > 1 else ""
    dots = tuple(
        ChartPiece(float(x) - 2, float(y) - 2, 4, 4, "s-dot", "")
        for x, y in (point.split(",") for point in points[:1] if len(points) == 1)
    )
    return Chart(dots, path, _across(times, each, form), _up(top, unit), said)


def _across(times: Sequence[datetime], each: float, form: str) -> tuple[Label, ...]:
    step = max(1, -(-len(times) // MOST_LABELS))
    return tuple(
        Label(round(LEFT + place * each, 1), f"{times[place]:{form}}")
        for place in range(0, len(times), step)
    )


def _up(top: float, unit: str) -> tuple[Label, ...]:
    return tuple(
        Label(round(TOP + INNER - share * INNER, 1), f"{top * share:g}{unit}")
        for share in (0, 0.5, 1)
    )


def _round_up(value: int) -> float:
    """The next number that people count in: 1, 2, 5, 10, 20, 25 …"""
    size = 1.0
    while size * 10 < value:
        size *= 10
    return next((step * size for step in STEPS if step * size >= value), size * 10)
