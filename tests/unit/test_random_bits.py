"""Random numbers from the stock: their range, that none is given out twice, and that a child process
does not repeat those of its parent."""

from __future__ import annotations

import os
import random
import threading

import pytest

from offhook.random_bits import WIDTH, StockRandom, random_bits


@pytest.mark.parametrize("count", [0, 1, 15, 32, 64, WIDTH])
def test_a_number_has_no_more_bits_than_asked(count: int) -> None:
    numbers = [random_bits(count) for _ in range(600)]
    assert all(0 <= number < 1 << count for number in numbers)
    together = 0
    for number in numbers:
        together |= number
    assert together == (1 << count) - 1, "every bit is set in some number"


@pytest.mark.parametrize("count", [-1, WIDTH + 1])
def test_other_counts_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="80"):
        random_bits(count)


def test_threads_never_get_the_same_number() -> None:
    drawn: list[list[int]] = [[] for _ in range(4)]

    def draw(mine: list[int]) -> None:
        mine.extend(random_bits(WIDTH) for _ in range(5_000))

    threads = [threading.Thread(target=draw, args=(mine,)) for mine in drawn]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({number for mine in drawn for number in mine}) == 20_000


def test_a_child_process_does_not_repeat_the_numbers_of_its_parent() -> None:
    random_bits(WIDTH)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, f"{random_bits(WIDTH):020x}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(reading, 20), 16) not in {random_bits(WIDTH) for _ in range(600)}


def test_it_serves_code_that_takes_a_random_object() -> None:
    rng: random.Random = StockRandom()
    assert {rng.randint(0, 3) for _ in range(200)} == {0, 1, 2, 3}
    assert rng.getrandbits(200).bit_length() > WIDTH
