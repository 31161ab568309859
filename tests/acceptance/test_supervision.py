"""A stopped process is replaced, a killed server starts again, few descriptors suffice."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support import sipp
from tests.support.net import RtpSink
from tests.support.receiver import Receiver
from tests.support.server import Server, configuration, voice_message
from tests.support.sipp import Sipp

pytestmark = pytest.mark.skipif(not sipp.available, reason="sipp is not installed")

TEXT = "This message is long enough to be interrupted while you are listening to it. "


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as one:
        yield one


@pytest.mark.timeout(180)
async def test_110_calls_with_200_file_descriptors_wait_their_turn_and_all_complete(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with (
        RtpSink() as ear,
        Sipp("answer", tmp_path, keys={"rtp_port": ear.port}, log_messages=True) as carrier,
        Server(
            tmp_path / "server",
            configuration({"": carrier.address}, webhooks={"VSS": receiver.url("/vss")}),
            descriptors=200,
        ) as server,
    ):
        bodies = [voice_message(f"+1202556{number:04}", TEXT) for number in range(110)]
        sessions = await asyncio.gather(*(server.place(body) for body in bodies))
        await receiver.wait_for(lambda: len(receiver.summaries()) == 110, timeout=150)
        await server.ready()
        assert await server.stop() == 0
    assert receiver.summaries() == dict.fromkeys(sessions, 1)
    ends = {one.payload["sessionStatus"] for one in receiver.at("/vss")}
    assert ends == {"COMPLETED"}, server.log()
    assert "has not answered" not in server.log()


@pytest.mark.timeout(180)
async def test_the_sessions_of_a_stopped_voice_process_end_and_the_next_call_goes_through(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with (
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
        live = await server.place(voice_message("+12025550001", TEXT * 20))
        await receiver.wait_for(
            lambda: any(
                one.payload.get("callStatus") == "CALL_CONNECTED" for one in receiver.at("/vcs")
            ),
            timeout=30,
        )
        (voice,) = server.processes("voice")
        os.kill(voice, signal.SIGSTOP)
        await server.restarted("voice", voice, timeout=60)
        later = await server.place(voice_message("+12025550002", "Hello."))
        await receiver.wait_for(lambda: receiver.summaries().keys() >= {live, later}, timeout=60)
    ends = {one.payload["sessionId"]: one.payload["sessionStatus"] for one in receiver.at("/vss")}
    assert ends == {live: "ERROR", later: "COMPLETED"}


@pytest.mark.timeout(180)
async def test_after_kill_9_of_the_server_the_call_is_hung_up_and_an_immediate_start_succeeds(
    tmp_path: Path, receiver: Receiver
) -> None:
    async with (
        RtpSink() as ear,
        Sipp("answer", tmp_path, keys={"rtp_port": ear.port}, log_messages=True) as carrier,
        Server(
            tmp_path / "server",
            configuration(
                {"": carrier.address},
                webhooks={"VSS": receiver.url("/vss"), "VCS": receiver.url("/vcs")},
            ),
        ) as server,
    ):
        live = await server.place(voice_message("+12025550001", TEXT * 20))
        await receiver.wait_for(
            lambda: any(
                one.payload.get("callStatus") == "CALL_CONNECTED" for one in receiver.at("/vcs")
            ),
            timeout=30,
        )
        children = server.kill_supervisor()
        await server.start()
        assert not set(children) & set(server.processes())
        later = await server.place(voice_message("+12025550002", "Hello."))
        await receiver.wait_for(lambda: receiver.summaries().keys() >= {live, later}, timeout=60)
        await carrier.succeeded(2)
    assert "the supervisor has died: hanging up and ending" in server.log()
