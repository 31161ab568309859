"""What ``offhook doctor`` finds: one line for each thing it looked at, with what to do."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """How a thing is."""

    FINE = "ok"
    DOUBT = "warn"
    """It works, but hardly as intended, or soon no more."""
    WRONG = "FAIL"
    """Calls fail, or will."""


class Finding(NamedTuple):
    """One thing that was looked at."""

    verdict: Verdict
    what: str
    """``trunk carrier``, ``disk`` …"""
    found: str
    advice: str = ""
    """What to do; empty: nothing."""


def fine(what: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(Verdict.FINE, what, found)


def doubt(what: str, found: str, advice: str) -> Finding:
    """Something that an operator should look at."""
    return Finding(Verdict.DOUBT, what, found, advice)


def wrong(what: str, found: str, advice: str) -> Finding:
    """Something that makes calls fail."""
    return Finding(Verdict.WRONG, what, found, advice)


def findings_text(findings: Sequence[Finding]) -> str:
    """The findings for people, the advice below each."""
    width = max((len(one.what) for one in findings), default=0)
    lines = []
    for one in findings:
        lines.append(f"{one.verdict.value:<4}  {one.what:<{width}}  {one.found}")
        if one.advice:
            lines.append(f"{'':<4}  {'':<{width}}  → {one.advice}")
    counts = {verdict: sum(one.verdict is verdict for one in findings) for verdict in Verdict}
    lines.append(
        f"{counts[Verdict.FINE]} fine, {counts[Verdict.DOUBT]} to look at,"
        f" {counts[Verdict.WRONG]} wrong"
    )
    return "\n".join(lines)
