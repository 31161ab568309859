"""Calls with real SIPp through a network that loses 5 %, doubles and reorders: not one is lost."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from tests.integration.sip_flow import FLOWS, bound
from tests.support.net import free_port, sipp_ports
from tests.support.udp_proxy import UdpProxy, Weather

from offhook.sip import (
    Address,
    Answered,
    AnyEvent,
    Canceled,
    Confirmed,
    Ended,
    EndedBy,
    IncomingInvite,
    Rejected,
    Timers,
)
from offhook.sip.sdp import make_offer
from offhook.telephony.endpoint import udp_endpoint

pytestmark = pytest.mark.skipif(shutil.which("sipp") is None, reason="sipp is not installed")
WEATHER = Weather(drop=0.05, double=0.05, delay=0.2)
FAST = Timers(t1=0.1, t2=0.4, t4=0.5, trying=0.1)
SDP = make_offer(host="127.0.0.1", port=4000)
CALLS = 300
DEADLINE = 40.0


async def sipp(folder: Path, name: str, port: int, proxy: int) -> asyncio.subprocess.Process:
    """SIPp on ``port``; as a caller it calls through the proxy."""
    scenario = folder / "scenario.xml"
    scenario.write_text((FLOWS / f"{name}.xml").read_text().replace("PROXY", str(proxy)))
    command = ["sipp", "-sf", str(scenario), "-i", "127.0.0.1", "-p", str(port), "-nostdin", "-nd"]
    command += [
        *sipp_ports(),
        "-m",
        str(CALLS),
        "-timeout",
        f"{DEADLINE:.0f}s",
        "-timer_resol",
        "5",
    ]
    if name == "loss-caller":
        command += ["-r", "100", f"127.0.0.1:{proxy}"]
    return await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_every_call_that_we_place_is_answered_and_ends(tmp_path: Path) -> None:
    port = free_port()
    ends: list[AnyEvent] = []
    over = asyncio.Event()
    endpoint = udp_endpoint("127.0.0.1", 0, timers=FAST)
    await endpoint.start()

    def on_event(event: AnyEvent) -> None:
        if isinstance(event, Answered):
            with endpoint.command() as (agent, now):
                agent.bye(event.handle, now)
        elif isinstance(event, Ended | Rejected | Canceled):
            ends.append(event)
            if len(ends) == CALLS:
                over.set()

    async with UdpProxy(("127.0.0.1", port), WEATHER, seed=5) as proxy:
        process = await sipp(tmp_path, "loss-callee", port, proxy.port)
        try:
            async with asyncio.timeout(DEADLINE):
                await bound(port, process)
                for _ in range(CALLS):
                    with endpoint.command() as (agent, now):
                        handle = agent.invite(
                            now,
                            target=Address("udp", "127.0.0.1", proxy.port),
                            request_uri=f"sip:bob@127.0.0.1:{proxy.port}",
                            from_uri="sip:alice@127.0.0.1",
                            to_uri="sip:bob@127.0.0.1",
                            sdp=SDP,
                        )
                    endpoint.listen(handle, on_event)
                    await asyncio.sleep(0.005)
                await over.wait()
        finally:
            process.terminate()
            await process.communicate()
            await endpoint.close()
        assert proxy.dropped > 20
    assert [type(end) for end in ends] == [Ended] * CALLS


async def test_every_call_that_reaches_us_is_answered_once_and_ends(tmp_path: Path) -> None:
    ours = free_port()
    heard: dict[str, list[AnyEvent]] = {}
    async with UdpProxy(("127.0.0.1", ours), WEATHER, seed=7) as proxy:
        endpoint = udp_endpoint("127.0.0.1", ours, timers=FAST, advertise_port=proxy.port)
        await endpoint.start()

        def on_incoming(event: IncomingInvite) -> None:
            heard[event.handle] = []
            endpoint.listen(event.handle, lambda each: heard[each.handle].append(each))
            with endpoint.command() as (agent, now):
                agent.ring(event.handle, now)
                agent.accept(event.handle, now, SDP)

        endpoint.on_incoming(on_incoming)
        process = await sipp(tmp_path, "loss-caller", free_port(), proxy.port)
        try:
            async with asyncio.timeout(DEADLINE):
                _, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            await endpoint.close()
        assert proxy.dropped > 20
    assert process.returncode == 0, errors.decode()[-500:]
    assert len(heard) == CALLS
    for events in heard.values():
        last = events[-1]
        assert isinstance(last, Ended)
        assert last.by is EndedBy.REMOTE
        assert [type(event) for event in events] in ([Confirmed, Ended], [Ended])
