"""How many characters a sub-account may have spoken by engines that cost money. Pure."""

from __future__ import annotations

from datetime import date, datetime

from offhook.speech.speech_engine import SynthesisFailed


class Budgets:
    """Counts characters per sub-account and UTC day, in this process."""

    def __init__(self, per_day: int | None) -> None:
        """``per_day``: characters; None: as many as are asked."""
        self._per_day = per_day
        self._day: date | None = None
        self._spent: dict[str, int] = {}

    def spend(self, owner: str, characters: int, *, at: datetime) -> None:
        """Take ``characters`` from the budget. Raises :class:`SynthesisFailed` when it is used up."""
        if self._per_day is None:
            return
        if self._day != at.date():
            self._day, self._spent = at.date(), {}
        spent = self._spent.get(owner, 0) + characters
        if spent > self._per_day:
            raise SynthesisFailed("the sub-account's budget for voices in the cloud is used up")
        self._spent[owner] = spent
