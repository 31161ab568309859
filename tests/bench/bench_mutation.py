"""How many faults the tests notice: mutation testing by sample.

``python -m tests.bench.bench_mutation [--packages sip media …] [--each 12] [--seed 1] [--jobs 2]``

From each package it draws ``--each`` faults (:mod:`tests.support.faults`), puts one at a time into a copy of
the project and runs the tests of that package, the quick ones first, until one fails. A fault that no test
notices lives; a run that takes longer than its limit counts as noticed. It prints the rate by package and
every fault that lived, with its place. ``--quick`` runs the quick tests only.

Results are kept in ``build/mutation.jsonl`` (``--results``): a fault whose module has not changed since is
not tried again, so the run can be ended and continued; ``--again`` tries those that lived once more. The same
seed draws the same faults from the same source.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import NamedTuple

from tests.support.faults import Fault, faults

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "offhook"
QUICK_LIMIT = 120.0
"""Seconds that the quick tests of a package may take with a fault in it: without one they take 3 to 20."""
SLOW_LIMIT = 400.0


class Tests(NamedTuple):
    """The tests that should notice a fault in a package: patterns below ``tests/``."""

    quick: tuple[str, ...]
    slow: tuple[str, ...]


TESTS = {
    "sip": Tests(("unit/sip",), ("integration/test_sip_endpoint.py", "integration/test_sip_m*.py")),
    "media": Tests(("unit/media",), ("integration/test_media_[er]*.py",)),
    "session": Tests(("unit/session", "unit/execution"), ("unit/testing", "unit/flow")),
    "execution": Tests(("unit/execution",), ("unit/testing", "acceptance/test_decisions.py")),
    "telephony": Tests(
        ("unit/telephony", "integration/test_sip_endpoint.py"),
        ("acceptance/test_trunks.py", "acceptance/test_inbound.py", "acceptance/test_bridges.py"),
    ),
    "webhooks": Tests(("unit/webhooks",), ("integration/test_webhooks_*.py",)),
    "store": Tests(("unit/store",), ("integration/test_store_*.py",)),
}


class Trial(NamedTuple):
    """A fault in a module."""

    package: str
    module: str
    """Its path below the root."""
    digest: str
    """Of the module's source."""
    fault: Fault

    @property
    def key(self) -> str:
        """The same for the same fault in the same source."""
        return f"{self.module}:{self.digest}:{self.fault.start}:{self.fault.after}"


def drawn(package: str, each: int, seed: int) -> list[Trial]:
    """The sample of a package; modules count by how many faults fit into them."""
    trials = []
    for path in sorted((SOURCES / package).rglob("*.py")):
        source = path.read_text()
        digest = hashlib.sha256(source.encode()).hexdigest()[:12]
        module = str(path.relative_to(ROOT))
        trials += [Trial(package, module, digest, fault) for fault in faults(source)]
    order = random.Random(f"{seed} {package}")
    return order.sample(trials, min(each, len(trials)))


class Copy:
    """A copy of the project in a folder of its own, where a fault does no harm."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)

    def lives(self, trial: Trial, *, quick: bool) -> bool:
        """Whether all tests pass with the fault."""
        path = self._folder / trial.module
        source = path.read_text()
        path.write_text(trial.fault.put_into(source))
        try:
            tests = TESTS[trial.package]
            lives = self._pass(tests.quick, QUICK_LIMIT)
            return lives and (quick or self._pass(tests.slow, SLOW_LIMIT))
        finally:
            path.write_text(source)

    def passes(self, package: str, *, quick: bool) -> bool:
        """Whether the tests of a package pass without a fault; otherwise nothing can be judged."""
        tests = TESTS[package]
        return self._pass(tests.quick + (() if quick else tests.slow), SLOW_LIMIT)

    def _pass(self, patterns: tuple[str, ...], limit: float) -> bool:
        tests = self._folder / "tests"
        there = [str(path) for pattern in patterns for path in sorted(tests.glob(pattern))]
        if not there:
            return True
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not full", *there]
        command += ["-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-seed=0"]
        run = subprocess.Popen(
            command,
            cwd=self._folder,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": "src"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return run.wait(timeout=limit) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            if run.returncode is None:
                os.killpg(run.pid, signal.SIGKILL)
                run.wait()


class Results:
    """What is known of faults, in a file of JSON lines that grows with each trial."""

    def __init__(self, path: Path, *, again: bool) -> None:
        self._path = path
        self._lived: dict[str, bool] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            for line in path.read_text().splitlines():
                known = json.loads(line)
                self._lived[known["key"]] = known["lived"]
        if again:
            self._lived = {key: lived for key, lived in self._lived.items() if not lived}

    def knows(self, trial: Trial) -> bool:
        return trial.key in self._lived

    def lived(self, trial: Trial) -> bool | None:
        """None: not tried."""
        return self._lived.get(trial.key)

    def add(self, trial: Trial, lived: bool) -> None:
        self._lived[trial.key] = lived
        known = {
            "key": trial.key,
            "line": trial.fault.line,
            "fault": trial.fault.text,
            "lived": lived,
        }
        with self._path.open("a") as file:
            file.write(json.dumps(known, ensure_ascii=False) + "\n")


def try_all(trials: list[Trial], results: Results, *, jobs: int, quick: bool) -> None:
    """Try what is not known yet, ``jobs`` at a time."""
    with (
        tempfile.TemporaryDirectory(prefix="offhook-mutation-") as folder,
        ThreadPoolExecutor(jobs) as pool,
    ):
        copies: Queue[Copy] = Queue()
        for number in range(jobs):
            (Path(folder) / str(number)).mkdir()
            copies.put(Copy(Path(folder) / str(number)))

        def sound(package: str) -> bool:
            with _taken(copies) as copy:
                passes = copy.passes(package, quick=quick)
            if not passes:
                print(f"{package}: its tests fail without a fault; it is left out", flush=True)
            return passes

        def attempt(trial: Trial) -> None:
            began = time.monotonic()
            with _taken(copies) as copy:
                lived = copy.lives(trial, quick=quick)
            results.add(trial, lived)
            said = f"{'LIVED' if lived else 'noticed':<7} {time.monotonic() - began:4.0f} s"
            print(f"{said}  {trial.module}:{trial.fault.line}  {trial.fault.text}", flush=True)

        packages = sorted({trial.package for trial in trials})
        judged = dict(zip(packages, pool.map(sound, packages), strict=True))
        list(pool.map(attempt, [trial for trial in trials if judged[trial.package]]))


@contextmanager
def _taken(copies: Queue[Copy]) -> Iterator[Copy]:
    copy = copies.get()
    try:
        yield copy
    finally:
        copies.put(copy)


def report(trials: list[Trial], results: Results) -> Iterator[str]:
    """The rate by package, and every fault that lived."""
    yield f"{'package':<10} {'tried':>6} {'noticed':>8} {'rate':>6}"
    total: list[bool] = []
    for package in sorted({trial.package for trial in trials}):
        tried = [
            lived
            for t in trials
            if t.package == package and (lived := results.lived(t)) is not None
        ]
        total += tried
        yield _row(package, tried)
    yield _row("all", total)
    for trial in trials:
        if results.lived(trial):
            yield f"lived: {trial.module}:{trial.fault.line}: {trial.fault.text}"


def _row(name: str, tried: list[bool]) -> str:
    noticed = tried.count(False)
    rate = f"{100 * noticed / len(tried):5.0f}%" if tried else "     -"
    return f"{name:<10} {len(tried):>6} {noticed:>8} {rate}"


def main() -> None:
    """Draw, try, report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--packages", nargs="+", choices=sorted(TESTS), default=sorted(TESTS))
    parser.add_argument("--each", type=int, default=12, help="faults drawn from each package")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--results", type=Path, default=ROOT / "build" / "mutation.jsonl")
    parser.add_argument("--quick", action="store_true", help="run the quick tests only")
    parser.add_argument("--again", action="store_true", help="try those that lived once more")
    options = parser.parse_args()
    trials = [t for package in options.packages for t in drawn(package, options.each, options.seed)]
    results = Results(options.results, again=options.again)
    unknown = [trial for trial in trials if not results.knows(trial)]
    print(f"{len(trials)} faults, {len(unknown)} of them not tried yet", flush=True)
    if unknown:
        try_all(unknown, results, jobs=options.jobs, quick=options.quick)
    print("\n".join(report(trials, results)))


if __name__ == "__main__":
    main()
