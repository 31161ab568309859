"""Graphs: calls and outcomes, answer rate, delay and MOS by trunk and country."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from litestar import Response, get
from litestar.di import NamedDependency

from offhook.console.choice import choice_of
from offhook.console.console_parts import ConsoleParts
from offhook.console.drawing.charts import Chart, Series, bars, line
from offhook.console.outcomes import Tone, tone_of
from offhook.console.rendering import page
from offhook.console.sampling import MOST_SESSIONS, by_country, by_trunk
from offhook.console.web import Unsuitable, WebRequest, asked
from offhook.session.ports.console_records import OutcomeCount


class Period(NamedTuple):
    """A time that is drawn."""

    text: str
    length: timedelta
    step: timedelta
    form: str
    """Of the times at the axis."""


PERIODS = {
    "1h": Period("the last hour", timedelta(hours=1), timedelta(minutes=2), "%H:%M"),
    "1d": Period("the last day", timedelta(days=1), timedelta(hours=1), "%H:%M"),
    "7d": Period("the last week", timedelta(days=7), timedelta(hours=6), "%m-%d %H:%M"),
    "30d": Period("the last 30 days", timedelta(days=30), timedelta(days=1), "%m-%d"),
    "90d": Period("the last 90 days", timedelta(days=90), timedelta(days=3), "%m-%d"),
}
NAMES = {
    Tone.GOOD: "completed",
    Tone.REFUSED: "busy, unanswered or canceled",
    Tone.FAILED: "failed",
    Tone.GOING: "under way",
}


@get("/figures")
async def figures(request: WebRequest, parts: NamedDependency[ConsoleParts]) -> Response[bytes]:
    """The page of a period."""
    choice = choice_of(request)
    name = asked(request, "period") or "1d"
    if name not in PERIODS:
        raise Unsuitable(f"The period is one of {', '.join(PERIODS)}")
    period, now = PERIODS[name], parts.clock.now().astimezone(UTC)
    since = now - period.length
    counts = await parts.store.outcome_counts(choice.owners, since, now, period.step)
    sessions = await parts.store.newest_sessions(choice.owners, since, limit=MOST_SESSIONS)
    return page(
        request,
        "figures.html",
        period=name,
        periods=PERIODS,
        outcomes=outcomes_chart(counts, period, now),
        answered=answered_chart(counts, period, now),
        names={kind.value: text for kind, text in NAMES.items()},
        total=sum(one.sessions for one in counts),
        trunks=by_trunk(sessions),
        countries=by_country(sessions),
        looked_at=len(sessions),
        most=MOST_SESSIONS,
    )


def steps_of(period: Period, now: datetime) -> list[datetime]:
    """The beginnings of the steps, as the store counts them."""
    size = period.step.total_seconds()
    first = (now - period.length).timestamp() // size * size
    count = int((now.timestamp() - first) // size) + 1
    return [datetime.fromtimestamp(first + size * place, UTC) for place in range(count)]


def outcomes_chart(counts: Sequence[OutcomeCount], period: Period, now: datetime) -> Chart:
    """Sessions in each step, by what became of them."""
    times = steps_of(period, now)
    by_step = _by_step(counts)
    series = [
        Series(
            NAMES[kind],
            f"s-{kind.value}",
            [by_step.get((at, kind), 0) for at in times],
        )
        for kind in (Tone.GOOD, Tone.REFUSED, Tone.FAILED, Tone.GOING)
    ]
    return bars(times, series, form=period.form)


def answered_chart(counts: Sequence[OutcomeCount], period: Period, now: datetime) -> Chart:
    """Completed sessions of those that have ended, in per cent."""
    times = steps_of(period, now)
    by_step = _by_step(counts)
    rates: list[float | None] = []
    for at in times:
        good = by_step.get((at, Tone.GOOD), 0)
        ended = good + sum(by_step.get((at, kind), 0) for kind in (Tone.REFUSED, Tone.FAILED))
        rates.append(100 * good / ended if ended else None)
    return line(times, rates, form=period.form, top=100, unit=" %")


def _by_step(counts: Sequence[OutcomeCount]) -> dict[tuple[datetime, Tone], int]:
    sums: dict[tuple[datetime, Tone], int] = {}
    for one in counts:
        key = one.since.astimezone(UTC), tone_of(one.status)
        sums[key] = sums.get(key, 0) + one.sessions
    return sums


handlers = [figures]
