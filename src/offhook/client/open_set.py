"""Sets of values that may grow."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class OpenSet(StrEnum):
    """The values that this version knows.

    A newer server may send others. They read as members as well, whose text is what was sent, so that
    an older client goes on working.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = member._value_ = value
        return member
