"""What Prometheus reads at ``/metrics`` while calls run, of all processes at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.support import sipp
from tests.support.net import RtpSink
from tests.support.receiver import Receiver
from tests.support.server import Server, configuration, voice_message
from tests.support.sipp import Sipp

pytestmark = pytest.mark.skipif(not sipp.available, reason="sipp is not installed")


Samples = Mapping[str, list[tuple[dict[str, str], float]]]


async def figures(url: str) -> Samples:
    """The samples by name, as Prometheus' own parser reads them."""
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain")
        text = await answer.text()
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return found


def value(found: Samples, name: str, **labels: str) -> float:
    """The sum of the samples with these labels."""
    return sum(
        number
        for have, number in found.get(f"offhook_{name}", [])
        if labels.items() <= have.items()
    )


async def counted(url: str, number: float, name: str, **labels: str) -> Samples:
    """The figures once this one has come: a process writes its counts twice a second."""
    async with asyncio.timeout(20):
        while value(found := await figures(url), name, **labels) != number:
            await asyncio.sleep(0.1)
    return found


async def test_calls_of_the_voice_process_are_counted_at_the_api(tmp_path: Path) -> None:
    async with (
        Receiver() as receiver,
        RtpSink() as ear,
        Sipp("answer", tmp_path, keys={"rtp_port": ear.port}) as carrier,
        Sipp("refuse", tmp_path, keys={"status": 486, "reason": "Busy Here"}) as busy,
        Server(
            tmp_path / "server",
            configuration(
                {"+1": carrier.address, "+44": busy.address},
                webhooks={"VSS": receiver.url("/vss")},
            ),
        ) as server,
    ):
        sessions = [
            await server.place(voice_message(number, "Hello."))
            for number in ("+12025550001", "+447700900001")
        ]
        await receiver.wait_for(lambda: len(receiver.summaries()) == len(sessions), timeout=60)
        url = f"{server.url}/metrics"
        found = await counted(url, 2, "sessions_ended_total")
        assert value(found, "calls_started_total", direction="OUTBOUND") == 2
        assert value(found, "calls_answered_total", direction="OUTBOUND") == 1
        assert value(found, "calls_ended_total", status="BUSY", sip_code="486") == 1
        assert value(found, "sessions_ended_total", status="COMPLETED") == 1
        assert value(found, "calls_live") == 0
        assert value(found, "callflows_judged_total") == 2
        assert value(found, "open_file_descriptors", process="voice-0") > 5
        assert value(found, "store_seconds_count", operation="save") > 0
        assert value(found, "store_seconds_count", operation="accept") == 2
        assert "the session ended BUSY: trunk carrier-1: 486 Busy Here" in server.log()


async def test_a_process_that_died_counts_no_longer_as_having_live_calls(tmp_path: Path) -> None:
    async with (
        Receiver() as receiver,
        RtpSink() as ear,
        Sipp("answer", tmp_path, keys={"rtp_port": ear.port}) as carrier,
        Server(
            tmp_path / "server",
            configuration(
                {"": carrier.address},
                webhooks={"VSS": receiver.url("/vss"), "VCS": receiver.url("/vcs")},
            ),
        ) as server,
    ):
        await server.place(voice_message("+12025550001", "A long text. " * 60))
        await receiver.wait_for(
            lambda: any(
                one.payload.get("callStatus") == "CALL_CONNECTED" for one in receiver.at("/vcs")
            ),
            timeout=30,
        )
        url = f"{server.url}/metrics"
        await counted(url, 1, "calls_live", state="connected")
        (voice,) = server.processes("voice")
        os.kill(voice, signal.SIGKILL)
        await server.restarted("voice", voice, timeout=60)
        later = await server.place(voice_message("+12025550002", "Hello."))
        await receiver.wait_for(lambda: later in receiver.summaries(), timeout=60)
        await counted(url, 2, "calls_started_total")
        found = await counted(url, 0, "calls_live")
        assert value(found, "process_starts_total", process="voice-0") == 2
