"""What a browser and a built-in phone say to each other over the fabric."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

ORDERS = "screen-orders"
"""The topic of what browsers want: :class:`ScreenOrder` as JSON."""
SOUND = b"s"
"""Before 16-bit little-endian samples, 8,000 a second."""
STATE = b"t"
"""Before a :class:`ScreenState`."""


def screen_topic(screen: str) -> str:
    """The topic of what one browser hears."""
    return f"screen.{screen}"


class ScreenState(StrEnum):
    """What a phone on a screen does."""

    HELD = "held"
    TAKEN = "taken"
    """Another browser has it."""
    RINGING = "ringing"
    TALKING = "talking"
    OVER = "over"


class ScreenOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser wants."""

    screen: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    number: Annotated[str, msgspec.Meta(max_length=32)]
    order: Annotated[str, msgspec.Meta(pattern=r"^(hold|take|hangup|key:[0-9*#])$")]
