"""Record ``make demo`` as docs/images/demo.svg: ``python scripts/demo_recording.py`` (takes one run).

Each line that the real run prints on standard output appears when it was printed; lines printed at once
follow each other by a twentieth of a second, and pauses of more than a second and a half are shortened, so
that the whole takes about ten seconds. The picture is one SVG with styles and no script: repositories and the
documentation's site show it as an image. Whoever has asked for less motion sees the end at once.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from html import escape
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "images" / "demo.svg"
COMMAND = ("make", "--no-print-directory", "demo")
ROWS, COLUMNS = 26, 96
LINE, CHARACTER, MARGIN, BAR = 18.0, 8.0, 14.0, 30.0
"""Pixels: height of a line, width of a character, around the text, the window's bar."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.05, 1.5
LASTS, REST = 10.0, 3.0
"""Seconds: the whole run at the most, and how long its end stays."""


class Line(NamedTuple):
    """A line of the run."""

    at: float
    """Seconds from the beginning."""
    text: str


def run() -> list[Line]:
    """Run the demo; every line with its time. Raises ``CalledProcessError`` where it fails."""
    started = time.monotonic()
    lines = [Line(0.0, "$ make demo")]
    with subprocess.Popen(
        COMMAND,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        bufsize=1,
    ) as process:
        assert process.stdout is not None
        for text in process.stdout:
            shown = text.rstrip("\n").replace(f"{ROOT}/", "")
            lines.append(Line(time.monotonic() - started, shown))
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, COMMAND)
    return lines


def in_time(lines: list[Line]) -> list[Line]:
    """The lines with shorter pauses, and all of it within :data:`LASTS`."""
    at, before, shown = 0.8, lines[0].at, []
    for line in lines[1:]:
        at += max(SHORTEST_PAUSE, min(line.at - before, LONGEST_PAUSE))
        before = line.at
        shown.append(Line(at, line.text))
    factor = min(1.0, LASTS / at)
    return [lines[0], *(Line(line.at * factor, line.text) for line in shown)]


def wrapped(lines: list[Line]) -> list[Line]:
    """Lines as a terminal of so many columns breaks them."""
    return [
        Line(line.at, line.text[start : start + COLUMNS])
        for line in lines
        for start in range(0, max(1, len(line.text)), COLUMNS)
    ]


def picture(lines: list[Line]) -> str:
    """The animated SVG."""
    lasts = lines[-1].at + REST
    width, height = COLUMNS * CHARACTER + 2 * MARGIN, ROWS * LINE + 2 * MARGIN + BAR
    styles, shapes = [], []
    for number, line in enumerate(lines):
        part = line.at / lasts * 100
        if part:
            styles.append(
                f"@keyframes l{number}{{0%{{opacity:0}}{part:.2f}%,100%{{opacity:1}}}}"
                f"#l{number}{{animation:l{number} {lasts:.2f}s step-end infinite}}"
            )
        kind = "c" if line.text.startswith("$") else "t" if " s  " in line.text[:12] else "o"
        top = MARGIN + BAR + (number + 0.75) * LINE
        shapes.append(
            f'<text id="l{number}" class="{kind}" x="{MARGIN:.0f}" y="{top:.0f}">{escape(line.text)}</text>'
        )
    styles.append(scrolling(lines, lasts))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        'role="img" aria-label="A recording of make demo">\n'
        f"<style>{FIXED}{''.join(styles)}{STILL}</style>\n"
        f'<rect class="w" width="100%" height="100%" rx="8"/>{DOTS}\n'
        f'<clipPath id="p"><rect y="{BAR:.0f}" width="{width:.0f}" height="{height - BAR - 6:.0f}"/>'
        "</clipPath>\n"
        f'<g clip-path="url(#p)"><g id="s">\n' + "\n".join(shapes) + "\n</g></g>\n</svg>\n"
    )


def scrolling(lines: list[Line], lasts: float) -> str:
    """The lines move up as soon as the window is full; at the end the last ones are seen."""
    end = -max(0, len(lines) - ROWS) * LINE
    moves = {"0": 0.0}
    for number, line in enumerate(lines[ROWS:], start=1):
        moves[f"{line.at / lasts * 100:.2f}"] = -number * LINE
    moves["100"] = end
    steps = "".join(f"{at}%{{transform:translateY({to:.0f}px)}}" for at, to in moves.items())
    how = f"transform:translateY({end:.0f}px);animation:s {lasts:.2f}s step-end infinite"
    return f"@keyframes s{{{steps}}}#s{{{how}}}"


FIXED = (
    "text{font:13px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre;fill:#d5dbe2}"
    ".w{fill:#12171c}.c{fill:#fff;font-weight:700}.t{fill:#8fd19e}"
)
STILL = "@media (prefers-reduced-motion:reduce){text,#s{animation:none!important}}"
DOTS = "".join(
    f'<circle cx="{18 + at * 18}" cy="16" r="5.5" fill="{colour}"/>'
    for at, colour in enumerate(("#e8695f", "#e6b13d", "#5fb760"))
)


def main() -> int:
    """Record, and write the picture."""
    lines = wrapped(in_time(run()))
    PICTURE.write_text(picture(lines), "utf-8")
    print(f"{PICTURE.relative_to(ROOT)}: {len(lines)} lines, {PICTURE.stat().st_size // 1024} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
