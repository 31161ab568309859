"""What ``offhook doctor`` finds: one line for each thing it looked at, with what to do."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple


class FindingLevel(StrEnum):
    """How a thing is."""

    FINE = "ok"
    DOUBT = "warn"
    """It works, but hardly as intended, or soon no more."""
    WRONG = "FAIL"
    """Calls fail, or will."""


class DoctorFinding(NamedTuple):
    """One thing that was looked at."""

    verdict: FindingLevel
    what: str
    """``trunk carrier``, ``disk`` …"""
    found: str
    advice: str = ""
    """What to do; empty: nothing."""


def fine(what: str, found: str) -> DoctorFinding:
    """Nothing to do."""
    return DoctorFinding(FindingLevel.FINE, what, found)


def doubt(what: str, found: str, advice: str) -> DoctorFinding:
    """Something that an operator should look at."""
    return DoctorFinding(FindingLevel.DOUBT, what, found, advice)


def wrong(what: str, found: str, advice: str) -> DoctorFinding:
    """Something that makes calls fail."""
    return DoctorFinding(FindingLevel.WRONG, what, found, advice)


def findings_text(findings: Sequence[DoctorFinding]) -> str:
    """The findings for people, the advice below each."""
    width = max((len(one.what) for one in findings), default=0)
    lines = []
    for one in findings:
        lines.append(f"{one.verdict.value:<4}  {one.what:<{width}}  {one.found}")
        if one.advice:
            lines.append(f"{'':<4}  {'':<{width}}  → {one.advice}")
    counts = {verdict: sum(one.verdict is verdict for one in findings) for verdict in FindingLevel}
    lines.append(
        f"{counts[FindingLevel.FINE]} fine, {counts[FindingLevel.DOUBT]} to look at,"
        f" {counts[FindingLevel.WRONG]} wrong"
    )
    return "\n".join(lines)
