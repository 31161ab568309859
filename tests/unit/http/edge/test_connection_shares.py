"""Who keeps a connection, and which one goes when there are too many."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from offhook.http.edge.connection_shares import ConnectionShares, Stage

ATTACKER, OTHER = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def shares() -> ConnectionShares[int]:
    return ConnectionShares(total=10, per_address=6, half_open_per_address=4)


@pytest.fixture
def numbers() -> Iterator[int]:
    return count(1)


def arrive(
    shares: ConnectionShares[int], numbers: Iterator[int], address: str | None
) -> int | None:
    """Let the next connection arrive; 0 where it is refused itself."""
    number = next(numbers)
    goes = shares.arrive(number, address)
    return 0 if goes == number else goes


def test_the_oldest_silent_connection_of_an_address_goes_when_its_share_is_full(
    shares: ConnectionShares[int], numbers: Iterator[int]
) -> None:
    assert [arrive(shares, numbers, ATTACKER) for _ in range(6)] == [None] * 4 + [1, 2]
    assert len(shares) == 4


def test_a_silent_connection_goes_before_a_half_open_one(
    shares: ConnectionShares[int], numbers: Iterator[int]
) -> None:
    for _ in range(4):
        arrive(shares, numbers, ATTACKER)
    shares.move(1, Stage.HALF_OPEN)
    assert arrive(shares, numbers, ATTACKER) == 2
    for silent in (3, 4, 5):
        shares.move(silent, Stage.HALF_OPEN)
    assert arrive(shares, numbers, ATTACKER) == 1


def test_busy_connections_do_not_count_as_half_open_and_never_go(
    shares: ConnectionShares[int], numbers: Iterator[int]
) -> None:
    for number in range(1, 7):
        assert arrive(shares, numbers, ATTACKER) is None
        shares.move(number, Stage.BUSY)
    assert arrive(shares, numbers, ATTACKER) == 0
    assert arrive(shares, numbers, OTHER) is None


def test_an_attacker_leaves_room_for_the_others(
    shares: ConnectionShares[int], numbers: Iterator[int]
) -> None:
    for _ in range(4200):
        arrive(shares, numbers, ATTACKER)
    assert [arrive(shares, numbers, OTHER) for _ in range(4)] == [None] * 4


def test_when_all_are_taken_the_oldest_silent_one_of_anybody_goes(
    shares: ConnectionShares[int], numbers: Iterator[int]
) -> None:
    for number in range(10):
        arrive(shares, numbers, f"192.0.2.{number + 10}")
    shares.move(1, Stage.BUSY)
    assert arrive(shares, numbers, OTHER) == 2
    for number in range(2, 12):
        shares.move(number, Stage.BUSY)
    assert arrive(shares, numbers, OTHER) == 0
    shares.leave(5)
    assert arrive(shares, numbers, OTHER) is None


def test_a_proxy_has_no_share_but_counts_among_all(
    shares: ConnectionShares[int], numbers: Iterator[int]
) -> None:
    assert [arrive(shares, numbers, None) for _ in range(11)] == [None] * 10 + [1]


def test_nothing_is_remembered_of_connections_that_have_left(
    shares: ConnectionShares[int], numbers: Iterator[int]
) -> None:
    for _ in range(100):
        arrive(shares, numbers, ATTACKER)
    for number in range(1, 101):
        shares.leave(number)
        shares.leave(number)
    assert len(shares) == 0
    assert not shares._by_address
