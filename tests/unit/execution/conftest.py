"""Whatever a test of this folder does, every session must end once, be told once, and leave nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.unit.execution.invariants import check

from offhook.testing import Offhook


@pytest.fixture(autouse=True)
def _sound(offhook: Offhook) -> Iterator[None]:
    yield
    assert offhook.left_behind == []
    for session in offhook.sessions:
        check(session)
