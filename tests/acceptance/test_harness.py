"""The harness by itself: what the other tests believe of SIPp, the proxy and the ear is so."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import tomllib
from pathlib import Path

import pytest
from tests.support import sipp
from tests.support.net import RtpSink, UdpPeer
from tests.support.server import configuration, to_toml
from tests.support.sipp import Sipp, SippError
from tests.support.udp_proxy import UdpProxy, Weather

NUMBER = "+6512345678"


@pytest.mark.skipif(not sipp.available, reason="sipp is not installed")
async def test_sipp_counts_calls_and_names_every_invite(tmp_path: Path) -> None:
    async with Sipp("answer", tmp_path, calls=5, log_messages=True, timeout=20) as phone:
        target = f"127.0.0.1:{phone.port}"
        async with Sipp("call", tmp_path, calls=5, target=target, service=NUMBER) as caller:
            assert (await caller.finished()).successful == 5
        assert (await phone.finished()).successful == 5
        assert {number: len(ids) for number, ids in phone.invites().items()} == {NUMBER: 5}


@pytest.mark.skipif(not sipp.available, reason="sipp is not installed")
async def test_a_phone_that_is_treated_wrongly_is_a_failure(tmp_path: Path) -> None:
    """The caller above does not expect to be refused."""
    refusal = {"status": 486, "reason": "Busy Here"}
    async with Sipp("refuse", tmp_path, keys=refusal, timeout=20) as phone:
        target = f"127.0.0.1:{phone.port}"
        async with Sipp("call", tmp_path, calls=1, target=target, timeout=1) as caller:
            with pytest.raises(SippError):
                await caller.finished()
            assert "486" in caller.errors()


@pytest.mark.skipif(not sipp.available, reason="sipp is not installed")
async def test_a_phone_that_was_called_too_rarely_is_a_failure(tmp_path: Path) -> None:
    """SIPp itself is content when it is told to end: its status is 0."""
    async with Sipp("answer", tmp_path, calls=2) as phone:
        target = f"127.0.0.1:{phone.port}"
        async with Sipp("call", tmp_path, calls=1, target=target, service=NUMBER) as caller:
            await caller.finished()
        os.kill(phone.pid, signal.SIGUSR1)
        with pytest.raises(SippError, match="expected 2 successful calls"):
            await phone.finished()


@pytest.mark.parametrize(
    ("weather", "least", "most"),
    [
        (Weather(), 400, 400),
        (Weather(drop=0.5), 150, 250),
        (Weather(double=0.5), 550, 650),
        (Weather(delay=1.0, delay_by=0.001), 400, 400),
    ],
)
async def test_the_proxy_makes_the_weather_it_was_asked_for(
    weather: Weather, least: int, most: int
) -> None:
    async with Counter() as target:
        here = ("127.0.0.1", target.port)
        async with UdpProxy(here, weather, seed=1) as proxy:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for number in range(400):
                    sender.sendto(str(number).encode(), ("127.0.0.1", proxy.port))
                    await asyncio.sleep(0)  # asyncio reads one datagram a turn; do not overrun it
                await target.wait_for(lambda: target.came >= least)
        assert least <= target.came <= most


async def test_the_ear_tells_speech_from_silence_and_streams_from_each_other() -> None:
    async with RtpSink() as ear:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for ssrc, sound in ((b"loud", b"\x12\x34" * 80), (b"mute", b"\xff" * 160)):
                for _ in range(25):
                    packet = b"\x80\x00" + bytes(6) + ssrc + sound
                    sender.sendto(packet, ("127.0.0.1", ear.port))
            sender.sendto(b"no RTP", ("127.0.0.1", ear.port))
        await ear.streaming(2)
    assert ear.heard(25) == 1


def test_the_configuration_it_writes_is_toml() -> None:
    config = configuration({"+1": "udp:127.0.0.1:1", "": "udp:127.0.0.1:2"})
    assert tomllib.loads(to_toml(config)) == config


class Counter(UdpPeer):
    """Counts datagrams."""

    def __init__(self) -> None:
        super().__init__()
        self.came = 0

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.came += 1
        self.changed()
