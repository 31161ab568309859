"""SIGHUP over real calls: routes and limits of a changed file decide the next calls."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.support import sipp
from tests.support.receiver import Receiver
from tests.support.server import Server, configuration, voice_message
from tests.support.sipp import Sipp

pytestmark = pytest.mark.skipif(not sipp.available, reason="sipp is not installed")


async def ended(receiver: Receiver, number: int) -> Any:
    """The summary of the session that ended as the ``number``-th."""
    await receiver.wait_for(lambda: len(receiver.at("/vss")) >= number, 20)
    return receiver.at("/vss")[number - 1].payload


async def test_a_route_that_is_added_and_a_limit_that_is_set_reach_the_claims(
    tmp_path: Path,
) -> None:
    async with Receiver() as receiver, Sipp("answer", tmp_path) as carrier:
        config = configuration(
            {"+1202": carrier.address},
            webhooks={"VSS": receiver.url("/vss")},
            limits={"queue_timeout": 0.5},
        )
        async with Server(tmp_path / "server", config) as server:
            await server.place(voice_message("+442071234567", "Hello."))
            told = await ended(receiver, 1)
            assert told["errorDetails"]["errorCode"] == -2004

            config["routes"].append({"prefix": "+44", "trunks": ["carrier-0"]})
            await server.reload(config)
            await server.place(voice_message("+442071234567", "Hello."))
            assert (await ended(receiver, 2))["sessionStatus"] == "COMPLETED"

            config["trunks"][0]["channels"] = 1
            await server.reload(config)
            bodies = [voice_message(f"+4420712345{n}", "Hello. " * 20) for n in range(10, 12)]
            await asyncio.gather(*(server.place(body) for body in bodies))
            told = await ended(receiver, 3)  # no channel for the second within half a second
            assert told["errorDetails"]["errorCode"] == -2010
            assert (await ended(receiver, 4))["sessionStatus"] == "COMPLETED"
