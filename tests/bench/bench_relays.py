"""What it costs to relay calls between two telephones: our native engine, rtpengine and rtp.io, in turn.

    python -m tests.bench.bench_relays [--legs 200 1000] [--seconds 10] [--rtp-io venv/bin/python]

Two legs are one call, G.711 µ-law on both sides, so nobody transcodes. The telephones are those of
``bench_engines``. rtpengine (Debian's ``rtpengine-daemon``) relays in user space, since its kernel module is
rarely there; rtp.io (rtpproxy as a library) comes from PyPI: name the Python of an environment that has it.
What is not installed is left out. CPU is user and system of the process that relays. Loopback only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.bench_engines import Phones, measure, telephones
from tests.support.net import free_port

TICKS = os.sysconf("SC_CLK_TCK")
RTP_IO = """
import socket, sys
from rtp.io import rtpproxy
proxy = rtpproxy()
control = proxy.rtpp_sock
control = socket.socket(fileno=control) if isinstance(control, int) else control
for line in sys.stdin:
    control.sendall(line.encode())
    print(control.recv(2000).decode().strip(), flush=True)
"""
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)


def bencoded(value: str | dict[str, str]) -> bytes:
    """The encoding of rtpengine's control protocol."""
    if isinstance(value, dict):
        items = (bencoded(key) + bencoded(value[key]) for key in sorted(value))
        return b"d" + b"".join(items) + b"e"
    return f"{len(value.encode())}:{value}".encode()


class Rtpengine:
    """rtpengine in user space."""

    name = "rtpengine"

    def __init__(self, folder: Path) -> None:
        self._control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._control.settimeout(5)
        self._asked = 0
        port = free_port()
        self._control.connect(("127.0.0.1", port))
        command = [
            "rtpengine",
            "--foreground",
            "--table=-1",
            "--interface=127.0.0.1",
            "--log-level=1",
        ]
        command += [f"--listen-ng=127.0.0.1:{port}", "--port-min=20000", "--port-max=39999"]
        with (folder / "rtpengine.log").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 10
        while True:
            try:
                self._ask({"command": "ping"})
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise

    def ports(self, call: int) -> tuple[int, int]:
        """Where the two telephones of a call send to."""
        asked = {
            "call-id": f"call-{call}",
            "from-tag": "a",
            "sdp": SDP.format(port=40000 + 4 * call),
        }
        towards_b = self._ask({**asked, "command": "offer"})
        answer = {**asked, "to-tag": "b", "sdp": SDP.format(port=40002 + 4 * call)}
        towards_a = self._ask({**answer, "command": "answer"})
        return _audio_port(towards_a), _audio_port(towards_b)

    def _ask(self, order: dict[str, str]) -> str:
        self._asked += 1
        self._control.send(f"{self._asked} ".encode() + bencoded(order))
        while True:  # an answer to a question that was asked before may come late
            number, _, answer = self._control.recv(65535).decode().partition(" ")
            if number == str(self._asked):
                return answer


class RtpIo:
    """rtpproxy inside a Python process."""

    name = "rtp.io"

    def __init__(self, python: str) -> None:
        self.process = subprocess.Popen(
            [python, "-c", RTP_IO],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ports(self, call: int) -> tuple[int, int]:
        """Where the two telephones of a call send to."""
        towards_b = self._ask(f"U call{call} 127.0.0.1 {40000 + 4 * call} a")
        towards_a = self._ask(f"L call{call} 127.0.0.1 {40002 + 4 * call} a b")
        return int(towards_a.split()[0]), int(towards_b.split()[0])

    def _ask(self, order: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()


def _audio_port(answer: str) -> int:
    if "m=audio " not in answer:
        raise SystemExit(f"rtpengine refused: {answer}")
    return int(answer.split("m=audio ")[1].split()[0])


def _cpu(pid: int) -> float:
    """Seconds of user and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def _ended(process: subprocess.Popen[Any]) -> Iterator[None]:
    try:
        yield
    finally:
        process.kill()
        process.wait(10)


def measure_peer(
    peer: Rtpengine | RtpIo, program: Path, legs: int, seconds: float
) -> dict[str, Any]:
    """One run of a relay of others."""
    with _ended(peer.process):
        ports = [port for call in range(legs // 2) for port in peer.ports(call)]
        phones = Phones(program, ports, seconds)
        phones.go()
        time.sleep(1)
        before, wall = _cpu(peer.process.pid), time.monotonic()
        time.sleep(seconds - 2)
        cpu, wall = _cpu(peer.process.pid) - before, time.monotonic() - wall
        told = phones.told()
    return {
        "engine": peer.name,
        "way": "relay",
        "legs": legs,
        "cpu_us_per_leg_second": round(1e6 * cpu / wall / legs, 1),
        "cores": round(cpu / wall, 3),
        **told,
    }


def main() -> None:
    """Print one JSON object for each run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--legs", type=int, nargs="+", default=[200, 1000])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rtp-io", help="a Python that has rtp.io")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = telephones(folder)
        for legs in options.legs:
            ours = asyncio.run(measure(program, "native", "relay", legs, options.seconds))
            print(json.dumps(ours), flush=True)
            if shutil.which("rtpengine"):
                theirs = measure_peer(Rtpengine(folder), program, legs, options.seconds)
                print(json.dumps(theirs), flush=True)
            if options.rtp_io:
                theirs = measure_peer(RtpIo(options.rtp_io), program, legs, options.seconds)
                print(json.dumps(theirs), flush=True)


if __name__ == "__main__":
    main()
