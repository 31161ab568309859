"""The README's pictures: two of the console, and the recording of a real run of the demo."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from offhook.testbed.demo import TEXT

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()
RECORDING = ROOT / "docs" / "images" / "demo.svg"


def lines() -> list[str]:
    svg = ElementTree.fromstring(RECORDING.read_bytes())
    return [element.text or "" for element in svg.iter("{http://www.w3.org/2000/svg}text")]


def test_the_readme_shows_two_pictures_of_the_console_and_the_recording() -> None:
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert len([name for name in shown if name.startswith("docs/images/console-")]) == 2
    assert "docs/images/demo.svg" in shown
    assert all((ROOT / name).is_file() for name in shown)


@pytest.mark.parametrize(
    "said",
    [
        "$ make demo",
        "1 Created: session",
        "the phone rings (180)",
        "the phone answers (200)",
        "say ends: spoken",
        "the session is COMPLETED",
        '"sessionStatus": "COMPLETED"',
        "What the phone heard",
    ],
)
def test_the_recording_tells_what_the_demo_tells(said: str) -> None:
    assert any(said in line for line in lines()), "run scripts/demo_recording.py"


def test_the_recording_is_small_plays_ten_seconds_and_runs_nothing() -> None:
    text = RECORDING.read_text()
    assert len(text) < 40_000
    assert TEXT not in text  # it is heard, not printed
    assert "<script" not in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "").replace(
        "http://127.0.0.1", ""
    )
    lasts = {float(found) for found in re.findall(r"animation:\w+ ([\d.]+)s", text)}
    assert len(lasts) == 1
    assert 8 <= lasts.pop() <= 14
    assert "prefers-reduced-motion" in text
