"""Frames in true time: jitter, clock drift, pauses, losses, senders that count anew."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from operator import mul

import numpy as np

from offhook.recording.placement import Arrivals, Join, Placed, places

START = 4_294_960_000
TEN_MINUTES = 30_000


def stream(
    numbers: list[int],
    *,
    delay: Callable[[int], int] = lambda _number: 0,
    stamp: Callable[[int], int] = lambda number: 160 * number,
    at: Callable[[int], float] = lambda number: 160.0 * number,
) -> Placed:
    """Place packets with these numbers; ``at`` is the true time of each, ``delay`` that of the network."""
    arrivals = [(round(at(number)) + delay(number), number) for number in numbers]
    arrivals.sort(key=lambda pair: pair[0])
    placed = places(
        Arrivals(
            [arrival for arrival, _ in arrivals],
            [(START + stamp(number)) & 0xFFFFFFFF for _, number in arrivals],
            [160] * len(arrivals),
        )
    )
    order = np.argsort([number for _, number in arrivals], kind="stable")
    return Placed(placed.starts[order], placed.samples[order], placed.joins[order])


def jumping(jump: int, number: int) -> int:
    """The timestamp of a sender that jumps at packet 100."""
    return 160 * number + (jump if number >= 100 else 0)


def test_a_steady_stream_stands_sample_by_sample_after_each_other() -> None:
    placed = stream(list(range(100)))
    assert placed.starts.tolist() == [160 * number for number in range(100)]
    assert set(placed.samples.tolist()) == {160}
    assert placed.joins.tolist() == [Join.AFTER, *[Join.BEFORE | Join.AFTER] * 98, Join.BEFORE]


def test_jitter_moves_nothing() -> None:
    luck = random.Random(1)
    delays = [luck.randrange(400) for _ in range(1000)]
    placed = stream(list(range(1000)), delay=delays.__getitem__)
    off = placed.starts - 160 * np.arange(1000)
    assert np.max(abs(off)) <= 40
    assert (np.diff(placed.starts) >= placed.samples[:-1]).all()


def test_a_clock_that_is_wrong_by_a_tenth_of_a_per_mille_is_right_after_ten_minutes() -> None:
    for wrong in (1.0001, 0.9999):
        placed = stream(list(range(TEN_MINUTES)), at=partial(mul, 160 * wrong))
        off = placed.starts - 160 * wrong * np.arange(TEN_MINUTES)
        assert np.max(abs(off)) <= 50
        assert set(placed.samples.tolist()) <= {159, 160, 161}
        gaps = placed.starts[1:] - placed.starts[:-1] - placed.samples[:-1]
        assert (gaps == 0).all(), "corrections leave no gap and no overlap"


def test_lost_packets_leave_a_gap_of_their_length() -> None:
    placed = stream([0, 1, 5, 6])
    assert placed.starts.tolist() == [0, 160, 800, 960]
    assert placed.joins.tolist() == [Join.AFTER, Join.BEFORE, Join.AFTER, Join.BEFORE]


def test_packets_that_overtook_each_other_are_put_in_order() -> None:
    placed = stream(list(range(6)), delay=lambda number: 330 if number == 2 else 0)
    assert placed.starts.tolist() == [160 * number for number in range(6)]


def test_a_network_that_held_everything_back_for_a_second_moves_nothing() -> None:
    def delay(number: int) -> int:
        return max(0, 160 * (150 - number)) if number >= 100 else 0

    placed = stream(list(range(300)), delay=delay)
    assert placed.starts.tolist() == [160 * number for number in range(300)]


def test_a_sender_whose_timestamps_stand_still_in_a_pause_is_heard_at_the_right_time() -> None:
    placed = stream(
        list(range(200)), at=lambda number: 160 * number + (24_000 if number >= 100 else 0)
    )
    assert placed.starts[:100].tolist() == [160 * number for number in range(100)]
    assert placed.starts[100:].tolist() == [160 * number + 24_000 for number in range(100, 200)]


def test_a_sender_whose_timestamps_jump_is_heard_at_the_right_time() -> None:
    for jump in (-800_000, 5_000, 1 << 31):
        placed = stream(
            list(range(200)),
            stamp=partial(jumping, jump),
        )
        assert placed.starts.tolist() == [160 * number for number in range(200)]


def test_nothing_is_nothing() -> None:
    assert len(places(Arrivals([], [], [])).starts) == 0
