"""How long callers hear silence, by a capture on the wire: DESIGN.md's table, idle and with live calls.

Run with ``python -m tests.bench.bench_latencies [--live 0,400] [--rounds N]``. One phone is called and
presses a key whenever a prompt has ended; the VCA webhook answers with two prompts that were spoken before.
SIPp holds the other live calls, each of which hears a prompt. dumpcap writes what goes over loopback, and
the kernel's times in that file count, not those of any program:

- answer: the phone's 200 to the first packet of a prompt that is ready
- join: extra silence between two prompts of a list, on the packet clock
- key: the key's first end packet to the VCA request
- next: the VCA answer to the first packet of the next prompt

Needs root, or membership in Debian's group wireshark.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import soundfile
from tests.bench.bench_conversation import (
    LOADED,
    LONG_TEXT,
    PHONE,
    PROMPT,
    Phone,
    call_to,
    milliseconds,
    question,
)
from tests.support.receiver import Receiver, Reply
from tests.support.server import Server, configuration, voice_message
from tests.support.sipp import Sipp

from offhook.media import g711
from offhook.media.audio import SAMPLE_RATE
from offhook.negotiated import Codec

SILENCE = 0xFF
"""What fills the pauses between prompts, in µ-law."""
PACKET = 160
"""Samples."""
QUIET = 0.4
"""Seconds of silence after which a prompt counts as over."""
HEARD_FOR = 20.0
"""Seconds at most until a prompt is over."""
RISE = 40.0
"""Other calls a second while they are set up."""
_PCAP_HEADER, _RECORD_HEADER = 24, 16
_ETHERNET, _IP = 14, 20
_UDP, _TCP = 17, 6
_EVENT_TYPE = 101


class Datagram(NamedTuple):
    """One packet of the capture."""

    at: float
    source: int
    target: int
    payload: bytes


class Spoken(NamedTuple):
    """The prompt."""

    samples: int
    lead: float
    """Seconds of its first packets that are silence."""


class Latencies(NamedTuple):
    """Seconds."""

    answer: list[float]
    join: list[float]
    key: list[float]
    next: list[float]


def datagrams(path: Path) -> Iterator[Datagram]:
    """Those of a capture on loopback, UDP and TCP over IPv4, with their ports."""
    data = path.read_bytes()
    at = _PCAP_HEADER
    while at + _RECORD_HEADER <= len(data):
        seconds, micros, size, _ = struct.unpack_from("<IIII", data, at)
        at += _RECORD_HEADER
        frame = data[at : at + size]
        at += size
        start = _ETHERNET + (frame[_ETHERNET] & 15) * 4
        source, target = struct.unpack_from("!HH", frame, start)
        protocol = frame[_ETHERNET + 9]
        header = 8 if protocol == _UDP else (frame[start + 12] >> 4) * 4
        end = _ETHERNET + int.from_bytes(frame[_ETHERNET + 2 : _ETHERNET + 4], "big")
        yield Datagram(seconds + micros / 1e6, source, target, frame[start + header : end])


@asynccontextmanager
async def capture(path: Path, expression: str) -> AsyncIterator[None]:
    """What goes over loopback while the block runs, to ``path``."""
    process = await asyncio.create_subprocess_exec(
        *("dumpcap", "-q", "-P", "-i", "lo", "-f", expression, "-w", str(path)),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    async with asyncio.timeout(10):
        while b"File:" not in (line := await process.stderr.readline()):
            if not line:
                raise SystemExit("dumpcap cannot capture on loopback: run as root")
    drain = asyncio.ensure_future(process.stderr.read())
    try:
        yield
    finally:
        await asyncio.sleep(1.0)  # what the kernel holds back
        process.terminate()
        await process.wait()
        await drain


def says_something(datagram: Datagram) -> bool:
    """Whether it is audio and not silence."""
    payload = datagram.payload
    return (
        len(payload) > 12
        and payload[1] & 0x7F == 0
        and payload[12:].count(SILENCE) < len(payload) - 12
    )


class Reader:
    """Makes latencies of a capture, datagram by datagram."""

    def __init__(self, phone: Phone, receiver: Receiver, prompt: Spoken) -> None:
        self.found = Latencies([], [], [], [])
        self._sip, self._rtp = phone.port, phone.rtp.getsockname()[1]
        self._webhook = receiver.port
        self._prompt = prompt
        self._since: dict[str, float] = {}
        """What waits for its end, and when it began."""
        self._keys: set[bytes] = set()
        self._heard = bytearray()

    def read(self, each: Datagram) -> None:
        payload = each.payload
        if each.source == self._sip:
            if payload.startswith(b"SIP/2.0 200") and b" INVITE" in payload:
                self._since["answer"] = each.at
        elif each.source == self._rtp:
            if payload[1] & 0x7F == _EVENT_TYPE and payload[13] & 0x80:
                self._key(each)
        elif each.target == self._webhook:
            if payload.startswith(b"POST /vca") and "key" in self._since:
                self.found.key.append(each.at - self._since.pop("key"))
                self._since["asked"] = each.at
        elif each.source == self._webhook:
            if payload.startswith(b"HTTP/1.1 200") and "asked" in self._since:
                del self._since["asked"]
                self._since["next"] = each.at
        elif each.target == self._rtp:
            self._audio(each)

    def _key(self, each: Datagram) -> None:
        stamp = each.payload[4:8]
        if stamp in self._keys:
            return
        self._keys.add(stamp)
        self._since["key"] = each.at
        self.found.join.extend(joins(bytes(self._heard), self._prompt.samples))
        self._heard.clear()

    def _audio(self, each: Datagram) -> None:
        self._heard += each.payload[12:]
        if not says_something(each):
            return
        for name, values in (("answer", self.found.answer), ("next", self.found.next)):
            if name in self._since:
                values.append(each.at - self._since.pop(name) - self._prompt.lead)


def joins(heard: bytes, samples: int) -> list[float]:
    """Seconds of packets between two equal prompts that are in neither of them."""
    begin = next((at for at, octet in enumerate(heard) if octet != SILENCE), None)
    if begin is None:
        return []
    again = heard.find(heard[begin : begin + samples // 2], begin + 1)
    whole = -(-samples // PACKET) * PACKET
    return [] if again < 0 else [max(0, again - begin - whole) / SAMPLE_RATE]


async def until_quiet(phone: Phone) -> None:
    """Wait until a prompt has begun and is over."""
    spoken = False
    since = time.monotonic()
    async with asyncio.timeout(HEARD_FOR):
        while not spoken or time.monotonic() - since < QUIET:
            _, data = await phone.packets.get()
            if says_something(Datagram(0, 0, 0, data)):
                spoken, since = True, time.monotonic()


def spoken(folder: Path) -> Spoken:
    """The prompt, by ``offhook say``."""
    path = folder / "prompt.wav"
    command = [str(Path(sys.executable).with_name("offhook")), "say", PROMPT, "--output", str(path)]
    subprocess.run([*command, "--voice", "en-US"], check=True, capture_output=True, timeout=60)
    pcm, _ = soundfile.read(path, dtype="int16")
    octets = g711.encode(Codec.PCMU, pcm.tobytes())
    lead = len(octets) - len(octets.lstrip(bytes((SILENCE,))))
    return Spoken(len(octets), lead // PACKET * PACKET / SAMPLE_RATE)


async def measure(live: int, rounds: int) -> Latencies:
    """One phone of ``rounds`` keys, beside ``live`` other calls."""
    ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ear.bind(("127.0.0.1", 0))
    phone = Phone()
    await phone.start()
    say = {"action": "say", "params": {"text": PROMPT, "language": "en-US"}}

    def decide(_request: object, _body: bytes) -> Reply:
        return Reply(body=json.dumps({"callflow": [say, question()]}).encode())

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keys = {"rtp_port": ear.getsockname()[1]}
        async with (
            Receiver() as receiver,
            Sipp("answer", folder, keys=keys, timeout=900) as carrier,
        ):
            receiver.on("/vca", decide)
            trunks = {LOADED: carrier.address, PHONE: f"udp:127.0.0.1:{phone.port}"}
            config = configuration(
                trunks, webhooks={"VCA": receiver.url("/vca"), "VSS": receiver.url("/vss")}
            )
            config["sip"]["rtp_ports"] = "10000-29999"
            ports = (phone.port, phone.rtp.getsockname()[1])
            wanted = f"udp port {ports[0]} or udp port {ports[1]} or tcp port {receiver.port}"
            async with Server(folder / "server", config) as server:
                await server.place(voice_message(f"{LOADED}9999999", PROMPT))
                await receiver.wait_for(lambda: bool(receiver.at("/vss")), HEARD_FOR)
                bodies = [voice_message(f"{LOADED}{n:07}", LONG_TEXT) for n in range(live)]
                await server.place_at(RISE, bodies)
                path = folder / "capture"
                async with capture(path, wanted):
                    await server.place({"callflow": [call_to(f"{PHONE}5550100"), say, question()]})
                    await phone.answered.wait()
                    for _ in range(rounds):
                        await until_quiet(phone)
                        phone.press()
                    await until_quiet(phone)
                reader = Reader(phone, receiver, spoken(folder))
                for each in datagrams(path):
                    reader.read(each)
    phone.close()
    ear.close()
    return reader.found


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--live", default="0,400", help="other live calls, several runs")
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    print(
        "| live calls | 200 to first packet ms | between two prompts ms | key to VCA request ms |",
        end="",
    )
    print(" VCA answer to first packet ms | keys |\n| --- | --- | --- | --- | --- | --- |")
    for live in options.live.split(","):
        found = asyncio.run(measure(int(live), options.rounds))
        figures = (found.answer, found.join, found.key, found.next)
        cells = " | ".join(map(milliseconds, figures))
        print(f"| {live} | {cells} | {len(found.key)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
