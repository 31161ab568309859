"""No spelling of a private address is connected to, in a network namespace where every address answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from tests.support.every_address_answers import PUBLIC, REBINDING

EVERY_ADDRESS = (
    "ip link set lo up; ip route add local 0.0.0.0/0 dev lo; ip -6 route add local ::/0 dev lo;"
    ' exec "$@"'
)
OPEN = {PUBLIC, "2606:4700::1111"}


def in_a_namespace() -> tuple[str, ...]:
    """The command that gives a program a network of its own, where it is reached at every address."""
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    return ("unshare", *user, "--net", "sh", "-ec", EVERY_ADDRESS, "sh")


@pytest.mark.skipif(shutil.which("ip") is None, reason="apt-get install iproute2")
def test_no_spelling_of_a_private_address_is_connected_to() -> None:
    command = [*in_a_namespace(), sys.executable, "-m", "tests.support.every_address_answers"]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    reached: dict[str, list[str]] = json.loads(done.stdout)
    controls = [reached.pop(f"http://{PUBLIC}/"), reached.pop("http://[2606:4700::1111]/")]
    assert controls == [[PUBLIC], ["2606:4700::1111"]], "the namespace does not answer"
    assert len(reached) >= 143
    leaks = {url: to for url, to in reached.items() if set(to) - OPEN}
    assert leaks == {}
    assert reached[f"http://{REBINDING}/"] == []
    assert all(to == [PUBLIC] for url, to in reached.items() if "/to?" in url)
