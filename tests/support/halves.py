"""``make unit``: pytest in two processes at once, each with half of the test files, and one report.

``python -m tests.support.halves ARGS`` takes the arguments of pytest and runs ``tests/unit`` if they name no
path. Each worker of xdist would load all tests, which takes long; here each process loads its own half. The
second is a fork of the first and writes down what it reports. The first shows that among its own, so that
summary, exit code, ``--lf``, ``--durations`` and ``-x`` are those of all tests.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import IO, NoReturn

import pytest

PLUGINS = ("-p", "no:xdist", "-p", "no:schemathesis", "-p", "no:faker")
OPTIONS = ("-q", *PLUGINS, "--hypothesis-profile=quick", "-m", "not full")
ALONE = frozenset(
    ("-s", "--capture=no", "--pdb", "--trace", "--co", "--collect-only", "--fixtures", "--help")
)
"""Options that want one process: a terminal for themselves, or a list instead of a run."""
TESTS = Path(__file__).parents[1]
UNIT = TESTS / "unit"
FEWEST_FILES = 12
"""With fewer files a second process would cost more than it saves."""
SECONDS = TESTS.parent / "build" / "unit-seconds.json"
"""How long the tests of each file took, from the last run of all."""
LOADING = 0.02
"""Seconds that a file takes besides its tests."""
FINE = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
LOOK_EVERY = 0.1
"""Seconds between two looks at what the other process reports."""


def main(arguments: list[str]) -> int:
    """Run the tests; returns pytest's exit code."""
    paths = [one for one in arguments if is_path(one)]
    options = [*OPTIONS, *arguments, *([] if paths else [str(UNIT)])]
    files = [file for path in paths or [str(UNIT)] for file in Path(path).rglob("test_*.py")]
    if ALONE & set(arguments) or len(files) < FEWEST_FILES:
        return pytest.main(options)
    mine, others = halves(files, known_seconds())
    with tempfile.TemporaryDirectory(prefix="offhook-unit-") as folder:
        child = os.fork()
        if child == 0:
            be_second(options, Path(folder), mine)
        first = First(child, Path(folder), others)
        status = pytest.main(options, [first])
    if not arguments and first.seconds:
        SECONDS.parent.mkdir(exist_ok=True)
        SECONDS.write_text(json.dumps(first.seconds))
    return status


def is_path(argument: str) -> bool:
    """Whether it names tests: a folder, a file, or a test of a file."""
    path = Path(argument.partition("::")[0]).absolute()
    return path.is_relative_to(TESTS) and path.exists()


def known_seconds() -> dict[str, float]:
    """What :data:`SECONDS` says, as far as there is such a file."""
    try:
        return dict(json.loads(SECONDS.read_text()))
    except (OSError, ValueError):
        return {}


def halves(files: Iterable[Path], seconds: dict[str, float]) -> tuple[set[Path], set[Path]]:
    """Parts the files so that both halves take as long, by the last run or else by their size."""
    cost = {}
    for file in files:
        guess = file.stat().st_size / 100_000
        cost[file.absolute()] = LOADING + seconds.get(str(file.absolute()), guess)
    parts: tuple[set[Path], set[Path]] = (set(), set())
    sums = [0.0, 0.0]
    for file in sorted(cost, key=lambda file: (-cost[file], file)):
        shorter = sums.index(min(sums))
        parts[shorter].add(file)
        sums[shorter] += cost[file]
    return parts


class Half:
    """Leaves out the files of the other half."""

    def __init__(self, others: set[Path]) -> None:
        self._others = others

    @pytest.hookimpl
    def pytest_configure(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl
    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        return True if collection_path in self._others else None


def be_second(options: list[str], told: Path, others: set[Path]) -> NoReturn:
    """In the fork: run the second half."""
    status: int = pytest.ExitCode.INTERNAL_ERROR
    try:
        log = os.open(told / "output", os.O_WRONLY | os.O_CREAT)
        for descriptor in (1, 2):
            os.dup2(log, descriptor)
        with (told / "reports").open("w") as file:
            status = int(pytest.main(options, [Second(file, others)]))
        sys.stdout.flush()
    finally:
        os._exit(status)


class Second(Half):
    """Writes down what the second process reports, a JSON value a line."""

    def __init__(self, file: IO[str], others: set[Path]) -> None:
        super().__init__(others)
        self._file = file

    @pytest.hookimpl
    def pytest_configure(self, config: pytest.Config) -> None:
        super().pytest_configure(config)
        # By this plugins know that somebody else reports and keeps what --lf needs.
        config.workerinput = {"workerid": "second"}  # type: ignore[attr-defined]

    @pytest.hookimpl
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._tell(len(session.items))

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.pytest_runtest_logreport(report)

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        to_values = self._config.hook.pytest_report_to_serializable
        self._tell(to_values(config=self._config, report=report))

    def _tell(self, value: object) -> None:
        self._file.write(json.dumps(value) + "\n")
        self._file.flush()


class First(Half):
    """Shows what the second process reports, and waits for its end."""

    def __init__(self, child: int, told: Path, others: set[Path]) -> None:
        super().__init__(others)
        self._child = child
        self._ended = os.pidfd_open(child)
        self._told = told
        self._reports = (told / "reports").open("a+")
        self._reports.seek(0)
        self._line = ""
        self._looked = 0.0
        self.seconds: dict[str, float] = defaultdict(float)
        """How long the tests of each file took, by its path."""

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file = report.nodeid.partition("::")[0]
        self.seconds[str(self._config.rootpath / file)] += report.duration

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        result = yield
        if time.monotonic() > self._looked + LOOK_EVERY:
            self._show(item.session)
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """After the tests of this half: what the second process still reports, until it ends."""
        result = yield
        while not select.select([self._ended], [], [], LOOK_EVERY)[0]:
            self._show(session)
        self._show(session)
        status = self._wait()
        if status not in FINE and not session.testsfailed:
            print((self._told / "output").read_text(), file=sys.stderr)
            session.shouldfail = f"the second process ended with status {status}"
            raise session.Failed
        return result

    def _show(self, session: pytest.Session) -> None:
        hook = self._config.hook
        for line in self._reports:
            self._line += line
            if not line.endswith("\n"):
                break
            value, self._line = json.loads(self._line), ""
            if isinstance(value, int):
                session.testscollected += value
                continue
            report = hook.pytest_report_from_serializable(config=self._config, data=value)
            if isinstance(report, pytest.TestReport):
                hook.pytest_runtest_logreport(report=report)
            else:
                hook.pytest_collectreport(report=report)
        self._looked = time.monotonic()
        if session.shouldfail:  # -x
            raise session.Failed(session.shouldfail)

    @pytest.hookimpl
    def pytest_unconfigure(self) -> None:
        if self._child:  # this half stopped early
            os.kill(self._child, signal.SIGTERM)
            self._wait()

    def _wait(self) -> int:
        _, status = os.waitpid(self._child, 0)
        self._child = 0
        os.close(self._ended)
        self._reports.close()
        return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
