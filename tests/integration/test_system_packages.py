"""scripts/system-packages, with stand-ins for what it asks of the system."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "system-packages"
TESTS = (
    "baresip-core curl ffmpeg iproute2 kamailio kamailio-tls-modules linphone-cli nats-server nodejs"
    " postgresql prometheus python3-pyftpdlib sip-tester sox tshark util-linux vsftpd wrk"
)


class Machine:
    """A machine with these packages; ``installs`` is what apt-get was asked, call by call."""

    def __init__(self, folder: Path, *, installed: str, root: bool, apt: str = "exit 0") -> None:
        self._folder = folder
        self._calls = folder / "calls"
        self._calls.touch()
        self._stand_in("dpkg-query", f'case " {installed} " in *" $4 "*) echo installed;; esac')
        self._stand_in("id", f"echo {0 if root else 1000}")
        self._stand_in("apt-get", f'echo "$*" >> {self._calls}; calls={self._calls}; {apt}')

    def _stand_in(self, name: str, text: str) -> None:
        file = self._folder / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SCRIPT, *arguments],
            env={"PATH": f"{self._folder}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=30,
        )

    @property
    def installs(self) -> list[str]:
        return self._calls.read_text().splitlines()


def test_with_everything_there_it_does_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path, installed=TESTS, root=False)
    done = machine.run("tests")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert machine.installs == []


def test_who_is_not_root_is_told_the_one_line(tmp_path: Path) -> None:
    machine = Machine(tmp_path, installed=TESTS.replace("sox ", ""), root=False)
    done = machine.run("tests")
    assert done.returncode == 1
    line = "sudo apt-get update && sudo apt-get install --no-install-recommends sox"
    assert f"\n  {line}\n" in done.stderr
    assert machine.installs == []


def test_root_installs_what_is_missing_without_an_update(tmp_path: Path) -> None:
    machine = Machine(tmp_path, installed="sox", root=True)
    assert machine.run("tests").returncode == 0
    missing = TESTS.replace("sox ", "")
    assert machine.installs == [f"install -qq --no-install-recommends {missing}"]


def test_root_updates_the_lists_when_they_do_not_know_a_package(tmp_path: Path) -> None:
    once = '[ "$1" = update ] || [ "$(wc -l < $calls)" -gt 1 ] || exit 100'
    machine = Machine(tmp_path, installed=TESTS.replace("sox ", ""), root=True, apt=once)
    assert machine.run("tests").returncode == 0
    install = "install -qq --no-install-recommends sox"
    assert machine.installs == [install, "update -qq", install]


def test_a_package_that_cannot_be_installed_is_a_failure(tmp_path: Path) -> None:
    machine = Machine(tmp_path, installed="", root=True, apt="exit 100")
    assert machine.run("tests").returncode != 0


def test_the_demo_asks_for_no_package_where_python_is_whole(tmp_path: Path) -> None:
    machine = Machine(tmp_path, installed="", root=False)
    assert machine.run("python").returncode == 0


@pytest.mark.parametrize("arguments", [(), ("everything",)])
def test_it_knows_its_groups(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert Machine(tmp_path, installed="", root=True).run(*arguments).returncode == 2
