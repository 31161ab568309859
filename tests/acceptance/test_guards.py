"""What ends a call that nobody ends: the guards, a graceful stop, an order through the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support import sipp
from tests.support.receiver import Receiver
from tests.support.server import Server, configuration, voice_message
from tests.support.sipp import Sipp

pytestmark = pytest.mark.skipif(not sipp.available, reason="sipp is not installed")

LONG_TEXT = "Please hold the line, somebody will be with you in a moment. " * 5
NUMBER = "+12025550100"
INSTEAD = {
    "callflow": [
        {"action": "say", "params": {"text": "Short.", "language": "en-US"}},
        {"action": "hangup"},
    ]
}


async def run_one(
    tmp_path: Path, limits: dict[str, float], *, then: str | None = None
) -> tuple[dict[str, Any], Server]:
    """Place one long message to SIPp, which hears but never speaks; its summary."""
    async with Receiver() as receiver, Sipp("answer", tmp_path) as phone:
        config = configuration(
            {"": phone.address},
            webhooks={"VSS": receiver.url("/vss"), "VCS": receiver.url("/vcs")},
            limits=limits,
        )
        async with Server(tmp_path / "server", config) as server:
            session_id = await server.place(voice_message(NUMBER, LONG_TEXT))

            def connected() -> bool:
                return any(
                    one.payload["callStatus"] == "CALL_CONNECTED" for one in receiver.at("/vcs")
                )

            await receiver.wait_for(connected, 10)
            if then == "stop":
                assert await server.stop() == 0
            elif then == "delete":
                assert await server.delete_session(session_id) in (200, 202, 204)
            elif then == "replace":
                assert (await server.replace(session_id, INSTEAD))[0] == 200
            await receiver.wait_for(lambda: len(receiver.at("/vss")) == 1, 30)
            if then != "stop":
                assert await server.stop() == 0
        assert len(receiver.at("/vss")) == 1
        await phone.succeeded(1)  # it got its BYE
        payload: dict[str, Any] = receiver.at("/vss")[0].payload
        return payload, server


async def test_a_call_is_hung_up_at_max_call_duration(tmp_path: Path) -> None:
    summary, _ = await run_one(tmp_path, {"max_call_duration": 2.0})
    assert summary["sessionStatus"] == "COMPLETED"
    assert summary["details"]["callA"]["callDuration"] <= 3
    assert summary["lastAction"] == "SAY"


async def test_a_call_without_any_media_from_it_is_hung_up(tmp_path: Path) -> None:
    summary, server = await run_one(tmp_path, {"media_timeout": 2.0})
    assert summary["sessionStatus"] == "COMPLETED"
    assert summary["details"]["callA"]["callDuration"] <= 4
    assert "no RTP or RTCP" in server.log()


async def test_a_graceful_stop_lets_calls_finish_and_reports_them(tmp_path: Path) -> None:
    summary, _ = await run_one(tmp_path, {"drain_timeout": 60.0}, then="stop")
    assert summary["sessionStatus"] == "COMPLETED"
    assert summary["lastAction"] == "HANGUP"


async def test_a_short_drain_hangs_up(tmp_path: Path) -> None:
    summary, _ = await run_one(tmp_path, {"drain_timeout": 1.0}, then="stop")
    assert summary["sessionStatus"] == "COMPLETED"
    assert summary["lastAction"] == "SAY"


async def test_a_session_ended_through_the_api_is_hung_up(tmp_path: Path) -> None:
    summary, _ = await run_one(tmp_path, {}, then="delete")
    assert summary["sessionStatus"] == "COMPLETED"
    assert summary["lastAction"] == "SAY"


async def test_another_callflow_takes_the_place_of_the_one_that_runs(tmp_path: Path) -> None:
    summary, _ = await run_one(tmp_path, {}, then="replace")
    assert summary["sessionStatus"] == "COMPLETED"
    assert summary["lastAction"] == "HANGUP"
    assert summary["details"]["callA"]["callDuration"] <= 5  # the first text lasts twenty
