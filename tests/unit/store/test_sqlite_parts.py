"""Batches of rows as statements of few sizes: SQLite keeps each prepared statement."""

from __future__ import annotations

from offhook.store.sqlite.connection import SIZES, parts


def sizes_of(rows: int) -> list[int]:
    return [len(part) for part in parts([(row,) for row in range(rows)])]


def test_the_rows_stay_whole_and_in_order() -> None:
    for count in range(300):
        rows = [(row,) for row in range(count)]
        assert [row for part in parts(rows) for row in part] == rows


def test_batches_of_every_length_need_few_different_statements() -> None:
    used = {size for count in range(1, 1_000) for size in sizes_of(count)}
    assert used == set(SIZES)


def test_a_batch_takes_a_few_statements() -> None:
    assert max(len(sizes_of(count)) for count in range(1, 65)) <= 3
    assert sizes_of(5) == [4, 1]
    assert sizes_of(200) == [64, 64, 64, 8]
