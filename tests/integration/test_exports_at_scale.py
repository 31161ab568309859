"""A million rows: in bounded memory, and the file is what the store holds."""

from __future__ import annotations

import pytest
from tests.bench.bench_exports import measure


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_a_million_rows_take_bounded_memory_and_equal_the_store_after_a_kill_half_way() -> None:
    found = measure(1_000_000, kill_at_row=500_000)
    print(found)
    assert (found["status"], found["state"], found["rows"]) == (0, "succeeded", 1_000_000)
    assert found["file equals store"]
    assert int(str(found["starts"])) > 1, "it was not killed"
    assert int(str(found["peak MiB"])) < 400


def test_ten_thousand_rows_equal_the_store() -> None:
    found = measure(10_000)
    assert (found["status"], found["state"], found["rows"]) == (0, "succeeded", 10_000)
    assert found["file equals store"]
