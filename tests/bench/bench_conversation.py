"""How long a caller hears silence: key to question, answer to next prompt, and a bridge's delay.

Run with ``python -m tests.bench.bench_conversation [--live 0,100] [--rounds N]``. One raw phone presses a
key whenever a prompt has ended; the VCA webhook, in this process, answers with the same prompt again.
SIPp holds the other live calls. What to reach: DESIGN.md, "Figures".
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import socket
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.receiver import Receiver, Reply
from tests.support.server import SOURCE, Server, configuration, voice_message
from tests.support.sipp import Sipp

PROMPT = "Press a key."
LONG_TEXT = "Please hold the line, somebody will be with you in a moment. " * 12
LOADED, PHONE, OTHER = "+1202", "+1303", "+1404"
_SO_TIMESTAMPNS = 35
_HEADER = re.compile(rb"^(via|from|to|call-id|cseq)\s*:[^\r\n]*\r\n", re.IGNORECASE | re.MULTILINE)


class Phone(asyncio.DatagramProtocol):
    """Answers one call at once; ``on_packet`` hears each RTP packet with its kernel time stamp."""

    def __init__(self) -> None:
        self.port = 0
        self.answered = asyncio.Event()
        self.packets: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self.rtp.bind(("127.0.0.1", 0))
        self.rtp.setblocking(False)
        self.server: tuple[str, int] | None = None
        self._sequence = 0
        self._event = 0
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        self.port = self._transport.get_extra_info("sockname")[1]
        loop.add_reader(self.rtp, self._heard)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.rtp)
        self.rtp.close()
        assert self._transport is not None
        self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        copied = b"".join(match.group(0) for match in _HEADER.finditer(data))
        if data.startswith(b"INVITE"):
            remote = re.search(rb"m=audio (\d+)", data)
            assert remote is not None
            self.server = ("127.0.0.1", int(remote[1]))
            headers = re.sub(rb"(?im)^(to\s*:[^\r\n]*)", rb"\1;tag=phone", copied)
            self._transport.sendto(_ok(headers, self.port, self.rtp.getsockname()[1]), addr)
            self.answered.set()
        elif data.startswith(b"BYE"):
            answer = b"SIP/2.0 200 OK\r\n" + copied + b"Content-Length: 0\r\n\r\n"
            self._transport.sendto(answer, addr)

    def _heard(self) -> None:
        data, ancillary, _, _ = self.rtp.recvmsg(2048, 128)
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                seconds, nanoseconds = struct.unpack("qq", content)
                self.packets.put_nowait((seconds + nanoseconds / 1e9, data))

    def press(self) -> float:
        """One key, end packets only (their start was lost); the time of the first one."""
        self._event += 1
        stamp = self._event * 8000
        at = time.time()
        for _ in range(3):
            self.send(101, stamp, struct.pack("!BBH", 1, 0x8A, 800))
        return at

    def send(self, payload_type: int, stamp: int, payload: bytes) -> None:
        assert self.server is not None
        self._sequence += 1
        header = struct.pack("!BBHII", 0x80, payload_type, self._sequence, stamp, 0x0FF0)
        self.rtp.sendto(header + payload, self.server)

    async def silence(self, seconds: float = 0.15) -> None:
        """Wait until nothing came for that long."""
        while True:
            try:
                await asyncio.wait_for(self.packets.get(), seconds)
            except TimeoutError:
                return


def _ok(headers: bytes, sip_port: int, rtp_port: int) -> bytes:
    body = (
        "v=0\r\no=phone 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {rtp_port} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
    ).encode()
    return (
        b"SIP/2.0 200 OK\r\n"
        + headers
        + f"Contact: <sip:phone@127.0.0.1:{sip_port}>\r\nContent-Type: application/sdp\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )


def call_to(number: str) -> dict[str, Any]:
    return {"action": "makeCall", "params": {"source": SOURCE, "destination": number}}


def question() -> dict[str, Any]:
    params = {"promptMessage": PROMPT, "language": "en-US", "maxDigits": 1}
    return {"action": "sayAndCapture", "params": params}


async def measure(live: int, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds from each key to its question, and from each answer to the next prompt's packet."""
    ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ear.bind(("127.0.0.1", 0))
    key_to_question: list[float] = []
    answer_to_packet: list[float] = []
    asked: asyncio.Queue[float] = asyncio.Queue()
    phone = Phone()
    await phone.start()

    def decide(_request: object, _body: bytes) -> Reply:
        asked.put_nowait(time.time())
        return Reply(body=json.dumps({"callflow": [question()]}).encode())

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rtp_port = ear.getsockname()[1]
        async with (
            Receiver() as receiver,
            Sipp("answer", folder, keys={"rtp_port": rtp_port}, timeout=600) as carrier,
        ):
            receiver.on("/vca", decide)
            trunks = {LOADED: carrier.address, PHONE: f"udp:127.0.0.1:{phone.port}"}
            config = configuration(trunks, webhooks={"VCA": receiver.url("/vca")})
            config["sip"]["rtp_ports"] = "10000-29999"
            async with Server(folder / "server", config) as server:
                bodies = [voice_message(f"{LOADED}{n:07}", LONG_TEXT) for n in range(live)]
                await server.place_at(40, bodies)
                flow = [call_to(f"{PHONE}5550100"), question()]
                await server.place({"callflow": flow})
                await phone.answered.wait()
                await phone.packets.get()
                for _ in range(rounds):
                    await phone.silence()
                    pressed = phone.press()
                    at = await asyncio.wait_for(asked.get(), 5)
                    first, _ = await asyncio.wait_for(phone.packets.get(), 5)
                    key_to_question.append(at - pressed)
                    answer_to_packet.append(first - at)
    phone.close()
    ear.close()
    return key_to_question[1:], answer_to_packet[1:]


async def bridge_delay(packets: int) -> list[float]:
    """Seconds that a packet of leg A takes to leg B, through the relay."""
    a, b = Phone(), Phone()
    await a.start()
    await b.start()
    delays: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        trunks = {PHONE: f"udp:127.0.0.1:{a.port}", OTHER: f"udp:127.0.0.1:{b.port}"}
        async with Server(Path(name), configuration(trunks)) as server:
            flow = [call_to(f"{PHONE}5550100"), call_to(f"{OTHER}5550100")]
            await server.place({"callflow": flow})
            await b.answered.wait()
            await asyncio.sleep(0.3)
            for number in range(packets):
                mark = struct.pack("!I", number) * 40
                sent = time.time()
                a.send(0, number * 160, mark)
                while True:
                    at, data = await asyncio.wait_for(b.packets.get(), 2)
                    if data[12:] == mark:
                        break
                delays.append(at - sent)
                await asyncio.sleep(0.02)
    a.close()
    b.close()
    return delays


def milliseconds(values: Sequence[float]) -> str:
    """Median and 99th percentile."""
    ordered = sorted(values)
    high = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"{statistics.median(ordered) * 1000:.2f} / {high * 1000:.2f}"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--live", default="0,100", help="other live calls, several runs")
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    print("| live calls | key to VCA request ms | VCA answer to next prompt's packet ms |")
    print("| --- | --- | --- |")
    for live in options.live.split(","):
        key, prompt = asyncio.run(measure(int(live), options.rounds))
        print(f"| {live} | {milliseconds(key)} | {milliseconds(prompt)} |", flush=True)
    print(f"\naudio delay added by a bridge, ms: {milliseconds(asyncio.run(bridge_delay(200)))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
