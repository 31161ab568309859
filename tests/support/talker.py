"""A telephone that talks: a tone, on time, with packets lost on the way."""

from __future__ import annotations

import asyncio
import time

from tests.support.tape import tone
from tests.support.telephone import Telephone


async def talk(
    phone: Telephone,
    frequency: float,
    seconds: float,
    *,
    lost: frozenset[int] = frozenset(),
) -> tuple[float, float]:
    """Send a tone in packets of 20 ms by the clock; returns when it began and ended (monotonic)."""
    await phone.wait_for(lambda: phone.target is not None)
    octets = tone(frequency)
    began = time.monotonic()
    # A phone's timestamps go on while it is silent.
    phone.timestamp = 5000 + round(began * 8000) & 0xFFFFFFFF
    count = round(seconds / 0.02)
    for number in range(count):
        if number in lost:
            phone.sequence += 1
            phone.timestamp += len(octets)
        else:
            phone.say(octets, marker=number == 0)
        await asyncio.sleep(max(0.0, began + (number + 1) * 0.02 - time.monotonic()))
    return began, began + seconds
