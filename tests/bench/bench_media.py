"""What the media engine costs and how well it keeps time.

    python tests/bench/bench_media.py [--legs 50 200] [--seconds 10] [--engine python] [--record]

Every leg plays a prompt to a sink in another process and receives G.711 from it. Reported per number
of legs: CPU of the engine's process per leg and second of call (user and system), and how far the
packets of each leg left from their place on a 20 ms grid, by the kernel's receive timestamps in the
sink (so the sink's own slowness does not count). Loopback only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import selectors
import socket
import struct
import time
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Literal

from offhook.media import make_engine, rtp
from offhook.media.engine import MediaEvent
from offhook.negotiated import Codec, NegotiatedMedia
from offhook.recording.recorder import DiskRecorder
from offhook.recording.storage import RecordingStorage
from offhook.telephony.line_playback import LegTap

PACKET = 0.02
SO_TIMESTAMPNS = 35


def telephones(pipe: Connection, ports: list[int], seconds: float) -> None:
    """The far ends: sends 50 packets a second to every port, notes when ours arrive."""
    sockets = []
    selector = selectors.DefaultSelector()
    arrivals: list[list[float]] = []
    for index in range(len(ports)):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        sockets.append(sock)
        arrivals.append([])
        selector.register(sock, selectors.EVENT_READ, index)
    pipe.send([sock.getsockname()[1] for sock in sockets])
    pipe.recv()
    began = time.monotonic()
    number = 0
    while (now := time.monotonic()) < began + seconds:
        # The legs' packets are spread over the packet time, as those of real telephones are.
        due = int((now - began) / PACKET * len(ports))
        while number < due:
            leg, count = number % len(ports), number // len(ports)
            packet = rtp.build(
                payload_type=0, sequence=count, timestamp=160 * count, ssrc=7, payload=b"\x55" * 160
            )
            sockets[leg].sendto(packet, ("127.0.0.1", ports[leg]))
            number += 1
        # Not waiting in the selector: waking us would be charged to the engine's every packet.
        time.sleep(0.002)
        for key, _ in selector.select(0):
            arrivals[key.data].extend(_timestamps(sockets[key.data]))
    pipe.send((arrivals, number))
    for sock in sockets:
        sock.close()


def _timestamps(sock: socket.socket) -> list[float]:
    """When each waiting datagram arrived."""
    found = []
    try:
        while True:
            datagram, ancillary, _, _ = sock.recvmsg(256, 64)
            if datagram[1] >= 192:
                continue  # RTCP of a neighbour, whose port + 1 this happens to be
            seconds, nanoseconds = struct.unpack("@ll", ancillary[0][2])
            found.append(seconds + nanoseconds * 1e-9)
    except BlockingIOError:
        return found


def pacing(arrivals: list[list[float]]) -> list[float]:
    """Seconds each packet was late on its leg's grid, the grid being its earliest packet's."""
    errors: list[float] = []
    for times in arrivals:
        offsets = [at - index * PACKET for index, at in enumerate(times)]
        earliest = min(offsets, default=0.0)
        errors.extend(offset - earliest for offset in offsets)
    return errors


async def measure(
    kind: Literal["python", "native"], legs: int, seconds: float, folder: Path | None
) -> dict[str, float]:
    """One run; with a folder every leg is recorded there, as a voice process does it."""
    recorder = None
    if folder is not None:
        storage = RecordingStorage(folder)
        recorder = DiskRecorder(storage, seal=None, begun=lambda _it: None, ended=lambda: None)
        recorder.start()
    engine = make_engine(kind, host="127.0.0.1", ports=(20000, 29999))
    engine.start()
    events: list[MediaEvent] = []
    opened = [engine.open_leg(events.append) for _ in range(legs)]
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    process = context.Process(
        target=telephones, args=(theirs, [leg.local_port for leg in opened], seconds)
    )
    process.start()
    loop = asyncio.get_running_loop()
    ports = await loop.run_in_executor(None, pipe.recv)
    sound = engine.load(dict.fromkeys(Codec, b"\x20" * round(8000 * seconds)))
    pipe.send(None)
    for leg, port in zip(opened, ports, strict=True):
        leg.connect(
            NegotiatedMedia(
                remote_host="127.0.0.1",
                remote_port=port,
                codec=Codec.PCMU,
                payload_type=0,
                dtmf_payload_type=101,
                dtmf_receive_payload_type=101,
            )
        )
        if recorder is not None:
            recording = recorder.begin("s", "acme", datetime.now(UTC))
            assert recording is not None
            recording.add(LegTap(leg))
        leg.play(sound)
    await asyncio.sleep(0.5)
    before, wall = time.process_time(), time.monotonic()
    received_before = sum(leg.statistics().packets_received for leg in opened)
    sent_before = sum(leg.statistics().packets_sent for leg in opened)
    await asyncio.sleep(seconds - 1)
    cpu, wall = time.process_time() - before, time.monotonic() - wall
    received = sum(leg.statistics().packets_received for leg in opened) - received_before
    sent = sum(leg.statistics().packets_sent for leg in opened) - sent_before
    arrivals, _ = await loop.run_in_executor(None, pipe.recv)
    jitter = max(leg.statistics().jitter for leg in opened)
    if recorder is not None:
        await recorder.close()
    engine.close()
    process.join()
    cuts = quantiles(pacing(arrivals), n=1000)
    return {
        "legs": legs,
        "cpu_us_per_leg_second": round(1e6 * cpu / wall / legs, 1),
        "sent_per_leg_second": round(sent / wall / legs, 2),
        "received_per_leg_second": round(received / wall / legs, 2),
        "pacing_ms_p50": round(1000 * cuts[499], 3),
        "pacing_ms_p99": round(1000 * cuts[989], 3),
        "pacing_ms_p999": round(1000 * cuts[998], 3),
        "pacing_ms_max": round(1000 * max(pacing(arrivals)), 3),
        "worst_jitter_ms": round(1000 * jitter, 3),
    }


def main() -> None:
    """Print one JSON object for each number of legs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--legs", type=int, nargs="+", default=[50, 200])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--engine", choices=["python", "native"], default="python")
    parser.add_argument("--record", action="store_true", help="record every leg as well")
    options = parser.parse_args()
    for legs in options.legs:
        with TemporaryDirectory() as folder:
            path = Path(folder) if options.record else None
            result = asyncio.run(measure(options.engine, legs, options.seconds, path))
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
