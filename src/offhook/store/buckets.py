"""What the limits of a claim leave: token buckets, running sessions, held channels. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from offhook.session.ports.record import Rates, Usage
from offhook.store.documents import micros
from offhook.store.rows import BucketRow, Row


class BucketKind(StrEnum):
    """Whether a token bucket limits a sub-account or a trunk."""

    SUB_ACCOUNT = "sub_account"
    TRUNK = "trunk"


class Buckets:
    """Token buckets during one claim."""

    def __init__(self, rows: Iterable[Row], rates: Rates, now: datetime) -> None:
        self._now = micros(now)
        self._tokens: dict[tuple[BucketKind, str], float] = {}
        self._taken: set[tuple[BucketKind, str]] = set()
        stored = {
            (BucketKind(row["kind"]), row["name"]): (row["tokens"], row["at"]) for row in rows
        }
        limited: tuple[tuple[BucketKind, Mapping[str, float]], ...] = (
            (BucketKind.SUB_ACCOUNT, rates.sub_accounts),
            (BucketKind.TRUNK, rates.trunks),
        )
        for kind, limits in limited:
            for name, rate in limits.items():
                capacity = max(1.0, rate)
                tokens, at = stored.get((kind, name), (capacity, self._now))
                if at > self._now:  # the clock went back: count from now on, not from then
                    self._taken.add((kind, name))
                filled = tokens + max(0, self._now - at) / 1e6 * rate
                self._tokens[kind, name] = min(capacity, filled)

    def of(self, kind: BucketKind) -> dict[str, float]:
        """The tokens in each bucket of a kind."""
        return {name: tokens for (of, name), tokens in self._tokens.items() if of == kind}

    def take(self, kind: BucketKind, name: str) -> None:
        """Take the tokens of one call that starts."""
        if (kind, name) in self._tokens:
            self._tokens[kind, name] -= 1
            self._taken.add((kind, name))

    def rows(self) -> list[BucketRow]:
        """The buckets that calls were taken from, or that must count from another time."""
        return [
            BucketRow(kind.value, name, self._tokens[kind, name], self._now)
            for kind, name in self._taken
        ]


def running_and_channels(rows: Iterable[Row]) -> tuple[dict[str, int], dict[str, int]]:
    """Running sessions by sub-account, and held channels by trunk, from the same rows as
    :func:`usage_of`."""
    running: dict[str, int] = {}
    channels: dict[str, int] = {}
    for row in rows:
        owner, count = row["sub_account_id"], row["sessions"]
        running[owner] = running.get(owner, 0) + count
        for trunk in json.loads(row["channels"]):
            channels[trunk] = channels.get(trunk, 0) + count
    return running, channels


def usage_of(rows: Iterable[Row], buckets: Buckets) -> Usage:
    """From the running ``sessions`` counted by ``sub_account_id`` and ``channels``."""
    running, channels = running_and_channels(rows)
    return Usage(
        running_by_sub_account=running,
        channels_by_trunk=channels,
        tokens_by_sub_account=buckets.of(BucketKind.SUB_ACCOUNT),
        tokens_by_trunk=buckets.of(BucketKind.TRUNK),
    )


def channels_exceeded(
    rows: Iterable[Row], trunk: str, before: str, after: str, channels: int
) -> bool:
    """Whether ``trunk`` would hold more than ``channels`` once a session's legs change.

    ``rows``: what every running session holds, this one's ``before`` included; ``before`` and
    ``after``: what this one holds (``sessions.channels``).
    """
    in_use: int = sum(json.loads(row["channels"]).count(trunk) * row["sessions"] for row in rows)
    others: int = in_use - json.loads(before).count(trunk)
    held: int = others + json.loads(after).count(trunk)
    return held > channels
