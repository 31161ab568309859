"""What the media engines cost and how well they keep time.

    python -m tests.bench.bench_engines [--legs 100 500] [--engine native python] [--way play bridge]

``play``: every leg plays a prompt to a telephone and receives G.711 from it. ``bridge``: legs are joined in
pairs, µ-law with A-law, and each relays what the other's telephone sends. ``relay``: the same with µ-law on
both sides. The telephones are a C program in another process (``telephones.c``, 50 packets a second each).
Reported per number of legs: CPU of the engine's process per leg and second (user and system), and how late
packets left on a 20 ms grid of their stream, by the kernel's receive timestamps. ``--engine none`` measures
the telephones alone, against sockets that are not read: what they themselves need. Loopback only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from offhook.media import make_engine
from offhook.media.engine import MediaEvent, MediaLeg
from offhook.negotiated import LAWS, Codec, NegotiatedMedia

PORTS = (20000, 39999)
SOURCE = Path(__file__).with_name("telephones.c")


def media(port: int, codec: Codec) -> NegotiatedMedia:
    """The answer of a telephone."""
    return NegotiatedMedia(
        remote_host="127.0.0.1",
        remote_port=port,
        codec=codec,
        payload_type=0 if codec is Codec.PCMU else 8,
        dtmf_payload_type=101,
        dtmf_receive_payload_type=101,
    )


def telephones(folder: Path) -> Path:
    """The C program, compiled."""
    target = folder / "telephones"
    command = ["gcc", "-O2", "-o", str(target), str(SOURCE), "-lm"]
    subprocess.run(command, check=True, timeout=120)
    return target


class Phones:
    """The running program."""

    def __init__(self, program: Path, ports: list[int], seconds: float) -> None:
        self._process = subprocess.Popen(
            [program, str(seconds)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self._in.write(f"{len(ports)} {' '.join(map(str, ports))}\n")
        self._in.flush()
        self.ports = [int(port) for port in self._out.readline().split()]

    def go(self) -> None:
        """Begin to send."""
        self._in.write("go\n")
        self._in.flush()

    def told(self) -> dict[str, Any]:
        """What the program measured, once it is over."""
        line = self._out.readline()
        self._process.wait(30)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {**json.loads(line), "peer_cpu_s": round(used.ru_utime + used.ru_stime, 2)}


def begin(way: str, legs: list[MediaLeg], phones: Phones, sound: Any) -> None:
    """Let every leg do its work."""
    for index, (leg, port) in enumerate(zip(legs, phones.ports, strict=True)):
        law = LAWS[index % 2] if way == "bridge" else Codec.PCMU
        leg.connect(media(port, law))
        leg.keep_sending()
    for leg, other in zip(legs[0::2], legs[1::2], strict=False):
        if way in ("bridge", "relay"):
            leg.relay(other)
            other.relay(leg)
    if way == "play":
        for leg in legs:
            leg.play(sound)


async def measure(program: Path, kind: Any, way: str, count: int, seconds: float) -> dict[str, Any]:
    """One run."""
    engine = make_engine(kind, host="127.0.0.1", ports=PORTS)
    engine.start()
    events: list[MediaEvent] = []
    legs = [engine.open_leg(events.append) for _ in range(count)]
    phones = Phones(program, [leg.local_port for leg in legs], seconds)
    sound = engine.load(dict.fromkeys(LAWS, b"\x20" * round(8000 * (seconds + 5))))
    begin(way, legs, phones, sound)
    phones.go()
    await asyncio.sleep(1)
    before, wall = time.process_time(), time.monotonic()
    sent_before = sum(leg.statistics().packets_sent for leg in legs)
    received_before = sum(leg.statistics().packets_received for leg in legs)
    await asyncio.sleep(seconds - 2)
    cpu, wall = time.process_time() - before, time.monotonic() - wall
    sent = sum(leg.statistics().packets_sent for leg in legs) - sent_before
    received = sum(leg.statistics().packets_received for leg in legs) - received_before
    told = await asyncio.to_thread(phones.told)
    engine.close()
    return {
        "engine": kind,
        "way": way,
        "legs": count,
        "cpu_us_per_leg_second": round(1e6 * cpu / wall / count, 1),
        "cores": round(cpu / wall, 3),
        "sent_per_leg_second": round(sent / wall / count, 2),
        "received_per_leg_second": round(received / wall / count, 2),
        **told,
    }


def calibrate(program: Path, count: int, seconds: float) -> dict[str, Any]:
    """The telephones against sockets that nobody reads."""
    sinks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for sink in sinks:
        sink.bind(("127.0.0.1", 0))
    phones = Phones(program, [sink.getsockname()[1] for sink in sinks], seconds)
    phones.go()
    told = phones.told()
    for sink in sinks:
        sink.close()
    wanted = 50 * count * seconds
    return {"engine": "none", "legs": count, "sent_of_wanted": told["peer_sent"] / wanted, **told}


def main() -> None:
    """Print one JSON object for each run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--legs", type=int, nargs="+", default=[100, 500])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument(
        "--engine", choices=["none", "python", "native"], nargs="+", default=["native"]
    )
    parser.add_argument("--way", choices=["play", "bridge", "relay"], nargs="+", default=["play"])
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory() as folder:
        program = telephones(Path(folder))
        for engine in options.engine:
            for way in options.way:
                for count in options.legs:
                    if engine == "none":
                        result = calibrate(program, count, options.seconds)
                    else:
                        work = measure(program, engine, way, count, options.seconds)
                        result = asyncio.run(work)
                    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
