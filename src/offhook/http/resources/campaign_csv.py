"""The results of a campaign as CSV, page by page, so that a million numbers take no memory."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence

from offhook.clock import iso_milliseconds
from offhook.session.campaign import Target
from offhook.session.ports.campaign_records import Campaigns, TargetFilter

COLUMNS = (
    "number",
    "state",
    "outcome",
    "attempts",
    "endedAt",
    "sessionId",
    "detail",
)
PAGE = 1000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would compute."""


async def results_csv(
    store: Campaigns, campaign_id: str, chosen: TargetFilter
) -> AsyncIterator[bytes]:
    """The header line, then a line for each number."""
    yield _lines([COLUMNS])
    after = 0
    while page := await store.targets(campaign_id, chosen, after=after, limit=PAGE):
        after = page[-1].position
        yield _lines([_cells(target) for target in page])


def _cells(target: Target) -> tuple[str, ...]:
    ended = "" if target.ended_at is None else iso_milliseconds(target.ended_at)
    return (
        target.number,
        target.state.value,
        target.outcome or "",
        str(target.attempts),
        ended,
        target.session_id or "",
        _harmless(target.detail or ""),
    )


def _harmless(cell: str) -> str:
    """A text that no spreadsheet takes for a formula. A phone number is one of digits only."""
    return "'" + cell if cell.startswith(_FORMULA) else cell


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()
