"""The native core's pure parts say the same as their Python counterparts, to the last bit."""

from __future__ import annotations

import ctypes
import random
import shutil
from ctypes import byref, c_char, c_double, c_int, c_int64, c_size_t, c_uint32, c_void_p

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.examples import examples
from tests.support.native_core import HERE, compiled

from offhook.media import g711, rtcp, rtp, tones
from offhook.media import telephone_event as dtmf
from offhook.media.rtcp_session import RtcpSession, Sending
from offhook.negotiated import Codec

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")

PURE = ("g711", "rtcp", "rtp", "telephone_event", "tones")
LAWS = (Codec.PCMU, Codec.PCMA)


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    target = tmp_path_factory.mktemp("core") / "core.so"
    compiled(target, HERE / "shim.c", parts=PURE, flags=("-O0", "-fPIC", "-shared"))
    library = ctypes.CDLL(str(target))
    for name in ("shim_source", "shim_presses", "shim_inband", "shim_rtcp"):
        getattr(library, name).restype = c_void_p
    library.shim_tone.restype = library.shim_rtcp_report.restype = c_size_t
    library.shim_init()
    return library


def test_g711_has_the_same_tables(core: ctypes.CDLL) -> None:
    for number, law in enumerate(LAWS):
        octets = bytes(range(256))
        levels = np.frombuffer(g711.decode(law, octets), "<i2").tolist()
        assert [core.shim_level(number, octet) for octet in octets] == levels
        table = g711.encoder_table(law)
        found = [core.shim_encode(number, sample) for sample in range(-32768, 32768)]
        assert bytes(found) == bytes(table[sample & 0xFFFF] for sample in range(-32768, 32768))
        other = g711.transcoder(law, LAWS[1 - number])
        assert other is not None
        assert bytes(core.shim_other(number, octet) for octet in octets) == other


@given(packet=st.binary(max_size=80))
def test_the_payload_of_a_packet_is_found_alike(core: ctypes.CDLL, packet: bytes) -> None:
    start, end = c_size_t(), c_size_t()
    found = core.shim_payload(packet, c_size_t(len(packet)), byref(start), byref(end))
    ours = rtp.payload_span(packet, len(packet))
    assert bool(found) == (ours is not None)
    if ours is not None:
        assert (start.value, end.value) == ours


def counts(core: ctypes.CDLL, source: c_void_p) -> tuple[list[int], float]:
    numbers, jitter = (c_int64 * 5)(), c_double()
    core.shim_counts(source, numbers, byref(jitter))
    return list(numbers), jitter.value


@pytest.mark.parametrize("seed", range(20))
def test_a_stream_is_counted_alike(core: ctypes.CDLL, seed: int) -> None:
    """Loss, reordering, duplicates, pauses, restarts, wraps, late packets and jumps of the clock."""
    luck = random.Random(seed)
    sequence, timestamp, now = luck.randrange(65536), luck.randrange(2**32), 1000.0
    ours = rtp.ReceiverStatistics(sequence)
    theirs = c_void_p(core.shim_source(sequence))
    for number in range(3000):
        if number and luck.random() < 0.02:
            sequence += luck.choice((2, 5, -3, 150, -150, 2999, 3000, 30000))
        if luck.random() < 0.01:
            timestamp += luck.choice((800, 80_001, -160, 2**31))
            now += luck.choice((0.0, 0.5, 1.5))
        if luck.random() < 0.05:
            sequence += luck.choice((-1, -2, 0))
        arrival = now + luck.choice((0.0, 0.0, 0.01, 0.05, 0.09)) * luck.random()
        timed = luck.random() > 0.05
        arguments = sequence & 0xFFFF, timestamp & 0xFFFFFFFF
        outcome = ours.update(*arguments, arrival, timed=timed)
        order = list(rtp.Arrival)
        found = core.shim_update(
            theirs, arguments[0], c_uint32(arguments[1]), c_double(arrival), int(timed)
        )
        assert order[found] is outcome
        assert counts(core, theirs) == (
            [ours.received, ours.duplicates, ours.late, ours.expected, ours.highest_sequence],
            ours.jitter,
        )
        if number % 251 == 250:
            fraction, cumulative = c_int(), c_int()
            core.shim_report(theirs, byref(fraction), byref(cumulative))
            assert (fraction.value, cumulative.value) == ours.report()
        sequence, timestamp, now = sequence + 1, timestamp + 160, now + 0.02


@examples(200)
@given(
    packets=st.lists(
        st.tuples(
            st.integers(-3, 3) | st.integers(0, 65535),
            st.sampled_from((0, 0, 160, 160, 480, 4000, 62336, 65440, 65536, -160)),
            st.booleans(),
            st.sampled_from((1, 1, 1, 2, 15, 16)),
            st.sampled_from((0x0A, 0x0A, 0x8A)),
            st.sampled_from((160, 320, 480, 640, 65440, 0)),
            st.integers(2, 6),
        ),
        max_size=40,
    )
)
def test_presses_are_recognised_alike(
    core: ctypes.CDLL, packets: list[tuple[int, int, bool, int, int, int, int]]
) -> None:
    ours, theirs = dtmf.DtmfReceiver(), c_void_p(core.shim_presses())
    sequence, timestamp = 65530, 2**32 - 2000
    for step, advance, marker, event, flags, duration, size in packets:
        sequence, timestamp = (sequence + step) & 0xFFFF, (timestamp + advance) & 0xFFFFFFFF
        payload = (bytes((event, flags)) + duration.to_bytes(2, "big") + b"xx")[:size]
        digit = ours.packet(sequence, timestamp, payload, marker=marker)
        found = core.shim_press(
            theirs, sequence, c_uint32(timestamp), int(marker), payload, c_size_t(len(payload))
        )
        assert (chr(found) if found else None) == digit


@pytest.mark.parametrize("duration", [0.0, 0.05, 0.07, 0.1, 0.25, 8.2, 29.99, 31.0, float("nan")])
def test_a_press_is_sent_alike(core: ctypes.CDLL, duration: float) -> None:
    if duration != duration:  # Python's engine takes the least for it too
        return
    core.shim_event_total.restype = c_uint32
    total = core.shim_event_total(c_double(duration))
    ours = dtmf.event_packets("#", duration)
    assert core.shim_event_packets(total) == len(ours)
    for index, packet in enumerate(ours):
        payload = (ctypes.c_uint8 * 4)()
        offset = core.shim_event_payload(11, total, index, payload)
        assert (offset, bytes(payload)) == (packet.timestamp_offset, packet.payload)


@pytest.mark.parametrize("duration", [0.0, 0.1, 0.123, 6.0])
def test_the_tones_of_a_digit_are_the_same_octets(core: ctypes.CDLL, duration: float) -> None:
    for digit in dtmf.DIGITS:
        ours = tones.digit_tone(digit, duration)
        for number, law in enumerate(LAWS):
            octets = ctypes.create_string_buffer(50_000)
            size = core.shim_tone(c_char(digit.encode()), c_double(duration), number, octets)
            assert octets.raw[:size] == ours[law]


@pytest.mark.parametrize("seed", range(6))
def test_tones_are_found_in_the_same_packets(core: ctypes.CDLL, seed: int) -> None:
    """Digits of any level and twist, with noise, lost packets, and the beginnings of other streams."""
    luck = random.Random(seed)
    noise = np.random.default_rng(seed)
    ours, theirs = tones.InbandDigits(), c_void_p(core.shim_inband())
    timestamp, ssrc, found = 1000, 7, 0
    for _ in range(60):
        row, column = luck.randrange(4), luck.randrange(4)
        at = np.arange(luck.randrange(200, 1600)) * (2 * np.pi / 8000)
        off = 1 + luck.choice((0.0, 0.01, -0.012, 0.03))
        wave = np.sin(at * tones.LOW[row] * off) * luck.choice((300, 2000, 9000))
        wave += np.sin(at * tones.HIGH[column] * off) * luck.choice((400, 2500, 8000))
        wave = np.concatenate((wave, np.zeros(luck.randrange(300, 1200))))
        wave += noise.normal(0, luck.choice((0, 30, 400)), len(wave))
        octets = g711.encode(Codec.PCMU, np.clip(wave, -32000, 32000).astype("<i2").tobytes())
        for begin in range(0, len(octets), 160):
            part = octets[begin : begin + 160]
            if luck.random() < 0.03:
                timestamp += len(part)
                continue
            keys = ctypes.create_string_buffer(16)
            count = core.shim_inband_packet(
                theirs, 0, ssrc, c_uint32(timestamp), part, c_size_t(len(part)), keys
            )
            digits = ours.packet(Codec.PCMU, ssrc, timestamp, part)
            assert keys.raw[:count].decode() == digits
            found += len(digits)
            timestamp += len(part)
        if luck.random() < 0.1:
            ssrc, timestamp = luck.randrange(2**32), luck.randrange(2**32)
    assert found > 4


def numbers(sending: Sending) -> ctypes.Array[c_int64]:
    values = (sending.ssrc, sending.rtp_timestamp, sending.packets, sending.octets)
    return (c_int64 * 5)(*values, sending.first_sequence)


@pytest.mark.parametrize("seed", range(10))
def test_reports_are_built_and_read_alike(core: ctypes.CDLL, seed: int) -> None:
    luck = random.Random(seed)
    ours = RtcpSession()
    theirs = c_void_p(core.shim_rtcp(ours._cname.encode()))
    statistics, source = rtp.ReceiverStatistics(5), c_void_p(core.shim_source(5))
    sent, now, wall = 0, 50.0, 1_790_000_000.25
    for number in range(60):
        now, wall = now + 0.2 + luck.random() * 5, wall + luck.random() * 5
        sent += luck.choice((0, 0, 250))
        sending = Sending(0xDEADBEEF, luck.randrange(2**32), sent, sent * 160, 77)
        statistics.update(5 + number, number * 160, now)
        core.shim_update(source, 5 + number, c_uint32(number * 160), c_double(now), 1)
        heard = luck.random() < 0.7
        bye = luck.random() < 0.1
        packet = ours.report(
            sending, (9, statistics) if heard else None, now=now, wall=wall, bye=bye
        )
        into = ctypes.create_string_buffer(128)
        size = core.shim_rtcp_report(
            theirs,
            numbers(sending),
            c_int64(9 if heard else -1),
            source if heard else None,
            c_double(now),
            c_double(wall),
            int(bye),
            into,
        )
        assert into.raw[:size] == packet
        answer = answer_to(packet, luck)
        told = (c_double * 3)()
        taken = core.shim_rtcp_received(
            theirs,
            answer,
            c_size_t(len(answer)),
            numbers(sending),
            c_int64(9 if heard else -1),
            c_double(now + 0.1),
            told,
        )
        assert bool(taken) == ours.received(answer, sending, 9 if heard else None, now + 0.1)
        mine = (ours.remote_fraction_lost, ours.remote_jitter, ours.round_trip)
        assert tuple(None if value < 0 else value for value in told) == mine


def answer_to(packet: bytes, luck: random.Random) -> bytes:
    """What a peer may say to a report, some of it broken."""
    parsed = rtcp.parse(packet)
    assert parsed is not None
    first = parsed[0]
    middle = rtcp.middle_bits(first.ntp) if isinstance(first, rtcp.SenderReport) else 0
    block = rtcp.ReportBlock(
        luck.choice((0xDEADBEEF, 1)),
        luck.randrange(256),
        luck.choice((0, 3, -2, 100)),
        luck.choice((80, 300, 70000)),
        luck.randrange(500),
        luck.choice((middle, 0)),
        luck.choice((0, 5000, 2**31)),
    )
    report: rtcp.Packet = rtcp.ReceiverReport(luck.choice((9, 9, 8)), (block,))
    if luck.random() < 0.4:
        report = rtcp.SenderReport(9, luck.randrange(2**64), 1, 2, 3, (block,))
    answer = bytearray(rtcp.build([report, rtcp.SourceDescription(9, "n" * luck.randrange(9))]))
    if luck.random() < 0.3:
        answer[luck.randrange(len(answer))] = luck.randrange(256)
    if luck.random() < 0.1:
        del answer[luck.randrange(len(answer)) :]
    return bytes(answer)
