"""A telephone's ear and mouth for the tests: RTP by hand, decoded by what its payload type says.

It shares no code with the product: the laws are those of ITU-T G.711, written out.
"""

from __future__ import annotations

import math
import struct
import time
from typing import NamedTuple

import numpy as np
from tests.support.net import UdpPeer

TONE = 1000.0
"""Hz; a packet of 20 ms holds 20 whole turns of it."""


def ulaw(octet: int) -> int:
    """The sample of a µ-law octet."""
    code = ~octet & 0xFF
    value = (((code & 0x0F) * 2 + 33) << ((code >> 4 & 7) + 2)) - 132
    return -value if code & 0x80 else value


def alaw(octet: int) -> int:
    """The sample of an A-law octet."""
    code = octet ^ 0x55
    exponent, mantissa = code >> 4 & 7, code & 0x0F
    value = (mantissa << 4) + 8 if exponent == 0 else ((mantissa << 4) + 0x108) << (exponent - 1)
    return value if code & 0x80 else -value


_LAWS = {0: ulaw, 8: alaw}


class Packet(NamedTuple):
    """One packet as it came."""

    at: float
    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes

    @property
    def samples(self) -> list[int]:
        """Decoded by the payload type. Raises KeyError for what is no G.711."""
        return [_LAWS[self.payload_type](octet) for octet in self.payload]

    @property
    def level(self) -> float:
        """Root mean square of the samples, 0 to 32767."""
        return math.sqrt(sum(one * one for one in self.samples) / max(1, len(self.payload)))

    @property
    def purity(self) -> float:
        """Part of the energy that is at :data:`TONE`."""
        spectrum = np.abs(np.fft.rfft(self.samples)) ** 2
        turns = round(TONE * len(self.payload) / 8000)
        return float(spectrum[turns] / max(1e-9, spectrum[1:].sum()))


class Telephone(UdpPeer):
    """Keeps every packet; sends G.711 where its packets come from, or where :attr:`target` says."""

    def __init__(self) -> None:
        super().__init__()
        self.packets: list[Packet] = []
        self.target: tuple[str, int] | None = None
        self.sequence, self.timestamp, self.ssrc = 1000, 5000, 0x1234

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) < 12 or data[0] >> 6 != 2 or 192 <= data[1] <= 223:
            return
        first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
        assert first == 0x80
        packet = Packet(
            time.monotonic(),
            second & 0x7F,
            bool(second & 0x80),
            sequence,
            timestamp,
            ssrc,
            data[12:],
        )
        self.packets.append(packet)
        self.target = self.target or addr
        self.changed()

    def say(
        self, payload: bytes = b"\x10" * 160, *, payload_type: int = 0, marker: bool = False
    ) -> None:
        """Send the next packet of our stream."""
        assert self.target is not None
        assert self.transport is not None
        second = payload_type | (0x80 if marker else 0)
        header = struct.pack(
            "!BBHII", 0x80, second, self.sequence & 0xFFFF, self.timestamp, self.ssrc
        )
        self.transport.sendto(header + payload, self.target)
        self.sequence += 1
        self.timestamp += len(payload)


def tone_wav(seconds: float) -> bytes:
    """A WAV file of :data:`TONE`, 8 kHz mono."""
    at = np.arange(round(8000 * seconds)) / 8000
    samples = (9000 * np.sin(2 * np.pi * TONE * at)).astype("<i2").tobytes()
    riff = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16),
        *(b"data", len(samples)),
    )
    return riff + samples
