"""Our receiver's numbers against Wireshark's, on the same stream in a capture file."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.support.captures import Frame, write_capture

from offhook.media import rtp

PORT = 40000
TSHARK = shutil.which("tshark")


def stream(
    *, count: int, start: int, loss: float, jitter: float, swaps: int, seed: int
) -> list[Frame]:
    """Packets of one G.711 stream as they arrive: some lost, all delayed a little, some overtaken."""
    chance = random.Random(seed)
    frames = []
    for number in range(count):
        if 0 < number < count - 1 and chance.random() < loss:
            continue
        packet = rtp.build(
            payload_type=0,
            sequence=start + number,
            timestamp=160 * number + 4_294_960_000,
            ssrc=0xABCD,
            payload=b"\x55" * 160,
            marker=number == 0,
        )
        frames.append((1.0 + 0.02 * number + chance.random() * jitter, packet))
    frames.sort()
    for _ in range(swaps):
        at = chance.randrange(1, len(frames) - 2)
        (early, first), (late, second) = frames[at], frames[at + 1]
        frames[at], frames[at + 1] = (early, second), (late, first)
    return frames


def ask_tshark(path: Path) -> tuple[int, int, float, float]:
    """Packets, packets lost, mean and largest jitter (ms) of the only stream in a capture."""
    assert TSHARK is not None
    command = [TSHARK, "-q", "-z", "rtp,streams", "-r", str(path), "-d", f"udp.port=={PORT},rtp"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    (line,) = [
        line for line in answer.stdout.splitlines() if "0x0000ABCD" in line.replace("abcd", "ABCD")
    ]
    fields = line.replace("(", " ").replace(")", " ").split()
    ssrc = next(i for i, field in enumerate(fields) if field.upper() == "0X0000ABCD")
    # … SSRC, codec, packets, lost, (percent), deltas: min mean max, jitter: min mean max
    packets, lost = int(fields[ssrc + 2]), int(fields[ssrc + 3])
    return packets, lost, float(fields[ssrc + 9]), float(fields[ssrc + 10])


def jitters_of(frames: list[Frame], *, arrival_order: bool) -> list[float]:
    """The interarrival jitter after each packet, in ms, written out from RFC 3550 §6.4.1.

    The RFC compares each packet with the previous one "in order of arrival (not necessarily in
    sequence)": so do we and tshark 4.0 (``arrival_order``). tshark 4.4 compares with the newest one in
    sequence: an overtaken packet is compared, but the next one is not compared with it.
    """
    jitter, found = 0.0, []
    before: tuple[float, int] | None = None
    highest = -1
    for at, datagram in frames:
        packet = rtp.parse(datagram)
        assert packet is not None
        arrival = round(at * 1e6) / 1e6  # as in the capture
        if before is not None:
            sent = rtp.timestamp_distance(packet.timestamp, before[1]) / 8000
            jitter += (abs(arrival - before[0] - sent) - jitter) / 16
        overtaken = highest >= 0 and rtp.sequence_distance(packet.sequence, highest) < 0
        if not overtaken:
            highest = packet.sequence
        if arrival_order or not overtaken:
            before = arrival, packet.timestamp
        found.append(1000 * jitter)
    return found


@pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
@pytest.mark.parametrize(
    ("count", "start", "loss", "jitter", "swaps"),
    [
        (500, 1000, 0.0, 0.0, 0),
        (2000, 65000, 0.05, 0.010, 0),
        (2000, 65000, 0.02, 0.015, 30),
    ],
    ids=["clean", "loss and jitter across the wrap", "reordering too"],
)
def test_loss_and_jitter_agree_with_wireshark(
    tmp_path: Path, count: int, start: int, loss: float, jitter: float, swaps: int
) -> None:
    frames = stream(count=count, start=start, loss=loss, jitter=jitter, swaps=swaps, seed=count)
    path = tmp_path / "stream.pcap"
    write_capture(path, frames, PORT)
    packets, lost, mean_jitter, max_jitter = ask_tshark(path)

    first = rtp.parse(frames[0][1])
    assert first is not None
    ours = rtp.ReceiverStatistics(first.sequence)
    jitters = []
    for at, datagram in frames:
        packet = rtp.parse(datagram)
        assert packet is not None
        ours.update(packet.sequence, packet.timestamp, round(at * 1e6) / 1e6)
        jitters.append(1000 * ours.jitter)
    assert (ours.received, ours.lost) == (packets, lost)
    assert jitters == pytest.approx(jitters_of(frames, arrival_order=True), rel=1e-3, abs=1e-3)
    assert any(
        agrees(jitters_of(frames, arrival_order=order), mean_jitter, max_jitter)
        for order in (True, False)
    )


def agrees(jitters: list[float], mean: float, largest: float) -> bool:
    """Whether Wireshark's figures are those of these jitters, to a hundredth."""
    near = pytest.approx(sum(jitters) / len(jitters), rel=0.01, abs=0.002)
    return bool(mean == near and largest == pytest.approx(max(jitters), rel=0.01, abs=0.002))
