"""Draw the pictures of all Mermaid blocks of the pages: ``python scripts/diagrams.py``.

A picture is ``docs/images/diagrams/DIGEST.svg``, named by the digest of its block's text, so that a
changed block has no picture until this has run. The site shows the picture, because Mermaid itself would
need a large script; the text stays in the page for other readers. State diagrams and flowcharts are laid
out by Graphviz (``apt-get install graphviz``), sequence diagrams here. Colours are classes of the site's
style sheet.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from html import escape
from pathlib import Path

from offhook.docs_site.drawing_pages import DIAGRAMS, diagram_name
from offhook.docs_site.reading import read_page
from offhook.docs_site.sources import page_names

ROOT = Path(__file__).parents[1]
SCALE = 72.0
"""Points in Graphviz's inch."""
FONT = 13
LABEL_WIDTH = 26
"""Characters of a line of an edge's label."""
LANE, ROW, HEAD = 150, 36, 44
"""Of sequence diagrams: between two participants, between two messages, height of a participant's box."""

Box = tuple[float, float, float, float]
"""Left, top, width, height."""


def blocks() -> Iterator[str]:
    """Every Mermaid block of every page."""
    for name in page_names(ROOT):
        for token in read_page(ROOT, name).tokens:
            if token.type == "fence" and token.info.strip() == "mermaid":
                yield token.content


def draw(source: str) -> str:
    """The SVG of one block. Raises ``ValueError`` for a kind of diagram that is not known."""
    kind, *lines = [line.strip() for line in source.strip().splitlines() if line.strip()]
    if kind == "sequenceDiagram":
        return sequence(lines)
    if kind == "stateDiagram-v2":
        return laid_out(state_graph(lines))
    if kind.startswith("flowchart"):
        return laid_out(flow_graph(kind.split()[1], lines))
    raise ValueError(f"no drawing for {kind!r}")


def svg(width: float, height: float, shapes: list[str]) -> str:
    """A picture of the given size in points."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'role="img" font-family="system-ui, sans-serif" font-size="{FONT}">'
    )
    return "\n".join([head, *shapes, "</svg>", ""])


def words(x: float, y: float, text: str, kind: str = "", anchor: str = "middle") -> list[str]:
    """Lines of text centred around a point."""
    lines = text.split("\n")
    top = y - (len(lines) - 1) * (FONT + 2) / 2 + FONT * 0.35
    named = f' class="{kind}"' if kind else ""
    return [
        f'<text{named} x="{x:.1f}" y="{top + at * (FONT + 2):.1f}" text-anchor="{anchor}">'
        f"{escape(line)}</text>"
        for at, line in enumerate(lines)
    ]


def box(place: Box, kind: str = "node") -> str:
    """A rounded rectangle."""
    left, top, width, height = place
    return (
        f'<rect class="{kind} soft" fill="#fff" stroke="#0b5cad" x="{left:.1f}" y="{top:.1f}" '
        f'width="{width:.1f}" height="{height:.1f}" rx="7"/>'
    )


def head(x: float, y: float, dx: float, dy: float) -> str:
    """The head of an arrow that comes from (-dx, -dy)."""
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    ux, uy = dx / length * 8, dy / length * 8
    points = [(x, y), (x - ux - uy / 2, y - uy + ux / 2), (x - ux + uy / 2, y - uy - ux / 2)]
    drawn = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
    return f'<polygon class="head" fill="#525b66" points="{drawn}"/>'


# --- state diagrams and flowcharts


def state_graph(lines: list[str]) -> str:
    """``A --> B: why`` in the language of Graphviz."""
    dot = ["digraph { rankdir=TB; nodesep=0.5; ranksep=0.55;"]
    for line in lines:
        matched = re.fullmatch(r"(\S+) --> (\S+?)(?:: (.*))?", line)
        if matched is None:
            raise ValueError(f"not understood: {line}")
        tail, to, why = matched.groups()
        names = ["[begin]" if tail == "[*]" else tail, "[end]" if to == "[*]" else to]
        wrapped = "\n".join(textwrap.wrap(why or "", LABEL_WIDTH))
        dot.append(f"{quoted(names[0])} -> {quoted(names[1])} [label={quoted(wrapped)}];")
    return "\n".join([*dot, "}"])


def flow_graph(direction: str, lines: list[str]) -> str:
    """``A[words] -->|why| B[words]`` in the language of Graphviz."""
    dot = [
        f"digraph {{ rankdir={'TB' if direction == 'TD' else direction}; nodesep=0.4; ranksep=0.6;"
    ]
    node = r"(\w+)(?:\[([^\]]+)\])?"
    for line in lines:
        matched = re.fullmatch(rf"{node}(?: -->(?:\|([^|]*)\|)? {node})?", line)
        if matched is None:
            raise ValueError(f"not understood: {line}")
        one, one_words, why, other, other_words = matched.groups()
        for name, label in ((one, one_words), (other, other_words)):
            if label:
                dot.append(f"{quoted(name)} [label={quoted(label.replace('<br>', chr(10)))}];")
        if other:
            wrapped = "\n".join(textwrap.wrap(why or "", LABEL_WIDTH))
            dot.append(f"{quoted(one)} -> {quoted(other)} [label={quoted(wrapped)}];")
    return "\n".join([*dot, "}"])


def quoted(text: str) -> str:
    """A string of Graphviz."""
    return '"' + text.replace('"', "'").replace("\n", "\\n") + '"'


def laid_out(dot: str) -> str:
    """A graph as Graphviz places it, drawn here."""
    options = [f"-Nfontsize={FONT}", f"-Efontsize={FONT}", "-Nshape=box", "-Nfontname=Helvetica"]
    command = ["dot", "-Tplain", *options, "-Efontname=Helvetica", "-Nmargin=0.16,0.09"]
    command.append("-Earrowhead=none")  # so that a line ends at its box; the head is drawn here
    done = subprocess.run(command, input=dot, capture_output=True, text=True, check=True)
    width = height = 0.0
    edges: list[str] = []
    nodes: list[str] = []
    for line in done.stdout.replace("\\\n", "").splitlines():
        kind, *rest = shlex.split(line.replace("\\n", "\v"))
        if kind == "graph":
            width, height = (float(value) * SCALE for value in rest[1:3])
        elif kind == "node":
            nodes += _node(rest, height)
        elif kind == "edge":
            edges += _edge(rest, height)
    return svg(width + 8, height + 8, ['<g transform="translate(4 4)">', *edges, *nodes, "</g>"])


def _node(rest: list[str], height: float) -> list[str]:
    name, label = rest[0], rest[5].replace("\v", "\n")
    x, y, wide, high = (float(value) * SCALE for value in rest[1:5])
    y = height - y
    if name in ("[begin]", "[end]"):
        dot = f'<circle class="head" fill="#525b66" cx="{x:.1f}" cy="{y:.1f}" r="6"/>'
        ring = (
            f'<circle class="edge" fill="none" stroke="#525b66" cx="{x:.1f}" cy="{y:.1f}" r="10"/>'
        )
        return [dot] if name == "[begin]" else [dot, ring]
    return [box((x - wide / 2, y - high / 2, wide, high)), *words(x, y, label)]


def _edge(rest: list[str], height: float) -> list[str]:
    count = int(rest[2])
    numbers = [float(value) * SCALE for value in rest[3 : 3 + 2 * count]]
    points = [(numbers[at], height - numbers[at + 1]) for at in range(0, 2 * count, 2)]
    start, *curve = points
    path = f"M{start[0]:.1f},{start[1]:.1f}C" + " ".join(f"{x:.1f},{y:.1f}" for x, y in curve)
    (bx, by), (x, y) = points[-2], points[-1]
    shapes = [
        f'<path class="edge" fill="none" stroke="#525b66" d="{path}"/>',
        head(x, y, x - bx, y - by),
    ]
    left = rest[3 + 2 * count :]
    if len(left) == 5:
        at = [float(value) * SCALE for value in left[1:3]]
        shapes += words(at[0], height - at[1], left[0].replace("\v", "\n"), "said")
    return shapes


# --- sequence diagrams


def sequence(lines: list[str]) -> str:
    """Participants as columns, messages as arrows from one to the other, one below the other."""
    lanes: dict[str, str] = {}
    messages = []
    for line in lines:
        if matched := re.fullmatch(r"participant (\w+) as (.+)", line):
            lanes[matched[1]] = matched[2]
        elif matched := re.fullmatch(r"(\w+)(-{1,2}>>)(\w+): (.+)", line):
            messages.append((matched[1], matched[3], matched[4], matched[2].startswith("--")))
        elif matched := re.fullmatch(r"Note over (\w+): (.+)", line):
            messages.append((matched[1], matched[1], matched[2], False))
        else:
            raise ValueError(f"not understood: {line}")
    middle = {name: LANE * (at + 0.5) for at, name in enumerate(lanes)}
    bottom = HEAD + ROW * (len(messages) + 0.8)
    shapes = []
    for name, label in lanes.items():
        x = middle[name]
        shapes.append(f'<path class="life" stroke="#d5dbe2" d="M{x},{HEAD}V{bottom:.0f}"/>')
        shapes.append(box((x - LANE * 0.42, 4, LANE * 0.84, HEAD - 12)))
        shapes += words(x, 4 + (HEAD - 12) / 2, label)
    for at, message in enumerate(messages):
        shapes += _message(middle, HEAD + ROW * (at + 0.9), *message)
    return svg(LANE * len(lanes), bottom + 4, shapes)


def _message(
    middle: dict[str, float], y: float, one: str, other: str, text: str, answer: bool
) -> list[str]:
    x, to = middle[one], middle[other]
    if one == other:
        wide = min(LANE * 1.6, 16 + 6.8 * len(text))
        return [box((x - wide / 2, y - 13, wide, 24), "life"), *words(x, y - 1, text, "said")]
    dashes = ' stroke-dasharray="5 4"' if answer else ""
    line = f'<path class="edge" stroke="#525b66"{dashes} d="M{x},{y:.0f}H{to}"/>'
    return [line, head(to, y, to - x, 0), *words((x + to) / 2, y - 9, text)]


def main() -> int:
    """Draw what has no picture; remove pictures that no page has."""
    folder = ROOT / DIAGRAMS
    folder.mkdir(parents=True, exist_ok=True)
    everything = "--all" in sys.argv
    wanted = {diagram_name(source): source for source in blocks()}
    for file in folder.glob("*.svg"):
        if file.name not in wanted:
            file.unlink()
    for name, source in wanted.items():
        if everything or not (folder / name).exists():
            (folder / name).write_text(draw(source), "utf-8")
            print(folder.relative_to(ROOT) / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
