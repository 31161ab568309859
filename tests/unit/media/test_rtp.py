"""RTP: the header, the arithmetic, and a receiver's statistics against streams of known fate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.media import rtp
from offhook.media.rtp import Arrival, ReceiverStatistics

PACKET = rtp.build(payload_type=8, sequence=7, timestamp=9, ssrc=11, payload=b"abcd", marker=True)


def test_a_packet_reads_back() -> None:
    parsed = rtp.parse(PACKET)
    assert parsed is not None
    assert parsed[:5] == (8, True, 7, 9, 11)
    assert bytes(parsed.payload) == b"abcd"


def test_numbers_are_cut_to_their_width() -> None:
    packet = rtp.build(
        payload_type=0, sequence=65537, timestamp=2**32 + 5, ssrc=2**32 + 6, payload=b""
    )
    parsed = rtp.parse(packet)
    assert parsed is not None
    assert parsed[:5] == (0, False, 1, 5, 6)


@pytest.mark.parametrize(
    ("datagram", "payload"),
    [
        (b"\x82" + PACKET[1:12] + b"\x00" * 8 + b"abcd", b"abcd"),
        (b"\x90" + PACKET[1:12] + b"\xbe\xde\x00\x01" + b"ext." + b"abcd", b"abcd"),
        (b"\xa0" + PACKET[1:12] + b"abcd" + b"\x00\x00\x03", b"abcd"),
        (b"\xb1" + PACKET[1:12] + b"csrc" + b"\xbe\xde\x00\x00" + b"ab" + b"\x01", b"ab"),
        (PACKET[:12], b""),
    ],
    ids=["csrc", "extension", "padding", "all of them", "empty"],
)
def test_the_payload_is_found_behind_what_precedes_it(datagram: bytes, payload: bytes) -> None:
    parsed = rtp.parse(datagram)
    assert parsed is not None
    assert bytes(parsed.payload) == payload


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        PACKET[:11],
        b"\x40" + PACKET[1:],
        b"\x8f" + PACKET[1:],
        b"\x90" + PACKET[1:12] + b"\x00\x00",
        b"\x90" + PACKET[1:12] + b"\x00\x00\xff\xff" + b"abcd",
        b"\xa0" + PACKET[1:12] + b"abc\x00",
        b"\xa0" + PACKET[1:12] + b"abc\x05",
    ],
    ids=[
        "empty",
        "short",
        "version 1",
        "csrc beyond the end",
        "half an extension",
        "extension beyond the end",
        "no padding",
        "padding beyond the start",
    ],
)
def test_what_is_no_packet_is_refused(datagram: bytes) -> None:
    assert rtp.parse(datagram) is None


@given(st.binary(max_size=64))
def test_nothing_makes_the_parser_raise(datagram: bytes) -> None:
    parsed = rtp.parse(datagram)
    assert parsed is None or len(parsed.payload) <= len(datagram) - 12


@given(st.integers(0, 65535), st.integers(-32768, 32767))
def test_sequence_distance_sees_across_the_wrap(older: int, distance: int) -> None:
    assert rtp.sequence_distance((older + distance) & 0xFFFF, older) == distance


@given(st.integers(0, 2**32 - 1), st.integers(-(2**31), 2**31 - 1))
def test_timestamp_distance_sees_across_the_wrap(older: int, distance: int) -> None:
    assert rtp.timestamp_distance((older + distance) & 0xFFFFFFFF, older) == distance


def run(numbers: list[int], start: int = 0) -> tuple[ReceiverStatistics, list[Arrival]]:
    """Feed packets ``numbers`` of a perfectly timed stream whose packet 0 has sequence ``start``."""
    statistics = ReceiverStatistics((start + numbers[0]) & 0xFFFF)
    fate = [
        statistics.update((start + n) & 0xFFFF, 160 * n & 0xFFFFFFFF, 100 + 0.02 * n)
        for n in numbers
    ]
    return statistics, fate


@given(
    start=st.integers(0, 65535),
    length=st.integers(2, 400),
    lost=st.sets(st.integers(1, 398)),
    repeated=st.sets(st.integers(0, 399)),
    shuffle=st.randoms(use_true_random=False),
)
def test_loss_and_duplicates_are_counted_exactly_across_wraps_and_reordering(
    start: int, length: int, lost: set[int], repeated: set[int], shuffle: object
) -> None:
    lost -= {0, length - 1}
    present = [n for n in range(length) if n not in lost]
    sent = [n for n in present for _ in range(2 if n in repeated else 1)]
    # No packet is overtaken by more than 20 others.
    keyed = sorted(sent, key=lambda n: n + shuffle.random() * 20)  # type: ignore[attr-defined]
    statistics, fate = run(keyed, start)
    assert statistics.expected == length
    assert statistics.received == len(present)
    assert statistics.lost == length - len(present)
    assert statistics.duplicates == len(sent) - len(present)
    assert fate.count(Arrival.DUPLICATE) == statistics.duplicates


def test_the_extended_number_counts_wraps() -> None:
    statistics, _ = run(list(range(70000)), start=65000)
    assert statistics.highest_sequence == 65000 + 69999
    assert statistics.expected == statistics.received == 70000


def test_a_wild_jump_is_not_believed_until_it_goes_on() -> None:
    statistics, fate = run([0, 1, 2, 30000, 3, 4])
    assert fate[3] is Arrival.STRAY
    assert (statistics.expected, statistics.lost) == (5, 0)


def test_a_restart_keeps_what_was_counted() -> None:
    statistics, fate = run([0, 1, 3, 30000, 30001, 30002])
    assert fate[3:] == [Arrival.STRAY, Arrival.NEW, Arrival.NEW]
    assert (statistics.expected, statistics.received, statistics.lost) == (6, 5, 1)


def test_a_packet_out_of_the_far_past_is_a_stray() -> None:
    _, fate = run([*range(200), 50])
    assert fate[-1] is Arrival.STRAY


def test_a_steady_stream_has_no_jitter_even_across_the_timestamps_wrap() -> None:
    statistics = ReceiverStatistics(0)
    for n in range(200):
        statistics.update(n, (2**32 - 8000 + 160 * n) & 0xFFFFFFFF, 5 + 0.02 * n)
    assert statistics.jitter == pytest.approx(0, abs=1e-6)
    assert statistics.late == 0


def test_jitter_converges_to_the_mean_difference_of_transit_times() -> None:
    statistics = ReceiverStatistics(0)
    for n in range(1000):
        statistics.update(n, 160 * n, 5 + 0.02 * n + (0.004 if n % 2 else 0.0))
    # Every transit differs from the last by 4 ms.
    assert statistics.jitter == pytest.approx(0.004, rel=0.001)


def test_jitter_follows_the_sample_code_of_the_rfc() -> None:
    delays = [0, 3, 1, 7, 2, 2, 9, 0, 4, 5]
    statistics = ReceiverStatistics(0)
    expected, last = 0.0, 0
    for n, delay in enumerate(delays):
        statistics.update(n, 160 * n, 1 + 0.02 * n + delay / 1000)
        if n:
            expected += (abs(delay - last) / 1000 - expected) / 16
        last = delay
    assert statistics.jitter == pytest.approx(expected, rel=1e-6)


def test_telephone_events_do_not_disturb_the_timing() -> None:
    statistics = ReceiverStatistics(0)
    for n in range(10):
        statistics.update(n, 160 * n, 1 + 0.02 * n)
    for n in range(10, 60):
        statistics.update(n, 1600, 1 + 0.02 * n, timed=False)
    statistics.update(60, 160 * 60, 1 + 0.02 * 60)
    assert statistics.jitter == pytest.approx(0, abs=1e-9)
    assert statistics.late == 0


@pytest.mark.parametrize(("delay", "late"), [(0.055, 0), (0.065, 1)])
def test_a_packet_behind_a_60_ms_buffer_is_late(delay: float, late: int) -> None:
    statistics = ReceiverStatistics(0)
    for n in range(20):
        statistics.update(n, 160 * n, 1 + 0.02 * n + (delay if n == 10 else 0))
    assert statistics.late == late


def test_clocks_may_drift_apart() -> None:
    statistics = ReceiverStatistics(0)
    for n in range(100_000):  # 33 minutes at 100 ppm: 200 ms
        statistics.update(n & 0xFFFF, 160 * n & 0xFFFFFFFF, 1 + 0.02 * n * (1 + 1e-4))
    assert statistics.late == 0


def test_a_longer_path_makes_a_buffer_start_anew() -> None:
    statistics = ReceiverStatistics(0)
    for n in range(200):
        statistics.update(n, 160 * n, 1 + 0.02 * n + (0.3 if n >= 100 else 0))
    assert 0 < statistics.late < 30


def test_a_report_speaks_of_the_time_since_the_last_one() -> None:
    statistics = ReceiverStatistics(1)
    for n in range(100):
        if n % 4:
            statistics.update(n, 160 * n, n * 0.02)
    # From the first packet received, number 1, to 99: 24 of 99 are missing.
    assert statistics.report() == ((24 << 8) // 99, 24)
    for n in range(100, 200):
        statistics.update(n, 160 * n, n * 0.02)
    assert statistics.report() == (0, 24)
    assert statistics.report() == (0, 24)


def test_duplicates_make_the_reported_loss_negative() -> None:
    statistics, _ = run([0, 1, 1, 1, 2])
    assert statistics.report() == (0, -2)
