"""Telephone events: every press once, whatever happens to its packets."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.media import telephone_event as dtmf
from offhook.media.telephone_event import DtmfReceiver

Packet = tuple[int, bytes]
"""Timestamp and payload."""


def event(code: int, duration: int, *, end: bool = False) -> bytes:
    return struct.pack("!BBH", code, 0x8A if end else 0x0A, duration)


def press(
    code: int, timestamp: int, updates: int = 4, ends: int = 3, step: int = 160
) -> list[Packet]:
    packets = [(timestamp, event(code, step * n)) for n in range(1, updates + 1)]
    return packets + [(timestamp, event(code, step * (updates + 1), end=True))] * ends


def heard(packets: list[Packet], order: list[int] | None = None) -> str:
    """The digits of packets that arrive one after the other; ``order``: as the sender numbered them."""
    receiver = DtmfReceiver()
    numbers = order or list(range(65530, 65530 + len(packets)))
    return "".join(
        receiver.packet(number & 0xFFFF, *packet) or ""
        for number, packet in zip(numbers, packets, strict=True)
    )


def arriving(sent: list[Packet], order: list[int]) -> str:
    """The digits of packets that arrive in another order than they were sent."""
    return heard([sent[number] for number in order], order)


def test_all_sixteen_keys_have_their_codes() -> None:
    packets = [p for code in range(16) for p in press(code, code * 4000)]
    assert heard(packets) == "0123456789*#ABCD"


@pytest.mark.parametrize(
    ("packets", "keys"),
    [
        (press(5, 1000), "5"),
        (press(5, 1000, ends=12), "5"),
        (press(5, 1000, ends=0), "5"),
        (press(5, 1000, updates=0, ends=1), "5"),
        (press(5, 1000) + press(5, 3000), "55"),
        (press(5, 1000, ends=0) + press(5, 3000, ends=0), "55"),
        (press(1, 2**32 - 400) + press(2, 1200), "12"),
        (press(3, 0), "3"),
    ],
    ids=[
        "plain",
        "many ends",
        "ends lost",
        "all but one end lost",
        "twice",
        "twice, ends lost",
        "across the timestamp's wrap",
        "timestamp zero",
    ],
)
def test_a_press_counts_once(packets: list[Packet], keys: str) -> None:
    assert heard(packets) == keys


def test_late_packets_of_an_earlier_press_change_nothing() -> None:
    sent = press(1, 1000) + press(2, 4000)
    assert arriving(sent, [0, 1, 2, 3, 4, 7, 8, 5, 6, *range(9, 14)]) == "12"


def test_a_press_whose_packets_were_all_overtaken_still_counts() -> None:
    sent = press(1, 1000) + press(2, 4000)
    assert sorted(arriving(sent, [7, 8, *range(7), *range(9, 14)])) == ["1", "2"]


@given(
    codes=st.lists(st.integers(0, 15), min_size=1, max_size=20),
    random=st.randoms(use_true_random=False),
)
def test_loss_duplication_and_reordering_never_change_the_keys(
    codes: list[int], random: object
) -> None:
    sent: list[Packet] = []
    arrivals: list[tuple[float, int]] = []
    for index, code in enumerate(codes):
        whole = press(code, 50_000 + index * 2400)
        # Any of a press's packets may be lost, but not all; any may come twice.
        kept = [n for n in range(len(whole)) if random.random() < 0.6] or [len(whole) - 1]  # type: ignore[attr-defined]
        for place in kept:
            at = index * 15 + place + 3 * random.random()  # type: ignore[attr-defined]
            arrivals.append((at, len(sent) + place))
            if random.random() < 0.3:  # type: ignore[attr-defined]
                arrivals.append((at + 2, len(sent) + place))
        sent += whole
    order = [number for _, number in sorted(arrivals)]
    assert arriving(sent, order) == "".join(dtmf.DIGITS[c] for c in codes)


@pytest.mark.parametrize("clock_rate", [8000, 16000, 48000])
def test_a_key_held_for_long_counts_once(clock_rate: int) -> None:
    packets = dtmf.event_packets("7", 25.0, clock_rate=clock_rate)
    assert len({p.timestamp_offset for p in packets}) > 2
    assert heard([(9000 + p.timestamp_offset, p.payload) for p in packets]) == "7"


def test_a_held_key_counts_once_though_the_last_update_of_a_segment_is_lost() -> None:
    packets = [(9000 + p.timestamp_offset, p.payload) for p in dtmf.event_packets("7", 12.0)]
    segment_end = next(i for i, p in enumerate(packets) if p[0] != 9000)
    assert heard(packets[: segment_end - 3] + packets[segment_end + 2 :]) == "7"


@pytest.mark.parametrize(
    "payload", [b"", b"\x05", b"\x05\x0a\x00", event(16, 160), event(255, 160)]
)
def test_what_is_no_key_is_ignored(payload: bytes) -> None:
    assert heard([(1000, payload)]) == ""


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.binary(max_size=8)), max_size=50))
def test_no_packet_makes_the_receiver_raise(packets: list[Packet]) -> None:
    assert len(heard(packets)) <= len(packets)


def test_a_press_is_sent_as_updates_and_three_final_packets() -> None:
    packets = dtmf.event_packets("*", 0.1)
    fields = [struct.unpack("!BBH", p.payload) for p in packets]
    assert [f[0] for f in fields] == [10] * 7
    assert [f[1] for f in fields] == [0x0A] * 4 + [0x8A] * 3
    assert [f[2] for f in fields] == [160, 320, 480, 640, 800, 800, 800]
    assert [p.marker for p in packets] == [True] + [False] * 6
    assert {p.timestamp_offset for p in packets} == {0}


@pytest.mark.parametrize(
    ("duration", "sent"), [(0.0, 320), (0.04, 320), (0.11, 960), (500.0, 240000)]
)
def test_the_duration_is_kept_to_what_makes_sense(duration: float, sent: int) -> None:
    last = dtmf.event_packets("1", duration)[-1]
    assert last.timestamp_offset + struct.unpack("!BBH", last.payload)[2] == sent


@pytest.mark.parametrize("key", ["", "12", "E", "x", "#1"])
def test_only_keys_can_be_pressed(key: str) -> None:
    with pytest.raises(ValueError, match="not a DTMF digit"):
        dtmf.event_packets(key, 0.1)


def hexadecimal(*lines: str) -> list[tuple[bool, int, bytes]]:
    """Marker, timestamp and payload of packets written as in RFC 4733's examples: ``M 0 010a00a0``."""
    packets = []
    for line in lines:
        *marker, timestamp, payload = line.split()
        packets.append((marker == ["M"], int(timestamp), bytes.fromhex(payload)))
    return packets


def pressed(*lines: str) -> str:
    """The digits of packets in the order they were sent."""
    receiver = DtmfReceiver()
    return "".join(
        receiver.packet(number, timestamp, payload, marker=marker) or ""
        for number, (marker, timestamp, payload) in enumerate(hexadecimal(*lines))
    )


def standing_still(digit: int) -> list[str]:
    """A press of a sender that never advances its timestamp."""
    states = ["0a00a0", "0a0140", "0a01e0", "8a01e0", "8a01e0", "8a01e0"]
    return [f"{'M ' if n == 0 else ''}0 0{digit}{state}" for n, state in enumerate(states)]


def creeping(digit: int, start: int) -> list[str]:
    """A press of a sender whose timestamp goes on with each packet."""
    states = ["0a00a0", "0a0140", "0a01e0", "0a0280", "0a0320", "8a0320", "8a0320", "8a0320"]
    return [
        f"{'M ' if n == 0 else ''}{start + 160 * n} 0{digit}{state}"
        for n, state in enumerate(states)
    ]


def end_moved(digit: int, start: int) -> list[str]:
    """A press of a sender whose timestamp goes on with the repeated end packets."""
    states = ["0a00a0", "0a0140", "0a01e0", "0a0280", "0a0320", "8a0320", "8a0320", "8a0320"]
    return [
        f"{'M ' if n == 0 else ''}{start + 160 * max(0, n - 5)} 0{digit}{state}"
        for n, state in enumerate(states)
    ]


@pytest.mark.parametrize(
    ("lines", "digits"),
    [
        ([line for digit in (1, 2, 2, 3) for line in standing_still(digit)], "1223"),
        (creeping(1, 0) + creeping(2, 3000), "12"),
        (creeping(1, 0) + creeping(1, 3000), "11"),
        (creeping(1, 0)[:2] + creeping(1, 0)[5:], "1"),
        (end_moved(1, 0) + end_moved(2, 3000), "12"),
        (end_moved(1, 0) + end_moved(1, 3000), "11"),
        (["M 0 010a0000", "0 010a0000", "0 018a0000", "0 018a0000"], "1"),
        (["0 018a0320", "0 018a0320", "0 018a0320"], "1"),
        (["M 0 010a0320", "0 010a01e0", "0 010a00a0", "0 018a00a0"], "1"),
    ],
    ids=[
        "the timestamp stands still",
        "the timestamp creeps",
        "the timestamp creeps, the same digit twice",
        "the timestamp creeps, packets lost",
        "the end packets' timestamp creeps",
        "the end packets' timestamp creeps, the same digit twice",
        "duration zero",
        "only end packets",
        "falling duration",
    ],
)
def test_a_press_counts_once_from_senders_with_odd_timestamps(
    lines: list[str], digits: str
) -> None:
    assert pressed(*lines) == digits
