"""How many characters a sub-account may have spoken by engines that cost money."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from offhook.speech.speech_engine import SynthesisFailed

log = logging.getLogger(__name__)

_WAIT: Final = 5.0
"""Seconds for another process that counts."""
_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS spoken (day TEXT, owner TEXT, characters INTEGER NOT NULL,"
    " PRIMARY KEY (day, owner)) WITHOUT ROWID"
)
_SPEND: Final = (
    "INSERT INTO spoken VALUES (:day, :owner, :characters) ON CONFLICT DO UPDATE"
    " SET characters = characters + excluded.characters"
    " WHERE characters + excluded.characters <= :most RETURNING characters"
)


class VoiceBudget(NamedTuple):
    """What bounds the characters of each sub-account."""

    most_of: Callable[[str], int | None]
    """Characters a day of a sub-account; None: as many as are asked."""
    ledger: Path | None = None
    """The file in which the processes of this machine count together; None: each counts for itself."""


class Budgets:
    """Counts characters per sub-account and UTC day, across the processes and restarts of a machine."""

    def __init__(self, budget: VoiceBudget) -> None:
        self._budget = budget
        self._ledger: sqlite3.Connection | None = None
        self._counting = asyncio.Lock()

    async def spend(self, owner: str, characters: int, *, at: datetime) -> None:
        """Take ``characters`` from the budget. Raises :class:`SynthesisFailed` when it is used up."""
        most = self._budget.most_of(owner)
        if most is None:
            return
        async with self._counting:
            day = at.date().isoformat()
            if not await asyncio.to_thread(self._spend, owner, characters, most, day):
                raise SynthesisFailed("the sub-account's budget for voices in the cloud is used up")

    def close(self) -> None:
        """Close the file."""
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None

    def _spend(self, owner: str, characters: int, most: int, day: str) -> bool:
        if characters > most:
            return False
        asked = {"owner": owner, "characters": characters, "most": most, "day": day}
        try:
            ledger = self._ledger = self._ledger or self._open()
            ledger.execute("DELETE FROM spoken WHERE day < ?", (day,))
            return ledger.execute(_SPEND, asked).fetchone() is not None
        except sqlite3.Error as error:
            log.error("characters spoken in the cloud cannot be counted: %s", error)
            return False

    def _open(self) -> sqlite3.Connection:
        path = self._budget.ledger
        if path is not None:
            with contextlib.suppress(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
        ledger = sqlite3.connect(
            path or ":memory:", timeout=_WAIT, isolation_level=None, check_same_thread=False
        )
        ledger.execute(_SCHEMA)
        return ledger
