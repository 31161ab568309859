"""RTCP (RFC 3550 §6): sender and receiver reports, SDES CNAME, BYE; compound packets. Pure."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

SR: Final = 200
RR: Final = 201
SDES: Final = 202
BYE: Final = 203

MIN_INTERVAL: Final = 5.0
"""Seconds between reports, before randomisation (RFC 3550 §6.2)."""
_COMPENSATION: Final = 1.21828
"""e - 3/2: makes up for what timer reconsideration would converge to (RFC 3550 §6.3.1)."""

MAX_DATAGRAM: Final = 1500
"""Longer compound packets are refused."""
_CNAME: Final = 1
_NTP_EPOCH: Final = 2208988800
"""Seconds from 1900 to 1970."""

_HEADER: Final = struct.Struct("!BBH")
_SENDER: Final = struct.Struct("!IIIIII")
_BLOCK: Final = struct.Struct("!IIIIII")
_WORD: Final = struct.Struct("!I")


class ReportBlock(NamedTuple):
    """What a receiver says about one source (RFC 3550 §6.4.1)."""

    ssrc: int
    fraction_lost: int
    """Of 256, since its last report."""
    cumulative_lost: int
    """24 bits signed."""
    highest_sequence: int
    """Extended."""
    jitter: int
    """Timestamp units."""
    last_sr: int
    """Middle 32 bits of the NTP time of the last SR received; 0: none."""
    delay_since_last_sr: int
    """Of 1/65536 s."""


class SenderReport(NamedTuple):
    """The report of a sender about itself."""

    ssrc: int
    ntp: int
    """64-bit NTP time."""
    rtp_timestamp: int
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...] = ()


class ReceiverReport(NamedTuple):
    """The report of a participant that sent nothing."""

    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()


class SourceDescription(NamedTuple):
    """One chunk of SDES with its CNAME."""

    ssrc: int
    cname: str


class Goodbye(NamedTuple):
    """These sources leave."""

    ssrcs: tuple[int, ...]


Packet = SenderReport | ReceiverReport | SourceDescription | Goodbye


def ntp_time(wall: float) -> int:
    """64-bit NTP time of seconds since 1970 (RFC 3550 §4)."""
    seconds = int(wall)
    return ((seconds + _NTP_EPOCH) << 32 | int((wall - seconds) * 0x100000000)) & ((1 << 64) - 1)


def middle_bits(ntp: int) -> int:
    """The middle 32 bits of an NTP time, as LSR carries them."""
    return ntp >> 16 & 0xFFFFFFFF


def interval(random: float, *, least: float = MIN_INTERVAL, initial: bool = False) -> float:
    """Seconds until the next report of a two-party session (RFC 3550 §6.3.1).

    ``random`` is from 0 to 1, ``least`` the time before randomisation; half of it before the very first
    report.
    """
    minimum = least / 2 if initial else least
    return minimum * (0.5 + random) / _COMPENSATION


def build(packets: list[Packet]) -> bytes:
    """A compound packet. The first must be a report (RFC 3550 §6.1)."""
    if not packets or not isinstance(packets[0], SenderReport | ReceiverReport):
        raise ValueError("a compound RTCP packet begins with a report")
    return b"".join(map(_build_one, packets))


def _build_one(packet: Packet) -> bytes:
    if isinstance(packet, SenderReport):
        body = _SENDER.pack(
            packet.ssrc,
            packet.ntp >> 32,
            packet.ntp & 0xFFFFFFFF,
            packet.rtp_timestamp & 0xFFFFFFFF,
            packet.packets & 0xFFFFFFFF,
            packet.octets & 0xFFFFFFFF,
        )
        return _framed(SR, len(packet.blocks), body + b"".join(map(_build_block, packet.blocks)))
    if isinstance(packet, ReceiverReport):
        body = _WORD.pack(packet.ssrc) + b"".join(map(_build_block, packet.blocks))
        return _framed(RR, len(packet.blocks), body)
    if isinstance(packet, SourceDescription):
        name = packet.cname.encode()[:255]
        item = _WORD.pack(packet.ssrc) + bytes([_CNAME, len(name)]) + name
        # At least one zero octet ends the items, then up to the word boundary.
        return _framed(SDES, 1, item + bytes(4 - len(item) % 4))
    return _framed(BYE, len(packet.ssrcs), b"".join(map(_WORD.pack, packet.ssrcs)))


def _framed(packet_type: int, count: int, body: bytes) -> bytes:
    return _HEADER.pack(0x80 | count, packet_type, len(body) // 4) + body


def _build_block(block: ReportBlock) -> bytes:
    loss = (block.fraction_lost & 0xFF) << 24 | block.cumulative_lost & 0xFFFFFF
    return _BLOCK.pack(
        block.ssrc,
        loss,
        block.highest_sequence & 0xFFFFFFFF,
        min(block.jitter, 0xFFFFFFFF),
        block.last_sr,
        min(block.delay_since_last_sr, 0xFFFFFFFF),
    )


def parse(datagram: bytes | bytearray | memoryview) -> list[Packet] | None:
    """The packets of a compound packet; None when it is not valid (RFC 3550 A.2).

    It must begin with a report, version 2 throughout, padding at most in the last, and the lengths
    must add up to the datagram's. Packets of other types (APP, feedback) are skipped.
    """
    data = bytes(datagram)
    size = len(data)
    if not 8 <= size <= MAX_DATAGRAM or size % 4 or data[0] & 0xE0 != 0x80:
        return None
    if data[1] not in (SR, RR):
        return None
    packets: list[Packet] = []
    at = 0
    while at < size:
        if at + 4 > size:
            return None
        first, packet_type, words = _HEADER.unpack_from(data, at)
        end = at + 4 + 4 * words
        if first & 0xC0 != 0x80 or end > size:
            return None
        body = data[at + 4 : end]
        if first & 0x20:
            if end != size or not body or not 0 < body[-1] <= len(body):
                return None
            body = body[: -body[-1]]
        parsed = _parse_one(packet_type, first & 0x1F, body)
        if parsed is None:
            return None
        packets.extend(parsed)
        at = end
    return packets


def _parse_one(packet_type: int, count: int, body: bytes) -> list[Packet] | None:
    """The content of one packet; empty for a type we do not read, None when it is malformed."""
    if packet_type == SR:
        blocks = _parse_blocks(body, _SENDER.size, count)
        if blocks is None:
            return None
        ssrc, seconds, fraction, timestamp, sent, octets = _SENDER.unpack_from(body)
        return [SenderReport(ssrc, seconds << 32 | fraction, timestamp, sent, octets, blocks)]
    if packet_type == RR:
        blocks = _parse_blocks(body, _WORD.size, count)
        if blocks is None:
            return None
        return [ReceiverReport(_WORD.unpack_from(body)[0], blocks)]
    if packet_type == SDES:
        return _parse_descriptions(body, count)
    if packet_type == BYE:
        if len(body) < 4 * count:
            return None
        return [Goodbye(struct.unpack_from(f"!{count}I", body))]
    return []


def _parse_blocks(body: bytes, start: int, count: int) -> tuple[ReportBlock, ...] | None:
    if len(body) < start + count * _BLOCK.size:
        return None
    blocks = []
    for index in range(count):
        ssrc, loss, highest, jitter, last_sr, delay = _BLOCK.unpack_from(
            body, start + index * _BLOCK.size
        )
        cumulative = (loss & 0xFFFFFF) - ((loss & 0x800000) << 1)
        blocks.append(ReportBlock(ssrc, loss >> 24, cumulative, highest, jitter, last_sr, delay))
    return tuple(blocks)


def _parse_descriptions(body: bytes, count: int) -> list[Packet] | None:
    """The CNAMEs; other items are skipped."""
    found: list[Packet] = []
    at = 0
    for _ in range(count):
        if at + 4 > len(body):
            return None
        (ssrc,) = _WORD.unpack_from(body, at)
        at += 4
        while at < len(body) and body[at]:
            if at + 2 > len(body) or at + 2 + body[at + 1] > len(body):
                return None
            text = body[at + 2 : at + 2 + body[at + 1]]
            if body[at] == _CNAME:
                found.append(SourceDescription(ssrc, text.decode(errors="replace")))
            at += 2 + len(text)
        if at >= len(body):
            return None
        at += 4 - at % 4
    return found
