"""Two ways of telling one key press count once (spec/execution.md, DTMF)."""

from __future__ import annotations

import pytest

from offhook.session.dtmf import WINDOW, DtmfDeduplicator

Report = tuple[str, float, str]


@pytest.mark.parametrize(
    ("reports", "new"),
    [
        pytest.param([("1", 0, "media"), ("1", 0.1, "info")], "1", id="media then info"),
        pytest.param([("1", 0, "info"), ("1", 0.1, "media")], "1", id="info then media"),
        pytest.param([("1", 0, "media"), ("1", 0.2, "media")], "11", id="pressed twice"),
        pytest.param(
            [("1", 0, "media"), ("1", 0.1, "info"), ("1", 0.2, "media"), ("1", 0.3, "info")],
            "11",
            id="pressed twice, told both ways",
        ),
        pytest.param(
            [("1", 0, "media"), ("1", 0.2, "media"), ("1", 0.3, "info"), ("1", 0.4, "info")],
            "11",
            id="pressed twice, one way late",
        ),
        pytest.param([("1", 0, "media"), ("2", 0.1, "info")], "12", id="different keys"),
        pytest.param(
            [("1", 0, "media"), ("1", WINDOW + 0.1, "info")], "11", id="too late to be the same"
        ),
        pytest.param(
            [("1", 0, "info"), ("2", 0.1, "info"), ("1", 0.2, "media"), ("2", 0.3, "media")],
            "12",
            id="a whole way lags",
        ),
    ],
)
def test_each_press_counts_once(reports: list[Report], new: str) -> None:
    merger = DtmfDeduplicator()
    assert "".join(key for key, at, way in reports if merger.is_new(key, at, way)) == new


def test_memory_is_bounded() -> None:
    merger = DtmfDeduplicator()
    for number in range(10_000):
        assert merger.is_new("5", number * 0.0001, "media")
    assert len(merger._recent) <= 64
