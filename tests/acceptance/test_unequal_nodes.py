"""Two servers on one record whose files differ: neither ends what only the other knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support import sipp
from tests.support.net import RtpSink
from tests.support.receiver import Receiver
from tests.support.server import Server, configuration, voice_message
from tests.support.sipp import Sipp

pytestmark = pytest.mark.skipif(not sipp.available, reason="sipp is not installed")

CALLS = 4
TEXT = "Your parcel has arrived."


def one_at_a_time(config: dict[str, Any]) -> dict[str, Any]:
    """With one channel, so that sessions wait and every node looks at them."""
    config["trunks"][0]["channels"] = 1
    return config


async def test_a_node_leaves_sessions_of_a_sub_account_it_does_not_know_to_the_others(
    tmp_path: Path,
) -> None:
    database = f"sqlite:///{tmp_path}/shared.db"
    async with (
        Receiver() as receiver,
        RtpSink() as ear,
        Sipp("answer", tmp_path, keys={"rtp_port": ear.port}) as carrier,
    ):
        trunks = {"": carrier.address}
        hooks = {"VSS": receiver.url("/vss")}
        knows = configuration(trunks, webhooks=hooks, database=database)
        other = configuration(trunks, database=database, sub_account={"id": "other_corp"})
        async with (
            Server(tmp_path / "other", one_at_a_time(other)) as stranger,
            Server(tmp_path / "knows", one_at_a_time(knows)) as server,
        ):
            bodies = [voice_message(f"+1202558{n:04}", TEXT) for n in range(CALLS)]
            for body in bodies:
                await server.place(body)
            await receiver.wait_for(lambda: len(receiver.summaries()) == CALLS, timeout=90)
            said = [line for line in stranger.log().splitlines() if "does not know" in line]
    told = [one.payload["sessionStatus"] for one in receiver.at("/vss")]
    assert told == ["COMPLETED"] * CALLS
    assert len(said) == 1
    assert "acme_corp" in said[0]
