"""The play queue: samples in order, no gap, no packet too many."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from offhook.media.playout import Playback, PlayQueue

SILENCE = 0xFF


def drain(queue: PlayQueue) -> tuple[list[bytes], list[tuple[int, str, int]]]:
    """All packets, and which playback started or ended with which packet."""
    packets: list[bytes] = []
    notes: list[tuple[int, str, int]] = []
    while True:
        packet = queue.take()
        notes += [(n, "started", len(packets)) for n in queue.started]
        notes += [(n, "ended", len(packets)) for n in queue.ended]
        queue.started.clear()
        queue.ended.clear()
        if packet is None:
            return packets, notes
        packets.append(bytes(packet))


def test_an_empty_queue_gives_nothing() -> None:
    assert drain(PlayQueue(SILENCE)) == ([], [])


def test_a_playback_ends_with_its_last_packet() -> None:
    queue = PlayQueue(SILENCE)
    queue.add(Playback(1, b"a" * 320, 1, 0))
    packets, notes = drain(queue)
    assert packets == [b"a" * 160] * 2
    assert notes == [(1, "started", 0), (1, "ended", 1)]


def test_an_empty_playback_starts_and_ends_without_a_packet() -> None:
    queue = PlayQueue(SILENCE)
    queue.add(Playback(1, b"", 3, 4000))
    assert drain(queue) == ([], [(1, "started", 0), (1, "ended", 0)])


def test_samples_are_not_copied() -> None:
    prompt = b"a" * 1600
    queue = PlayQueue(SILENCE)
    queue.add(Playback(1, prompt, 1, 0))
    for _ in range(10):
        packet = queue.take()
        assert isinstance(packet, memoryview)
        assert packet.obj is prompt


def test_another_codec_has_another_silence() -> None:
    queue = PlayQueue(SILENCE)
    queue.set_silence(0xD5)
    queue.add(Playback(1, b"a", 1, 0))
    assert drain(queue)[0] == [b"a" + b"\xd5" * 159]


playbacks = st.lists(
    st.tuples(st.integers(0, 700), st.integers(1, 3), st.integers(0, 500)), max_size=6
)


@given(playbacks)
def test_what_is_played_is_what_was_queued(parts: list[tuple[int, int, int]]) -> None:
    queue = PlayQueue(SILENCE)
    wanted = b""
    edges: list[tuple[int, int]] = []
    for number, (length, repetition, pause) in enumerate(parts):
        octets = bytes([65 + number]) * length
        queue.add(Playback(number, octets, repetition, pause))
        begin = len(wanted)
        if octets:
            wanted += (bytes([SILENCE]) * pause).join([octets] * repetition)
        edges.append((begin, len(wanted)))
    packets, notes = drain(queue)
    played = b"".join(packets)
    assert played[: len(wanted)] == wanted
    assert set(played[len(wanted) :]) <= {SILENCE}
    assert len(played) - len(wanted) < 160
    assert {len(p) for p in packets} <= {160}
    assert [n for n, what, _ in notes if what == "started"] == list(range(len(parts)))
    assert [n for n, what, _ in notes if what == "ended"] == list(range(len(parts)))
    for number, what, packet in notes:
        begin, end = edges[number]
        if begin == end:
            continue
        assert packet == (begin // 160 if what == "started" else (end - 1) // 160)
    assert not queue


@given(playbacks, st.integers(0, 5), st.integers(0, 12))
def test_removing_one_keeps_the_others(
    parts: list[tuple[int, int, int]], removed: int, after: int
) -> None:
    queue = PlayQueue(SILENCE)
    for number, (length, repetition, pause) in enumerate(parts):
        queue.add(Playback(number, bytes([65 + number]) * length, repetition, pause))
    for _ in range(after):
        queue.take()
    queue.ended.clear()
    left = queue.waiting
    dropped = queue.remove(removed)
    assert dropped in ([], [removed])
    assert queue.waiting == left - len(dropped)
    packets, notes = drain(queue)
    if dropped:
        assert bytes([65 + removed]) not in b"".join(packets)
    assert len([n for n, what, _ in notes if what == "ended"]) == left - len(dropped)


def test_removing_all_says_which() -> None:
    queue = PlayQueue(SILENCE)
    for number in range(3):
        queue.add(Playback(number, b"a" * 1000, 1, 0))
    queue.take()
    assert queue.remove(None) == [0, 1, 2]
    assert queue.take() is None
