"""The packets of one session on demand, opened by tshark; and metrics beside the API."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import aiohttp
import pytest
from tests.support import sipp
from tests.support.incidents import ADMIN_KEY
from tests.support.net import RtpEcho, free_port
from tests.support.receiver import Receiver
from tests.support.server import Server, configuration, voice_message
from tests.support.sipp import Sipp

pytestmark = [
    pytest.mark.skipif(not sipp.available, reason="sipp is not installed"),
    pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed"),
]
NUMBER = "+12025550001"


async def offhook(server: Server, *arguments: str) -> str:
    """Run a command with the operator's key; its output."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "offhook", *arguments, "--url", server.url),
        env={**os.environ, "OFFHOOK_ADMIN_KEY": ADMIN_KEY},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, output.decode()
    return output.decode()


def read_by_tshark(path: Path) -> tuple[list[str], Counter[tuple[str, str]]]:
    """The SIP methods and codes in order, and how many RTP packets of PCMU went between which ports."""
    fields = ["sip.Method", "sip.Status-Code", "rtp.p_type", "udp.srcport", "udp.dstport"]
    options = [part for field in fields for part in ("-e", field)]
    read = subprocess.run(
        ["tshark", "-r", str(path), "-T", "fields", *options],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    rows = [line.split("\t") for line in read.stdout.splitlines()]
    signalling = [row[0] or row[1] for row in rows if row[0] or row[1]]
    return signalling, Counter((row[3], row[4]) for row in rows if row[2] == "0")


async def metrics_with(address: str, line: str) -> str:
    """The page of metrics once it has the line: counts are written twice a second."""
    async with asyncio.timeout(10), aiohttp.ClientSession() as client:
        while True:
            async with client.get(f"http://{address}/metrics") as answer:
                text = await answer.text()
            if line in text:
                return text
            await asyncio.sleep(0.05)


async def test_a_call_that_an_operator_asked_for_is_captured(tmp_path: Path) -> None:
    metrics = f"127.0.0.1:{free_port()}"
    async with (
        Receiver() as receiver,
        RtpEcho() as phone,
        Sipp("answer", tmp_path, keys={"rtp_port": phone.port}) as carrier,
    ):
        config = configuration({"": carrier.address}, webhooks={"VSS": receiver.url("/vss")})
        config["admin"] = {"api_keys": [ADMIN_KEY]}
        config["metrics"] = {"listen": metrics}
        async with Server(tmp_path / "server", config) as server:
            await offhook(server, "capture", "--number", NUMBER, "--seconds", "30")
            session = await server.place(voice_message(NUMBER, "This call is captured. " * 2))
            await receiver.wait_for(lambda: session in receiver.summaries(), timeout=60)
            path = tmp_path / "call.pcap"
            await offhook(server, "show", session, "--pcap", str(path))
            signalling, audio = await asyncio.to_thread(read_by_tshark, path)
            assert signalling == ["INVITE", "180", "200", "ACK", "BYE", "200"]
            (there, sent), (back, received) = sorted(
                audio.items(), key=lambda each: each[0][1] != str(phone.port)
            )
            assert there == back[::-1]
            assert there[1] == str(phone.port)
            assert sent > 50
            assert received > 50
            other = await server.place(voice_message(NUMBER, "Hello."))
            await receiver.wait_for(lambda: other in receiver.summaries(), timeout=60)
            assert "captured" in await offhook(server, "logs", session)
            text = await metrics_with(
                metrics, 'sessions_ended_total{code="",status="COMPLETED"} 2.0'
            )
    assert 'offhook_tts_prompts_total{engine="espeak-ng",source="engine"}' in text
