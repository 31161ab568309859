"""The play queue: samples in order, no gap, no packet too many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.media.playout import LoadedSound, PlayQueue, QueuedPlayback, RepeatedTone
from offhook.negotiated import LAWS, Codec


def in_all(octets: bytes) -> LoadedSound:
    """A sound that has these octets in every codec."""
    return LoadedSound(dict.fromkeys(LAWS, octets))


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
    assert drain(PlayQueue(Codec.PCMU)) == ([], [])


def test_a_playback_ends_with_its_last_packet() -> None:
    queue = PlayQueue(Codec.PCMU)
    queue.add(QueuedPlayback(1, in_all(b"a" * 320), 1, 0))
    packets, notes = drain(queue)
    assert packets == [b"a" * 160] * 2
    assert notes == [(1, "started", 0), (1, "ended", 1)]


def test_an_empty_playback_starts_and_ends_without_a_packet() -> None:
    queue = PlayQueue(Codec.PCMU)
    queue.add(QueuedPlayback(1, in_all(b""), 3, 4000))
    assert drain(queue) == ([], [(1, "started", 0), (1, "ended", 0)])


def test_samples_are_not_copied() -> None:
    prompt = b"a" * 1600
    queue = PlayQueue(Codec.PCMU)
    queue.add(QueuedPlayback(1, in_all(prompt), 1, 0))
    for _ in range(10):
        packet = queue.take()
        assert isinstance(packet, memoryview)
        assert packet.obj is prompt


def test_another_codec_has_another_silence() -> None:
    queue = PlayQueue(Codec.PCMU)
    queue.set_packets(Codec.PCMA, 160)
    queue.add(QueuedPlayback(1, in_all(b"a"), 1, 0))
    assert drain(queue)[0] == [b"a" + b"\xd5" * 159]


playbacks = st.lists(
    st.tuples(st.integers(0, 700), st.integers(1, 3), st.integers(0, 500)), max_size=6
)


@given(playbacks)
def test_what_is_played_is_what_was_queued(parts: list[tuple[int, int, int]]) -> None:
    queue = PlayQueue(Codec.PCMU)
    wanted = b""
    edges: list[tuple[int, int]] = []
    for number, (length, repetition, pause) in enumerate(parts):
        octets = bytes([65 + number]) * length
        queue.add(QueuedPlayback(number, in_all(octets), repetition, pause))
        begin = len(wanted)
        if octets:
            wanted += (b"\xff" * pause).join([octets] * repetition)
        edges.append((begin, len(wanted)))
    packets, notes = drain(queue)
    played = b"".join(packets)
    assert played[: len(wanted)] == wanted
    assert set(played[len(wanted) :]) <= {0xFF}
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
    queue = PlayQueue(Codec.PCMU)
    for number, (length, repetition, pause) in enumerate(parts):
        queue.add(QueuedPlayback(number, in_all(bytes([65 + number]) * length), repetition, pause))
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
    queue = PlayQueue(Codec.PCMU)
    for number in range(3):
        queue.add(QueuedPlayback(number, in_all(b"a" * 1000), 1, 0))
    queue.take()
    assert queue.remove(None) == [0, 1, 2]
    assert queue.take() is None


def test_after_a_playback_that_was_removed_in_its_pause_the_next_begins_at_once() -> None:
    queue = PlayQueue(Codec.PCMU)
    queue.add(QueuedPlayback(1, in_all(b"a" * 160), 2, 1600))
    queue.add(QueuedPlayback(2, in_all(b"b" * 160), 1, 0))
    packets = [bytes(queue.take() or b"") for _ in range(3)]
    assert packets == [b"a" * 160, b"\xff" * 160, b"\xff" * 160]
    queue.remove(1)
    assert drain(queue)[0] == [b"b" * 160]


def test_a_playback_goes_on_in_another_codec_where_it_is() -> None:
    queue = PlayQueue(Codec.PCMU)
    sound = LoadedSound({Codec.PCMU: b"u" * 400, Codec.PCMA: b"a" * 400})
    queue.add(QueuedPlayback(1, sound, 2, 80))
    first = bytes(queue.take() or b"")
    queue.set_packets(Codec.PCMA, 160)
    rest = b"".join(drain(queue)[0])
    assert first == b"u" * 160
    assert rest == b"a" * 240 + b"\xd5" * 80 + b"a" * 400 + b"\xd5" * 80


@pytest.mark.parametrize("octets", [80, 240, 480])
def test_packets_may_have_another_length(octets: int) -> None:
    queue = PlayQueue(Codec.PCMU)
    queue.set_packets(Codec.PCMU, octets)
    queue.add(QueuedPlayback(1, in_all(b"a" * 1000), 2, 80))
    queue.add(QueuedPlayback(2, in_all(b"b" * 1000), 1, 0))
    packets, _ = drain(queue)
    assert {len(packet) for packet in packets} == {octets}
    heard = b"".join(packets)
    sounds = b"a" * 1000 + b"\xff" * 80 + b"a" * 1000 + b"b" * 1000
    assert heard == sounds + b"\xff" * (len(heard) - len(sounds))
    tone = RepeatedTone(in_all(b"u" * 100), octets - 100)
    assert bytes(tone.take(Codec.PCMU, octets)) == (b"u" * 100 + b"\xff" * 380)[:octets]


def test_a_sound_of_the_engines_own_is_not_told_of() -> None:
    queue = PlayQueue(Codec.PCMU)
    queue.add(QueuedPlayback(-1, in_all(b"a" * 160), 1, 0))
    assert drain(queue) == ([b"a" * 160], [])
    queue.add(QueuedPlayback(-1, in_all(b"a" * 160), 1, 0))
    assert queue.remove(None) == []


def test_a_repeated_tone_pauses_and_begins_again() -> None:
    tone = RepeatedTone(LoadedSound({Codec.PCMU: b"u" * 240, Codec.PCMA: b"a" * 240}), 240)
    heard = b"".join(bytes(tone.take(Codec.PCMU, 160)) for _ in range(4))
    assert heard == b"u" * 240 + b"\xff" * 240 + b"u" * 160
    assert bytes(tone.take(Codec.PCMA, 160)) == b"a" * 80 + b"\xd5" * 80
    tone.restart()
    assert bytes(tone.take(Codec.PCMA, 160)) == b"a" * 160
