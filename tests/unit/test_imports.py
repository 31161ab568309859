"""Imports point down the layers, and siblings of a layer do not import each other.

The layers are those of ``docs/decisions/layers.md``. What stands in no layer fails the test, so that
somebody decides where a new package belongs.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "offhook"

LAYERS: tuple[frozenset[str], ...] = tuple(
    frozenset(layer.split())
    for layer in (
        "__main__",
        "cli",
        "testing processes commands receiver",
        "http docs_site console webhooks execution campaigns recording reporting testbed webphone "
        "store fabric",
        "telephony speech",
        "sip media session",
        "flow net client",
        "codes events negotiated clock config log aio patterns webhook_secrets faults process_metrics "
        "random_bits",
    )
)
"""From the top down. ``package.module`` is named where a module stands lower than its package."""

BOTTOM = len(LAYERS) - 1
"""Modules of the lowest layer are single files and may use each other."""

FREE = frozenset({"__init__"})
"""The package's own docstring and version."""


def place(module: str) -> tuple[int, str]:
    """The layer of ``a.b.c`` (below ``offhook``) and the member of it. Raises KeyError."""
    parts = module.split(".")
    names = [".".join(parts[:2]), parts[0]] if len(parts) > 1 else [f"{module}.__init__", module]
    for name in names:
        for depth, layer in enumerate(LAYERS):
            if name in layer:
                return depth, name
    raise KeyError(module)


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Every statement below ``tree``; far faster than ``ast.walk``, which goes into each expression."""
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        for statement in getattr(tree, name, ()):
            yield statement
            yield from statements(statement)


@functools.cache
def imported(file: Path, package: str) -> list[tuple[int, str]]:
    """Line and full name of everything of ``offhook`` that a module imports, lazily or not."""
    return list(_imported(ast.parse(file.read_text()), package))


def _imported(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    for node in statements(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "offhook":
                    yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            if base.split(".")[0] == "offhook":
                for alias in node.names:
                    yield node.lineno, f"{base}.{alias.name}"


@functools.cache
def module_of(name: str, source: Path) -> str:
    """``offhook.flow.actions.Say`` as the module below ``offhook`` that it comes from."""
    parts = name.split(".")[1:]
    while parts:
        path = source.joinpath(*parts)
        if path.with_suffix(".py").exists() or (path / "__init__.py").exists() or path.is_dir():
            return ".".join(parts)
        parts.pop()
    return "__init__"


def violations(source: Path) -> list[str]:
    """Every import below ``source`` that points up or sideways, and every file in no layer."""
    found = []
    for file in sorted(source.rglob("*.py")):
        parts = file.relative_to(source).with_suffix("").parts
        here = ".".join(parts)
        if here in FREE:
            continue
        package = ".".join(("offhook", *parts[:-1]))
        try:
            depth, member = place(here)
        except KeyError:
            found.append(f"{here}: stands in no layer")
            continue
        for line, name in imported(file, package):
            target = module_of(name, source)
            if target in FREE:
                continue
            try:
                other_depth, other = place(target)
            except KeyError:
                found.append(f"{here}:{line}: {target} stands in no layer")
                continue
            same_package = member.split(".")[0] == other.split(".")[0]
            sideways = other_depth == depth and other != member and depth != BOTTOM
            if not same_package and (other_depth < depth or sideways):
                found.append(f"{here}:{line}: imports {target}")
    return found


def graph(source: Path) -> dict[str, set[str]]:
    """Which modules below ``source`` each one imports: for types only, and lazily, too."""
    edges: dict[str, set[str]] = {}
    for file in sorted(source.rglob("*.py")):
        parts = file.relative_to(source).with_suffix("").parts
        package = ".".join(("offhook", *parts[:-1]))
        here = ".".join(parts[:-1] if parts[-1] == "__init__" else parts) or "__init__"
        targets = {module_of(name, source) for _, name in imported(file, package)}
        edges[here] = targets - {here}
    return edges


def circles(source: Path) -> list[str]:
    """Groups of modules that import each other, directly or around a corner: ``sip.call sip.core``."""
    edges = graph(source)
    below: dict[str, set[str]] = {}
    for module in edges:
        reached: set[str] = set()
        waiting = [module]
        while waiting:
            for target in edges.get(waiting.pop(), set()) - reached:
                reached.add(target)
                waiting.append(target)
        below[module] = reached
    groups = {
        " ".join(sorted(other for other in below[module] if module in below.get(other, set())))
        for module in edges
        if module in below[module]
    }
    return sorted(groups)


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(SOURCE) == []


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"a/x.py": "import offhook.a.y", "a/y.py": "from offhook.a import x"}, ["a.x a.y"]),
        (
            {
                "a/x.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
                "    from offhook.a.y import Y",
                "a/y.py": "def f():\n    from offhook.a.x import X",
            },
            ["a.x a.y"],
        ),
        (
            {
                "a/x.py": "from . import y",
                "a/y.py": "from .z import Z",
                "a/z.py": "from .x import X",
            },
            ["a.x a.y a.z"],
        ),
        (
            {"a/__init__.py": "from offhook.a.x import X", "a/x.py": "from offhook.a import X"},
            ["a a.x"],
        ),
        (
            {"a/__init__.py": "from offhook.a.x import X", "a/x.py": "from offhook.a import y"},
            ["a a.x"],
        ),
        ({"a/__init__.py": "from offhook.a.x import X", "a/x.py": "import offhook.b.z"}, []),
        ({"a/x.py": "import offhook.b.z", "b/z.py": ""}, []),
    ],
)
def test_what_counts_as_a_circle(tmp_path: Path, files: dict[str, str], found: list[str]) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert circles(tmp_path) == found


def test_imports_point_down() -> None:
    assert violations(SOURCE) == []


@pytest.mark.parametrize(
    ("file", "line", "caught"),
    [
        ("flow/x.py", "import offhook.http.app", "flow.x:1: imports http.app"),
        ("flow/x.py", "from offhook import sip", "flow.x:1: imports sip"),
        (
            "http/x.py",
            "from offhook.webhooks import payloads",
            "http.x:1: imports webhooks.payloads",
        ),
        ("http/x.py", "from ..webhooks import payloads", "http.x:1: imports webhooks.payloads"),
        ("http/x.py", "def f():\n    import offhook.cli", "http.x:2: imports cli"),
        (
            "http/x.py",
            "from offhook.fabric.local import LocalHub",
            "http.x:1: imports fabric.local",
        ),
        ("log.py", "from offhook.net import guard", "log:1: imports net.guard"),
        ("surprise/x.py", "", "surprise.x: stands in no layer"),
        ("http/x.py", "from offhook.surprise import y", "http.x:1: surprise stands in no layer"),
        ("http/x.py", "from offhook.session.ports.record import Store", None),
        ("http/x.py", "from offhook.session.ports.fabric import Fabric", None),
        ("http/x.py", "from . import problems\nimport offhook.session.states", None),
        ("config/file.py", "from offhook.clock import Clock", None),
        ("store/x.py", "from offhook.session.ports.record import Store", None),
    ],
)
def test_what_it_catches(tmp_path: Path, file: str, line: str, caught: str | None) -> None:
    for name in ("http/app", "webhooks/payloads", "sip/message", "fabric/local", "net/guard"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{name}.py").touch()
    for name in (
        "cli.py",
        "clock.py",
        "session/ports/record.py",
        "session/states.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    if "surprise import" in line:
        (tmp_path / "surprise").mkdir()
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(line)
    assert violations(tmp_path) == ([caught] if caught else [])
