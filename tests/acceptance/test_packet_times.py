"""Phones that want packets of another length than 20 ms: Wireshark reads what they get."""

from __future__ import annotations

import asyncio
import re
import shutil
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.support import sipp
from tests.support.captures import RtpTape, ask_tshark, write_capture
from tests.support.receiver import Receiver
from tests.support.server import Server, configuration, voice_message
from tests.support.sipp import Sipp

TSHARK = shutil.which("tshark")
WANTED = {
    "ptime:10": 10,
    "ptime:30": 30,
    "ptime:40": 40,
    "ptime:60": 60,
    "maxptime:10": 10,
}
"""What a phone says, and the milliseconds between two packets that it gets."""
PORT = 40_000


@pytest.mark.skipif(not sipp.available or TSHARK is None, reason="sipp or tshark is missing")
async def test_a_phone_gets_packets_of_the_length_it_asks_for(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        tapes, carriers = [], {}
        for number, words in enumerate(WANTED):
            tapes.append(await stack.enter_async_context(RtpTape()))
            keys = {"rtp_port": tapes[-1].port, "packet_time": words}
            phone = await stack.enter_async_context(Sipp("answer", tmp_path, keys=keys))
            carriers[f"+1202555010{number}"] = phone.address
        config = configuration(carriers, webhooks={"VSS": receiver.url("/vss")})
        server = await stack.enter_async_context(Server(tmp_path / "server", config))
        for destination in carriers:
            await server.place(
                voice_message(destination, "Your parcel has arrived at the station.")
            )
        await receiver.wait_for(lambda: len(receiver.at("/vss")) == len(WANTED), 40)
    assert {one.payload["sessionStatus"] for one in receiver.at("/vss")} == {"COMPLETED"}
    found = await asyncio.gather(
        *(_packet_time(tmp_path / f"{number}.pcap", tape) for number, tape in enumerate(tapes))
    )
    assert found == [(milliseconds, 8 * milliseconds) for milliseconds in WANTED.values()]


async def _packet_time(capture: Path, tape: RtpTape) -> tuple[int, int]:
    """Mean milliseconds between two packets, and the octets of nearly all, as Wireshark sees them."""
    assert TSHARK is not None
    write_capture(capture, tape.frames, PORT)
    options = ("-r", str(capture), "-d", f"udp.port=={PORT},rtp")
    streams = await ask_tshark(TSHARK, "-q", "-z", "rtp,streams", *options)
    (line,) = [line for line in streams.splitlines() if "g711U" in line]
    packets, lost, _, mean = re.findall(r"g711U +(\d+) +(-?\d+) .*?\) +([\d.]+) +([\d.]+)", line)[0]
    lengths = (await ask_tshark(TSHARK, *options, "-T", "fields", "-e", "udp.length")).split()
    sizes = {int(length) - 20 for length in lengths}
    assert int(packets) > 20
    assert lost == "0"
    assert len(sizes) == 1
    return round(float(mean)), sizes.pop()
