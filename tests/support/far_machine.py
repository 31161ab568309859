"""A machine of its own in a network namespace (``ip netns``), with a cable (veth) to each who talks to it.

A cable is cut as real ones are: packets vanish, and nobody says so. A connection over it hangs until
somebody's patience is over; a forwarder that stops carrying cannot show that.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from types import TracebackType
from typing import Final, Self

available = os.geteuid() == 0 and shutil.which("ip") is not None
"""Whether this machine can be given network devices; ``apt-get install iproute2``."""

_NAMES: Final = itertools.count(1)


class HowCut(Enum):
    """How a cable is cut."""

    PULLED = "pulled"
    """The far end loses its link. Nothing arrives at either end."""
    ANSWERS_LOST = "answers lost"
    """What is sent to the machine arrives there, and what it answers vanishes."""


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=20)


class FarMachine:
    """``with FarMachine(cables=3) as machine``: it and its cables are gone at the end.

    What is started with :attr:`within` before its command runs there.
    """

    def __init__(self, cables: int) -> None:
        self._name = f"offhook-{os.getpid()}-{next(_NAMES)}"
        self._net = f"10.{random.randrange(200, 250)}.{random.randrange(256)}"
        self._cables = cables

    @property
    def within(self) -> tuple[str, ...]:
        """Runs a command on this machine."""
        return ("ip", "netns", "exec", self._name)

    def __enter__(self) -> Self:
        _run("ip", "netns", "add", self._name)
        try:
            _run("ip", "-n", self._name, "link", "set", "lo", "up")
            for cable in range(self._cables):
                near, far = self._near(cable), f"far{cable}"
                veth = ("type", "veth", "peer", "name", far, "netns", self._name)
                _run("ip", "link", "add", near, *veth)
                _run("ip", "address", "add", f"{self._net}.{4 * cable + 1}/30", "dev", near)
                _run("ip", "link", "set", near, "up")
                there = ("ip", "-n", self._name)
                _run(*there, "address", "add", f"{self.address(cable)}/30", "dev", far)
                _run(*there, "link", "set", far, "up")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for cable in range(self._cables):  # its other end goes with it
            subprocess.run(
                ("ip", "link", "delete", self._near(cable)), capture_output=True, check=False
            )
        subprocess.run(("ip", "netns", "delete", self._name), capture_output=True, check=False)

    def address(self, cable: int) -> str:
        """Of this machine, for whoever has that cable."""
        return f"{self._net}.{4 * cable + 2}"

    @contextmanager
    def cut(self, cable: int, how: HowCut) -> Iterator[None]:
        """Let packets vanish for the time of the block."""
        self._set(cable, how, cut=True)
        try:
            yield
        finally:
            self._set(cable, how, cut=False)

    def _set(self, cable: int, how: HowCut, *, cut: bool) -> None:
        there = ("ip", "-n", self._name)
        if how is HowCut.PULLED:
            _run(*there, "link", "set", f"far{cable}", "down" if cut else "up")
        else:
            peer = f"{self._net}.{4 * cable + 1}/32"
            _run(*there, "route", "add" if cut else "delete", "blackhole", peer)

    def _near(self, cable: int) -> str:
        """Names of devices have 15 letters at most."""
        return f"oh{self._name.removeprefix('offhook-').replace('-', '.')}c{cable}"
