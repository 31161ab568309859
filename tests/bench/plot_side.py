"""A table and a picture of runs of the same calls through Offhook and through Asterisk.

Run with ``python -m tests.bench.plot_side RESULTS [--picture side.png]``. RESULTS is the file with one JSON
object a line that the comparison (``peer/side.sh``) writes. The medians of repeated runs are printed as a
table; the picture is drawn as SVG, and by Chromium as PNG where ``--picture`` ends so.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

Row = dict[str, Any]

OFFHOOK, DIALPLAN, PROGRAM = "Offhook", "Asterisk, dialplan", "Asterisk, program over ARI"
SERVERS: Final = (OFFHOOK, DIALPLAN, PROGRAM)
COLOURS: Final = {OFFHOOK: "#0b6e4f", DIALPLAN: "#c84630", PROGRAM: "#e39b2d"}
WIDTH, HEIGHT, MARGIN = 360, 260, 52
COLUMNS: Final = (
    ("CPU ms per call", "cpu"),
    ("packets over 5 ms off, %", "late5"),
    ("KiB per call", "rss_kb_per_call"),
    ("ACK to packet ms", "ack_rtp_ms"),
    ("key to packet ms", "digit_rtp_ms"),
    ("lost packets", "lost_worst"),
    ("others' cores", "others_cores"),
)


class Panel(NamedTuple):
    """One diagram: a figure over the calls at once."""

    title: str
    field: str


PANELS: Final = (
    Panel("CPU per call, ms", "cpu"),
    Panel("packets over 5 ms off, %", "late5"),
    Panel("memory per call, KiB", "rss_kb_per_call"),
)

Medians = dict[tuple[str, int], dict[str, float]]


def server_of(row: Row) -> str:
    """Which server a run measured."""
    if "parts" in row:
        return OFFHOOK
    return PROGRAM if "helper" in row else DIALPLAN


def cpu_of(row: Row) -> float:
    """Milliseconds of CPU for a call, the program that drives Asterisk included."""
    own = float(row["ast_ms_per_call"])
    if server_of(row) != PROGRAM:
        return own
    return own + 1000 * float(row["app_cores"]) / max(0.001, float(row["cps"]))


def medians(rows: Sequence[Row]) -> Medians:
    """Of all runs of one server with as many calls at once."""
    groups: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in rows:
        groups[server_of(row), int(row["arg"])].append({**row, "cpu": cpu_of(row)})
    return {
        key: {
            "runs": len(group),
            "ok": sum(int(row["ok"]) for row in group),
            "failed": sum(int(row["wanted"]) - int(row["ok"]) for row in group),
            **{
                field: statistics.median(float(row[field]) for row in group if field in row)
                for _, field in COLUMNS
                if any(field in row for row in group)
            },
        }
        for key, group in groups.items()
    }


def table(found: Medians) -> str:
    """In Markdown."""
    lines = [
        "| calls | server | runs | not completed | " + " | ".join(t for t, _ in COLUMNS) + " |",
        "| --- " * (4 + len(COLUMNS)) + "|",
    ]
    for calls in sorted({calls for _, calls in found}):
        for server in SERVERS:
            if (figures := found.get((server, calls))) is None:
                continue
            cells = [f"{figures[f]:.4g}" if f in figures else "" for _, f in COLUMNS]
            whole = f"{figures['failed']:.0f} of {figures['ok'] + figures['failed']:.0f}"
            lines.append(
                f"| {calls} | {server} | {figures['runs']:.0f} | {whole} | {' | '.join(cells)} |"
            )
    return "\n".join(lines)


def picture(found: Medians) -> str:
    """As SVG: one panel beside the other, a legend below."""
    width = WIDTH * len(PANELS)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT + 40}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{HEIGHT + 40}" fill="white"/>',
    ]
    for number, panel in enumerate(PANELS):
        parts += drawn(found, panel, number * WIDTH)
    for number, server in enumerate(SERVERS):
        x = MARGIN + number * 220
        parts.append(
            f'<rect x="{x}" y="{HEIGHT + 12}" width="12" height="12" fill="{COLOURS[server]}"/>'
        )
        parts.append(f'<text x="{x + 18}" y="{HEIGHT + 23}">{server}</text>')
    return "\n".join([*parts, "</svg>"])


def drawn(found: Medians, panel: Panel, left: int) -> list[str]:
    """One panel, its left edge at ``left``."""
    loads = sorted({calls for _, calls in found})
    values = [figures[panel.field] for figures in found.values() if panel.field in figures]
    most = max([*values, 1e-9]) * 1.1
    low, top, bottom = left + MARGIN, 36, HEIGHT - 34
    across = (WIDTH - MARGIN - 20) / max(1, len(loads) - 1)

    def place(calls: int, value: float) -> tuple[float, float]:
        return low + loads.index(calls) * across, bottom - (bottom - top) * value / most

    parts = [f'<text x="{low}" y="20" font-weight="bold">{panel.title}</text>']
    for step in range(5):
        y = bottom - (bottom - top) * step / 4
        parts.append(f'<path d="M{low} {y:.1f}H{left + WIDTH - 16}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{low - 6}" y="{y + 4:.1f}" text-anchor="end">{most * step / 4:.3g}</text>'
        )
    for calls in loads:
        x, _ = place(calls, 0)
        parts.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{calls}</text>')
    for server in SERVERS:
        points = [
            place(calls, found[server, calls][panel.field])
            for calls in loads
            if panel.field in found.get((server, calls), {})
        ]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{COLOURS[server]}" stroke-width="2"/>'
        )
        parts += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{COLOURS[server]}"/>'
            for x, y in points
        ]
    return parts


def write(svg: str, path: Path) -> None:
    """The picture, as PNG where the name ends so."""
    if path.suffix != ".png":
        path.write_text(svg)
        return
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "picture.svg"
        source.write_text(svg)
        size = f"--window-size={WIDTH * len(PANELS)},{HEIGHT + 40}"
        options = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={name}/profile")
        subprocess.run(
            ["chromium", *options, size, f"--screenshot={path.resolve()}", source.as_uri()],
            check=True,
            capture_output=True,
            timeout=60,
        )


def main() -> int:
    """Print the table and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.results.read_text().splitlines() if line]
    found = medians([row for row in rows if row.get("case") == "in" and "ast_ms_per_call" in row])
    print(table(found))
    if options.picture is not None:
        write(picture(found), options.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
