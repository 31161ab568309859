"""The build of the native media engine: what it says where something is missing."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from offhook.media.native import build

FOLDER = Path(build.__file__).parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sources that no compiler takes, with the module of an earlier build."""
    (tmp_path / "_core.c").write_text("#error this is broken\n")
    (tmp_path / build.MODULE).write_text("of other sources")
    return tmp_path


def test_without_a_compiler_it_is_left_out_with_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    made = build.build(folder)
    assert made.module is None
    assert "the Python engine works: there is no C compiler" in made.line
    assert "\n" not in made.line
    assert not (folder / build.MODULE).exists()


def test_without_pythons_headers_it_is_left_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", sys.executable)
    monkeypatch.setattr(
        sysconfig, "get_paths", lambda: dict.fromkeys(("include", "platinclude"), "/none")
    )
    assert "there are no headers of Python" in build.build(folder).line


def test_a_compiler_that_fails_is_told_in_one_line(folder: Path) -> None:
    made = build.build(folder)
    assert made.module is None
    assert "the C compiler failed" in made.line
    assert "\n" not in made.line
    assert not list(folder.glob("*.so*"))


def test_by_hand_it_says_nothing_about_what_is_built_already(folder: Path) -> None:
    copy = folder / "build.py"
    copy.write_text((FOLDER / "build.py").read_text())
    command = [sys.executable, str(copy), "--unless-built"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_what_the_machine_has_no_headers_for_is_left_out_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        build,
        "LIBRARIES",
        (
            build.Library("Maths", "math.h", "", "HAVE_MATHS", "m", "libc6-dev"),
            build.Library("Nothing", "no/such.h", "", "HAVE_NOTHING", "no-such", "nothing-dev"),
            build.Library("Unlinked", "math.h", "", "HAVE_UNLINKED", "no-such", "other-dev"),
        ),
    )
    (tmp_path / "core").mkdir()
    (tmp_path / "_core.c").write_text(
        "#if !defined HAVE_MATHS || defined HAVE_NOTHING || defined HAVE_UNLINKED\n#error\n#endif\n"
        "int made;\n"
    )
    made = build.build(tmp_path)
    assert made.module == tmp_path / build.MODULE
    assert made.line == (
        "The native media engine is built with Maths, without Nothing, Unlinked"
        " (on Debian: nothing-dev other-dev)."
    )
