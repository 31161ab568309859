"""RTCP packets, valid and hostile."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.media import rtcp

BLOCK = rtcp.ReportBlock(1, 25, -3, 70000, 12, 0x11223344, 65536)
COMPOUND: list[rtcp.Packet] = [
    rtcp.SenderReport(7, 0x0123456789ABCDEF, 8, 9, 10, (BLOCK,)),
    rtcp.SourceDescription(7, "somebody@somewhere"),
    rtcp.Goodbye((7, 8)),
]


def test_a_compound_packet_reads_back() -> None:
    datagram = rtcp.build(COMPOUND)
    assert rtcp.parse(datagram) == COMPOUND
    assert len(datagram) % 4 == 0


def test_a_receiver_report_reads_back() -> None:
    packets: list[rtcp.Packet] = [rtcp.ReceiverReport(3, (BLOCK, BLOCK))]
    assert rtcp.parse(rtcp.build(packets)) == packets


def test_the_name_of_a_source_is_item_1() -> None:
    """CNAME=1, its length, its text, then zeros up to the word boundary (RFC 3550 §6.5.1)."""
    datagram = rtcp.build([rtcp.ReceiverReport(3), rtcp.SourceDescription(0x01020304, "me")])
    assert datagram[8:] == bytes.fromhex("81ca0003 01020304 01 02 6d65 00 000000".replace(" ", ""))


@given(st.text(max_size=60))
def test_any_cname_reads_back(cname: str) -> None:
    packets: list[rtcp.Packet] = [
        rtcp.ReceiverReport(3),
        rtcp.SourceDescription(3, cname),
    ]
    assert rtcp.parse(rtcp.build(packets)) == packets


def test_a_compound_packet_begins_with_a_report() -> None:
    with pytest.raises(ValueError, match="begins with a report"):
        rtcp.build([rtcp.Goodbye((1,))])


def test_other_packets_are_stepped_over() -> None:
    app = struct.pack("!BBHI4s", 0x80, 204, 2, 7, b"name")
    assert rtcp.parse(rtcp.build(COMPOUND[:1]) + app) == COMPOUND[:1]


def test_padding_at_the_end_is_taken_off() -> None:
    report = rtcp.build(COMPOUND[:1])
    bye = struct.pack("!BBHI", 0xA1, rtcp.BYE, 2, 7) + b"\0\0\0\x04"
    assert rtcp.parse(report + bye) == [COMPOUND[0], rtcp.Goodbye((7,))]


RR = rtcp.build([rtcp.ReceiverReport(3, (BLOCK,))])
SDES = rtcp.build([rtcp.ReceiverReport(3), rtcp.SourceDescription(3, "me")])


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        RR[:4],
        RR[:-1],
        b"\x41" + RR[1:],
        b"\xa1" + RR[1:],
        RR[:1] + bytes([rtcp.BYE]) + RR[2:],
        b"\x82" + RR[1:],
        RR[:2] + b"\xff\xff" + RR[4:],
        RR + b"\x80\xc9\x00\x05",
        RR + b"\x00\xc9\x00\x00",
        b"\x80\xc8\x00\x01\x00\x00\x00\x01",
        SDES[:-4] + b"\x01\xff\x00\x00",
        SDES[:-4] + b"\x01\x02me",
        RR * 60,
    ],
    ids=[
        "empty",
        "short",
        "no whole word",
        "version 1",
        "padding in the first",
        "no report first",
        "more blocks than there are",
        "longer than the datagram",
        "second longer than the datagram",
        "second of another version",
        "half a sender report",
        "an item beyond the end",
        "items without an end",
        "too long",
    ],
)
def test_what_is_no_compound_packet_is_refused(datagram: bytes) -> None:
    assert rtcp.parse(datagram) is None


@given(st.binary(max_size=80), st.sampled_from([0x80, 0x81, 0x9F]), st.sampled_from([200, 201]))
def test_nothing_makes_the_parser_raise(rest: bytes, first: int, second: int) -> None:
    rtcp.parse(bytes([first, second]) + rest)
    rtcp.parse(RR + bytes([first, second]) + rest)
    rtcp.parse(RR + bytes([first, rtcp.SDES]) + rest)


@given(st.floats(0, 1))
def test_reports_come_every_five_seconds_give_or_take(chance: float) -> None:
    assert 2.05 < rtcp.interval(chance) < 6.16
    assert rtcp.interval(chance, initial=True) == rtcp.interval(chance) / 2


def test_ntp_time_counts_from_1900() -> None:
    assert rtcp.ntp_time(0.5) == 2208988800 << 32 | 1 << 31
    assert rtcp.middle_bits(0x0123456789ABCDEF) == 0x456789AB
