"""Trunks in order: the next one is tried when one cannot take the call, and a phone never rings twice."""

from __future__ import annotations

import socket
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.support import sipp
from tests.support.receiver import Receiver
from tests.support.server import Server, ServerError, configuration, voice_message
from tests.support.sipp import Sipp

pytestmark = pytest.mark.skipif(not sipp.available, reason="sipp is not installed")

NUMBER, ELSEWHERE = "+12025550100", "+447700900123"


async def summary_over(
    tmp_path: Path, first: Sipp, *, second_is_full: bool = False
) -> tuple[dict[str, Any], dict[str, set[str]], dict[str, set[str]]]:
    """Place a call over ``first`` and an answering trunk; the summary, and what each was asked."""
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        await stack.enter_async_context(first)
        second = await stack.enter_async_context(Sipp("answer", tmp_path, log_messages=True))
        config = configuration(
            {"": first.address, "+44": second.address},
            webhooks={"VSS": receiver.url("/vss"), "VCS": receiver.url("/vcs")},
        )
        config["routes"][0]["trunks"] = ["carrier-0", "carrier-1"]
        config["trunks"][1]["channels"] = 1
        server = await stack.enter_async_context(Server(tmp_path / "server", config))
        if second_is_full:
            await server.place(voice_message(ELSEWHERE, "Please hold the line. " * 20))
            await receiver.wait_for(lambda: len(receiver.at("/vcs")) > 0, 10)
        await server.place(voice_message(NUMBER, "Hello."))
        await receiver.wait_for(lambda: len(receiver.at("/vss")) == 1, 20)
        return receiver.at("/vss")[0].payload, first.invites(), second.invites()


def refusing(tmp_path: Path, scenario: str, status: int, reason: str) -> Sipp:
    return Sipp(scenario, tmp_path, keys={"status": status, "reason": reason}, log_messages=True)


@pytest.mark.parametrize(
    ("status", "reason"), [(503, "Service Unavailable"), (500, "Server Error"), (408, "Timeout")]
)
async def test_a_trunk_that_cannot_is_followed_by_the_next(
    tmp_path: Path, status: int, reason: str
) -> None:
    first = refusing(tmp_path, "refuse", status, reason)
    summary, asked_first, asked_second = await summary_over(tmp_path, first)
    assert summary["sessionStatus"] == "COMPLETED"
    assert summary["callCount"] == 1
    assert [len(ids) for ids in asked_first.values()] == [1]
    assert [len(ids) for ids in asked_second.values()] == [1]


@pytest.mark.parametrize(
    ("scenario", "status", "reason", "expected"),
    [
        ("ring_then_refuse", 503, "Service Unavailable", "FAILED"),
        ("refuse", 486, "Busy Here", "BUSY"),
        ("refuse", 404, "Not Found", "FAILED"),
    ],
)
async def test_a_phone_that_rang_or_refused_is_not_called_again(
    tmp_path: Path, scenario: str, status: int, reason: str, expected: str
) -> None:
    first = refusing(tmp_path, scenario, status, reason)
    summary, asked_first, asked_second = await summary_over(tmp_path, first)
    assert summary["sessionStatus"] == expected
    assert [len(ids) for ids in asked_first.values()] == [1]
    assert asked_second == {}


async def test_the_next_trunk_must_have_a_free_channel(tmp_path: Path) -> None:
    first = refusing(tmp_path, "refuse", 503, "Service Unavailable")
    summary, _, asked_second = await summary_over(tmp_path, first, second_is_full=True)
    assert summary["sessionStatus"] == "FAILED"
    assert set(asked_second) == {ELSEWHERE}


async def test_a_silent_trunk_is_followed_by_the_next_in_its_time_and_the_next_call_avoids_it(
    tmp_path: Path,
) -> None:
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        second = await stack.enter_async_context(Sipp("answer", tmp_path, log_messages=True))
        silent = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        silent.bind(("127.0.0.1", 0))
        config = configuration(
            {"": f"udp:127.0.0.1:{silent.getsockname()[1]}", "+44": second.address},
            webhooks={"VSS": receiver.url("/vss")},
        )
        config["routes"][0]["trunks"] = ["carrier-0", "carrier-1"]
        config["trunks"][0]["response_timeout"] = 0.5
        server = await stack.enter_async_context(Server(tmp_path / "server", config))
        for _ in range(2):
            await server.place(voice_message(NUMBER, "Hello."))
            told = len(receiver.at("/vss")) + 1
            await receiver.wait_for(lambda: len(receiver.at("/vss")) == told, 20)  # noqa: B023
        assert [told.payload["sessionStatus"] for told in receiver.at("/vss")] == ["COMPLETED"] * 2
        assert server.log().count("trunk carrier-0 gave") == 1
        assert [len(ids) for ids in second.invites().values()] == [2]


async def test_a_trunk_that_requires_what_the_media_engine_has_not_stops_the_start(
    tmp_path: Path,
) -> None:
    config = configuration({"": "udp:192.0.2.1:5060"})
    config["trunks"][0]["srtp"] = "required"
    config["media"] = {"engine": "python"}
    with pytest.raises(ServerError, match="the media engine has no SRTP"):
        async with Server(tmp_path, config):
            pass
