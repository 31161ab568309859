"""Whether a recording keeps the time over a long call.

    python -m tests.bench.bench_long_recording [--minutes 10]

A bridged call over real SIP and RTP on loopback is recorded in stereo. Both telephones say a tone of half a
second again and again, at times of their own, and are silent in between. Reported per channel: how many of
the tones are in the recording, and how far the worst begins and ends from where it belongs. One line of
JSON; exit code 1 when a tone is missing or one is more than 20 ms off.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path

from tests.acceptance.test_recordings import BRIDGE, NEAR, TONE_A, TONE_B, recorded, site
from tests.support.talker import talk
from tests.support.tape import heard
from tests.support.telephone import Telephone

Stretch = tuple[float, float]
EVERY = {TONE_A: 7.0, TONE_B: 11.3}
"""Seconds between two tones of a telephone."""


async def tones(phone: Telephone, frequency: float, until: float) -> list[Stretch]:
    """When each tone was said."""
    said = []
    while time.monotonic() < until:
        said.append(await talk(phone, frequency, 0.5))
        await asyncio.sleep(EVERY[frequency])
    return said


def worst(said: list[Stretch], found: list[Stretch], base: float) -> float:
    """Seconds between where a tone begins or ends and where it belongs."""
    pairs = zip(said, found, strict=True)
    return max(abs(a - b - base) for one, other in pairs for a, b in zip(one, other, strict=True))


async def measure(folder: Path, minutes: float) -> dict[str, object]:
    """One call."""
    async with site(folder, seconds=60 * minutes + 120) as here:
        session = await here.server.place(recorded(BRIDGE))
        await here.b.wait_for(lambda: here.b.target is not None)
        until = time.monotonic() + 60 * minutes
        said_a, said_b = await asyncio.gather(
            tones(here.a, TONE_A, until), tones(here.b, TONE_B, until)
        )
        await here.server.delete_session(session)
        sound = await here.sound(session)
    found_a, found_b = heard(sound[:, 0], TONE_A), heard(sound[:, 1], TONE_B)
    base = said_a[0][0] - found_a[0][0]
    result: dict[str, object] = {"minutes": minutes, "seconds_recorded": len(sound) / 8000}
    for name, said, found in (("left", said_a, found_a), ("right", said_b, found_b)):
        complete = len(said) == len(found)
        result[name] = {
            "said": len(said),
            "found": len(found),
            "worst_ms": round(1000 * worst(said, found, base), 1) if complete else None,
        }
        result["held"] = result.get("held", True) and complete and worst(said, found, base) <= NEAR
    return result


def main() -> int:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(measure(Path(folder), options.minutes))
    print(json.dumps(result))
    return 0 if result["held"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
