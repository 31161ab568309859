"""Telephone events: every press once, whatever happens to its packets."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.media import dtmf
from offhook.media.dtmf import DtmfReceiver

Packet = tuple[int, bytes]


def event(code: int, duration: int, *, end: bool = False) -> bytes:
    return struct.pack("!BBH", code, 0x8A if end else 0x0A, duration)


def press(
    code: int, timestamp: int, updates: int = 4, ends: int = 3, step: int = 160
) -> list[Packet]:
    packets = [(timestamp, event(code, step * n)) for n in range(1, updates + 1)]
    return packets + [(timestamp, event(code, step * (updates + 1), end=True))] * ends


def heard(packets: list[Packet]) -> str:
    receiver = DtmfReceiver()
    return "".join(receiver.packet(*packet) or "" for packet in packets)


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
    first, second = press(1, 1000), press(2, 4000)
    assert heard(first[:5] + second[:2] + first[5:] + second[2:]) == "12"


def test_a_press_whose_packets_were_all_overtaken_still_counts() -> None:
    assert sorted(heard(press(2, 4000)[:2] + press(1, 1000) + press(2, 4000)[2:])) == ["1", "2"]


@given(
    codes=st.lists(st.integers(0, 15), min_size=1, max_size=20),
    random=st.randoms(use_true_random=False),
)
def test_loss_duplication_and_reordering_never_change_the_keys(
    codes: list[int], random: object
) -> None:
    packets: list[tuple[float, Packet]] = []
    for index, code in enumerate(codes):
        whole = press(code, 50_000 + index * 2400)
        # Any of a press's packets may be lost, but not all; any may come twice.
        kept = [p for p in whole if random.random() < 0.6] or whole[-1:]  # type: ignore[attr-defined]
        for place, packet in enumerate(kept):
            at = index * 15 + place + 3 * random.random()  # type: ignore[attr-defined]
            packets.append((at, packet))
            if random.random() < 0.3:  # type: ignore[attr-defined]
                packets.append((at + 2, packet))
    packets.sort(key=lambda item: item[0])
    assert heard([packet for _, packet in packets]) == "".join(dtmf.DIGITS[c] for c in codes)


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
