"""Builds the core of the native media engine for tests: for ctypes, with sanitizers, for fuzzing."""

from __future__ import annotations

import subprocess
from pathlib import Path

from offhook.media.native import build

PACKAGE = Path(build.__file__).parent
HERE = Path(__file__).parent / "native"
SANITIZERS = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined")


def compiled(
    target: Path,
    *sources: Path,
    flags: tuple[str, ...],
    compiler: str = "gcc",
    parts: tuple[str, ...] | None = None,
) -> Path:
    """Compile ``sources`` and the core, or ``parts`` of it, to ``target``; every warning is an error."""
    core = sorted((PACKAGE / "core").glob("*.c"))
    if parts is not None:
        core = [PACKAGE / "core" / f"{part}.c" for part in parts]
    command = [compiler, "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wshadow", "-Werror"]
    command += [*build.macros(build.LIBRARIES), *flags, f"-I{PACKAGE / 'core'}", *map(str, sources)]
    command += [*map(str, core), "-o", str(target)]
    command += build.links(build.LIBRARIES)
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return target
