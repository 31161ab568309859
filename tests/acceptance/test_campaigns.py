"""A campaign over SIPp: busy, no answer and opt-outs among its numbers, and nodes killed in the middle.

Each number is dialled as often as the rules say, never more, and none after its opt-out; the pace is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.support import sipp
from tests.support.net import RtpSink
from tests.support.receiver import Receiver
from tests.support.server import SOURCE, Server, configuration
from tests.support.sipp import Sipp

pytestmark = pytest.mark.skipif(not sipp.available, reason="sipp is not installed")

ANSWERS, BUSY, SILENT, GONE, LISTED = "+6591", "+6592", "+6593", "+6594", "+6595"
"""Prefixes of the numbers, by what their phones do; LISTED ones opted out before."""
RETRIES = {"busyAfter": 2, "noAnswerAfter": 3, "most": 2}
OFTEN = {ANSWERS: 1, BUSY: 3, SILENT: 3, GONE: 1, LISTED: 0}
"""How often the rules let each kind of number be dialled."""
TEMPLATE = [
    {"action": "makeCall", "params": {"source": SOURCE, "ringTimeout": 1}},
    {"action": "say", "params": {"text": "Hello {{name}}.", "language": "en-US"}},
    {"action": "hangup"},
]


class Size(NamedTuple):
    """How large the campaign is."""

    numbers: int
    pace: float
    timeout: float


SIZES = [
    pytest.param(Size(60, 10, 60), marks=pytest.mark.timeout(150), id="60 numbers"),
    pytest.param(
        Size(2000, 25, 600),
        marks=(pytest.mark.full, pytest.mark.timeout(900)),
        id="2000 numbers",
    ),
]


def numbers(size: Size) -> list[str]:
    """70 % answer, the rest is mixed among them."""
    kinds = [ANSWERS] * 14 + [BUSY, BUSY, SILENT, GONE, GONE, LISTED]
    return [f"{kinds[n * 7 % len(kinds)]}{n:06d}" for n in range(size.numbers)]


class Carriers:
    """One SIPp for each kind of phone."""

    def __init__(self) -> None:
        self.by_prefix: dict[str, Sipp] = {}

    async def start(self, stack: AsyncExitStack, folder: Path, ear: RtpSink) -> None:
        scenarios: dict[str, tuple[str, dict[str, object]]] = {
            ANSWERS: ("answer", {}),
            BUSY: ("refuse", {"status": 486, "reason": "Busy Here"}),
            SILENT: ("ring", {}),
            GONE: ("answer_and_press", {"key": 9}),
            LISTED: ("answer", {}),
        }
        for prefix, (scenario, keys) in scenarios.items():
            phone = Sipp(
                scenario,
                folder,
                keys={"rtp_port": ear.port, **keys},
                log_messages=True,
                timeout=900,
            )
            self.by_prefix[prefix] = await stack.enter_async_context(phone)

    def dialled(self) -> dict[str, int]:
        """How often each number was dialled."""
        return {
            number: len(calls)
            for phone in self.by_prefix.values()
            for number, calls in phone.invites().items()
        }

    async def dialled_at_last(self, numbers: Sequence[str]) -> dict[str, int]:
        """The same once each of these numbers was dialled as often as the rules say.

        SIPp writes its log from time to time. After a while it is what was found by then.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(20):
                while any(
                    found.get(number, 0) < OFTEN[number[:5]]
                    for found in [self.dialled()]
                    for number in numbers
                ):
                    await asyncio.sleep(0.1)
        return self.dialled()


async def until(server: Server, campaign: str, enough: Any, timeout: float) -> dict[str, Any]:
    """Poll a campaign until ``enough`` of it is true; an API process may be dead meanwhile."""
    deadline = time.monotonic() + timeout
    shown: dict[str, Any] = {}
    while time.monotonic() < deadline:
        try:
            shown = await server.must("GET", f"/campaigns/{campaign}")
        except (OSError, AssertionError):
            shown = {}
        if shown and enough(shown):
            return shown
        await asyncio.sleep(0.2)
    raise AssertionError(f"not in {timeout} s: {shown}")


async def starts(server: Server, campaign: str) -> list[float]:
    """When each session of the campaign was made."""
    found: list[float] = []
    cursor = ""
    while True:
        page = await server.must(
            "GET",
            f"/sessions?clientBatchId={campaign}&limit=200"
            + (f"&cursor={cursor}" if cursor else ""),
        )
        found += [
            datetime.fromisoformat(each["createdTimestamp"]).timestamp()
            for each in page["sessions"]
        ]
        cursor = page.get("nextCursor", "")
        if not cursor:
            return sorted(found)


@pytest.mark.parametrize("size", SIZES)
async def test_every_number_is_dialled_as_often_as_the_rules_say(
    tmp_path: Path, size: Size
) -> None:
    wanted = numbers(size)
    carriers = Carriers()
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        ear = await stack.enter_async_context(RtpSink())
        await carriers.start(stack, tmp_path, ear)
        config = configuration(
            {prefix: phone.address for prefix, phone in carriers.by_prefix.items()},
            webhooks={"VSS": receiver.url("/vss")},
            sub_account={"opt_out": {"key": "9"}},
        )
        server = await stack.enter_async_context(Server(tmp_path / "server", config, workers=2))
        for number in wanted:
            if number.startswith(LISTED):
                await server.must("PUT", f"/opt-outs/{number}")
        made = await server.must(
            "POST",
            "/campaigns",
            {"callflow": TEMPLATE, "pace": size.pace, "retries": RETRIES, "name": "July"},
        )
        campaign = made["campaignId"]
        listed = "number,name\n" + "".join(f"{number},Ann\n" for number in wanted)
        uploaded = await server.must(
            "POST", f"/campaigns/{campaign}/targets", listed.encode(), content_type="text/csv"
        )
        assert uploaded["added"] == size.numbers
        await server.must("POST", f"/campaigns/{campaign}/start", {})
        await until(server, campaign, lambda c: c["attempts"] >= size.numbers // 3, size.timeout)
        voice = server.kill("voice")
        await server.restarted("voice", voice, timeout=60)
        await until(server, campaign, lambda c: c["attempts"] >= size.numbers // 2, size.timeout)
        killed_at = time.time()
        api = server.kill("api")
        await server.restarted("api", api, timeout=60)
        back_at = time.time()
        done = await until(server, campaign, lambda c: c["state"] == "COMPLETED", size.timeout)
        listing = await server.must("GET", f"/campaigns/{campaign}/targets?limit=1000")
        times = await starts(server, campaign)
        gone = await server.must("GET", "/opt-outs?limit=200")
        reached = [one for one in listing["targets"] if one.get("outcome") != "ERROR"]
        dialled = await carriers.dialled_at_last([one["number"] for one in reached])
    outcomes = Counter[str](done["outcomes"])
    lost = outcomes.get("ERROR", 0)
    assert sum(outcomes.values()) == done["done"] == done["total"] == size.numbers
    assert all(dialled.get(number, 0) <= OFTEN[number[:5]] for number in wanted)
    for one in reached:
        assert dialled.get(one["number"], 0) == OFTEN[one["number"][:5]], one
    assert lost <= 2 * size.pace * 5, "a killed voice node loses the calls that it carried"
    assert len(gone["optOuts"]) >= min(200, sum(n.startswith(LISTED) for n in wanted))
    check_pace(times, size, killed_at, back_at)


def check_pace(times: list[float], size: Size, killed_at: float, back_at: float) -> None:
    """The pace of the first calls up to the kill, within 5 % (and one tick of the loop)."""
    before = [at for at in times if at < killed_at]
    seconds = before[-1] - before[0]
    rate = (len(before) - 1) / seconds
    tolerance = 0.05 + 0.25 / seconds
    assert abs(rate / size.pace - 1) <= tolerance, f"{rate:.2f} a second, wanted {size.pace}"
    most = max(sum(at <= other < at + 1 for other in times) for at in times)
    assert most <= 2 * size.pace + 1, "a burst"
    assert back_at > killed_at
