"""Builds the native media engine: ``_core.c`` and the library in ``core/``, with the system's C compiler.

The installation runs it (``hatch_build.py``). ``python -m offhook.media.native.build`` runs it by hand and
says what became of it, with ``--unless-built`` only where there is none yet. Where it cannot be built the
Python engine does the work, so that is no error. The module uses the limited API: one file serves CPython
3.11 and all later ones. This file imports nothing of Offhook.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

MODULE = "_core.abi3.so"
FLAGS = (
    *("-std=c11", "-D_GNU_SOURCE", "-O3", "-fno-math-errno", "-fPIC", "-shared"),
    *("-fvisibility=hidden", "-fstack-protector-strong", "-Wall", "-Wextra", "-Werror=implicit"),
)
TIMEOUT = 300.0


class Library(NamedTuple):
    """A library of the system that the module uses where its headers are."""

    name: str
    """For people."""
    header: str
    before: str
    """Headers that it needs."""
    macro: str
    link: str
    package: str
    """Debian's, with the header."""


LIBRARIES = (
    Library("SRTP", "srtp2/srtp.h", "", "OH_HAVE_SRTP", "srtp2", "libsrtp2-dev"),
    Library(
        "G.722",
        "spandsp/g722.h",
        "#include <stdint.h>\n#include <spandsp/telephony.h>\n",
        "OH_HAVE_SPANDSP",
        "spandsp",
        "libspandsp-dev",
    ),
    Library("Opus", "opus/opus.h", "", "OH_HAVE_OPUS", "opus", "libopus-dev"),
)


class Built(NamedTuple):
    """What became of a build."""

    module: Path | None
    """The file; None: it was left out."""
    line: str
    """For people."""
    tag: str = ""
    """Of a wheel with it."""


def build(folder: Path) -> Built:
    """Build the module into ``folder``, which holds its sources. Never raises for what the machine lacks."""
    lacking = _lacking()
    if lacking is not None:
        return _left_out(folder, lacking)
    found = [library for library in LIBRARIES if _has(library)]
    target = folder / MODULE
    partial = folder / f".{MODULE}.{os.getpid()}"
    sources = [folder / "_core.c", *sorted((folder / "core").glob("*.c"))]
    command = [*_compiler(), *FLAGS, *macros(found), *_includes(), *map(str, sources)]
    command += ["-o", str(partial), *links(found)]
    try:
        done = subprocess.run(  # noqa: S603 the compiler that this interpreter was built with
            command, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
        if done.returncode:
            return _left_out(folder, f"the C compiler failed: {_first_error(done.stderr)}")
        partial.replace(target)
    except (OSError, subprocess.TimeoutExpired) as error:
        return _left_out(folder, f"the C compiler failed: {error}")
    finally:
        partial.unlink(missing_ok=True)
    return Built(target, f"The native media engine is built{_with(found)}.", _tag())


def macros(libraries: Iterable[Library]) -> list[str]:
    """The compiler's flags that say what there is."""
    return [f"-D{library.macro}" for library in libraries]


def links(libraries: Iterable[Library]) -> list[str]:
    """The linker's flags."""
    return [*(f"-l{library.link}" for library in libraries), "-lm", "-pthread"]


def _with(found: list[Library]) -> str:
    """What it has, and what it lacks."""
    lacking = [library for library in LIBRARIES if library not in found]
    text = f" with {', '.join(library.name for library in found)}" if found else ""
    if lacking:
        packages = " ".join(library.package for library in lacking)
        text += (
            f", without {', '.join(library.name for library in lacking)} (on Debian: {packages})"
        )
    return text


def _has(library: Library) -> bool:
    """Whether a program with its header compiles and links."""
    source = f"{library.before}#include <{library.header}>\nint main(void) {{ return 0; }}\n"
    command = [*_compiler(), "-x", "c", "-", "-o", os.devnull, f"-l{library.link}"]
    try:
        done = subprocess.run(  # noqa: S603 as above
            command, input=source, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _left_out(folder: Path, why: str) -> Built:
    # An older one does not fit these sources any more.
    (folder / MODULE).unlink(missing_ok=True)
    return Built(None, f"The native media engine is left out, the Python engine works: {why}")


def _compiler() -> list[str]:
    return shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[:1]


def _includes() -> list[str]:
    paths = sysconfig.get_paths()
    return [f"-I{paths[name]}" for name in ("include", "platinclude")]


def _lacking() -> str | None:
    """What this machine lacks, in words; None: nothing."""
    if sys.platform != "linux":
        return f"it needs Linux, this is {platform.system()}"
    if sys.implementation.name != "cpython":
        return f"it needs CPython, this is {platform.python_implementation()}"
    compiler = _compiler()[0]
    if shutil.which(compiler) is None:
        return f"there is no C compiler ({compiler}; on Debian: gcc libc6-dev)"
    headers = [Path(path.removeprefix("-I")) / "Python.h" for path in _includes()]
    if not any(header.exists() for header in headers):
        return "there are no headers of Python (on Debian: python3-dev)"
    return None


def _first_error(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if "error" in line]
    return lines[0] if lines else (text.strip().splitlines() or ["no message"])[-1]


def _tag() -> str:
    system = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return f"cp311-abi3-{system}"


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    if "--unless-built" not in sys.argv or not (here / MODULE).exists():
        print(build(here).line)
