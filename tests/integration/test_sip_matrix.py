"""Every scenario of ``sipp/``, played by real SIPp against our endpoint: events and wire as they must be."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.integration.sip_flow import FLOWS, crossed, load, planned, play

FINAL = [300, 400, 403, 404, 408, 410, 480, 484, 486, 487, 488, 500, 501, 502, 503, 504, 600, 603]
FINAL += [604, 606]
BY_STATUS = {
    "callee-refuse": FINAL,
    "caller-refused": [302, 404, 480, 486, 488, 503, 603],
}
CASES = [
    pytest.param(path.stem, status, id=path.stem if status is None else f"{path.stem}-{status}")
    for path in sorted(FLOWS.glob("*.flow"))
    for status in BY_STATUS.get(path.stem, [None])
]

pytestmark = pytest.mark.skipif(shutil.which("sipp") is None, reason="sipp is not installed")


def test_there_are_enough_scenarios() -> None:
    assert len({case.values[0] for case in CASES}) >= 40


@pytest.mark.parametrize(("name", "status"), CASES)
async def test_scenario(name: str, status: int | None, tmp_path: Path) -> None:
    flow = load(FLOWS / f"{name}.flow", status)
    player = await play(flow, tmp_path)
    assert player.events == flow.expect
    assert crossed(player) == planned(flow)
    for word, text in flow.checks:
        sent = [data.decode("utf-8", "replace") for w, data in player.wire if w == word]
        assert any(text in message for message in sent), f"{text} in no {word}: {sent}"
