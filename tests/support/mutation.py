"""Trials of faults: a copy of the project, the tests that run a function, and what a trial showed."""

from __future__ import annotations

import ast
import compileall
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.faults import Fault, faults, function_at

ROOT = Path(__file__).parents[2]
SOURCES = "src/offhook/"
QUICK = 1.0
"""Seconds of a test that costs nearly nothing to ask."""
START = 60.0
"""Seconds that pytest may take to start on a busy machine."""


class Trial(NamedTuple):
    """A fault in a module."""

    package: str
    module: str
    """Its path below the root."""
    function: str
    """Around the fault; "" outside of all functions."""
    digest: str
    """Of the function's source, or of the line where there is none."""
    offset: int
    """Where the fault begins in it."""
    line: str
    """The source's line that it begins in."""
    fault: Fault

    @property
    def key(self) -> str:
        """The same for the same fault in the same function, whatever else of the module changes."""
        return f"{self.module}:{self.function}:{self.digest}:{self.offset}:{self.fault.after}"


def trials_of(package: str, path: Path) -> list[Trial]:
    """Every fault that can be put into a module."""
    source = path.read_text()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    trials = []
    for fault in faults(source):
        function, first, last = function_at(source, fault.line)
        text = source[starts[first - 1] : starts[last]]
        offset = fault.start - starts[first - 1]
        module = str(path.relative_to(ROOT))
        line = source[starts[fault.line - 1] : starts[fault.line]].strip()
        trials.append(Trial(package, module, function, digest_of(text), offset, line, fault))
    return trials


class Outcome(StrEnum):
    """What became of a fault."""

    NOTICED = "noticed"
    HANG = "hang"
    """Noticed by a test that twice did not end within its limit, and ends within it without the fault."""
    LIVED = "lived"
    UNSURE = "unsure"
    """A test was late once, or failed for another cause than the fault: try again."""


class Verdict(NamedTuple):
    """An outcome, and the test that noticed the fault ("" for none)."""

    outcome: Outcome
    by: str


class Run(NamedTuple):
    """How a run of tests ended."""

    passed: bool
    failed: str
    """The first test that failed, or did not end; "" when that is not known."""
    late: bool
    """Whether it was over its limit."""


class MeasuredTest(NamedTuple):
    """A test function with all its parameters."""

    name: str
    seconds: float
    functions: frozenset[str]


def digest_of(text: str) -> str:
    """12 characters that tell one source from another."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class Limits(NamedTuple):
    """Seconds after which tests are ended: many times what they take without a fault."""

    test: float
    run: float

    @classmethod
    def of(cls, tests: Sequence[MeasuredTest]) -> Limits:
        """Those of a run of these tests."""
        return cls(30 + 5 * max(t.seconds for t in tests), START + 10 * seconds_of(tests))


LEARNING = Limits(300, 900)
"""Those of the run that finds out what a file's tests run."""


class Copy:
    """A copy of the project in a folder of its own, where a fault does no harm."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
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
        for module in (ROOT / SOURCES).rglob("*.so"):  # built, not tracked
            shutil.copy(module, folder / module.relative_to(ROOT))
        # What is compiled now is never written again: a fault must not be hidden by an older .pyc.
        compileall.compile_dir(str(folder), quiet=1)
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forked_pytest"],
            cwd=folder,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def try_out(self, trial: Trial, tiers: Sequence[Sequence[MeasuredTest]]) -> Verdict:
        """Put the fault in and run the tests, tier by tier, until one fails.

        That one is run once more by itself, with the fault and without it: a test that also fails because of
        other tests, or of the machine, says nothing about the fault.
        """
        run = Run(passed=True, failed="", late=False)
        with self._holding(trial):
            for tier in filter(None, tiers):
                limits = Limits.of(tier)
                run = self.run([test.name for test in tier], limits)
                if not run.passed:
                    break
            else:
                return Verdict(Outcome.LIVED, "")
            by = run.failed or tier[0].name
            alone = self.run([by], limits)
        if alone.passed or alone.late is not run.late or not self.run([by], limits).passed:
            return Verdict(Outcome.UNSURE, by)
        return Verdict(Outcome.HANG if run.late else Outcome.NOTICED, by)

    @contextlib.contextmanager
    def _holding(self, trial: Trial) -> Iterator[None]:
        path = self.folder / trial.module
        source = path.read_text()
        Path(cache_from_source(path)).unlink(missing_ok=True)
        path.write_text(trial.fault.put_into(source))
        try:
            yield
        finally:
            path.write_text(source)

    def run(self, tests: Sequence[str], limits: Limits, *options: str, **settings: str) -> Run:
        """Run tests until one fails."""
        listed, out = self.folder / "tests-to-run", self.folder / "output-of-tests"
        listed.write_text("\n".join(tests))
        args = ["-v", "--tb=line", "--assert=plain", "-m", "not full", "--hypothesis-seed=0"]
        for plugin in ("cacheprovider", "xdist", "schemathesis", "faker"):
            args += ["-p", f"no:{plugin}"]
        args += [f"--timeout={limits.test:.0f}", *(options or ("-x",)), f"@{listed}"]
        order = {"args": args, "folder": str(self.folder), "settings": settings, "out": str(out)}
        status = self._ordered(order, limits.run)
        text = out.read_text(errors="replace") if out.exists() else ""
        if status is None:
            return Run(passed=False, failed=unfinished(text), late=True)
        failed = [
            line.split()[1].partition("[")[0]
            for line in text.splitlines()
            if line.startswith(("FAILED tests/", "ERROR tests/"))
        ]
        return Run(status == 0, (failed or [""])[0], "Timeout (>" in text)

    def _ordered(self, order: dict[str, Any], limit: float) -> int | None:
        """The exit status of a run; None when it had to be killed."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        group = int(self._server.stdout.readline())
        late = threading.Event()

        def kill() -> None:
            late.set()
            os.killpg(group, signal.SIGKILL)

        timer = threading.Timer(limit, kill)
        timer.start()
        status = int(self._server.stdout.readline())
        timer.cancel()
        with contextlib.suppress(ProcessLookupError):  # what the tests left running
            os.killpg(group, signal.SIGKILL)
        return None if late.is_set() else status

    def close(self) -> None:
        """End the process that runs the tests."""
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait()


def seconds_of(tests: Iterable[MeasuredTest]) -> float:
    """How long they take one after another."""
    return sum(test.seconds for test in tests)


class MeasuredTests:
    """Which tests run which function; kept in a file as long as the test's own file does not change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files: dict[str, tuple[str, list[MeasuredTest]]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        for line in path.read_text().splitlines() if path.exists() else ():
            known = json.loads(line)
            tests = [MeasuredTest(t, s, frozenset(functions)) for t, s, functions in known["tests"]]
            self._files[known["file"]] = (known["digest"], tests)

    def knows(self, file: str) -> bool:
        """Whether a test file was looked at as it is now."""
        return self._files.get(file, ("",))[0] == digest_of((ROOT / file).read_text())

    def learn(self, file: str, copy: Copy) -> bool:
        """Run a test file without a fault; whether all its tests passed (those that did not are left out)."""
        digest = digest_of((copy.folder / file).read_text())
        found = copy.folder / f"touched-{digest}.jsonl"
        run = copy.run(
            [file],
            LEARNING,
            "-p",
            "tests.support.touched",
            OFFHOOK_TOUCHED=str(found),
        )
        seconds: dict[str, float] = defaultdict(float)
        functions: dict[str, set[str]] = defaultdict(set)
        unsound = set()
        for line in found.read_text().splitlines() if found.exists() else ():
            known = json.loads(line)
            seconds[known["test"]] += known["seconds"]
            functions[known["test"]].update(known["functions"])
            unsound |= set() if known["passed"] else {known["test"]}
        tests = [
            MeasuredTest(t, seconds[t], frozenset(functions[t]))
            for t in seconds
            if t not in unsound
        ]
        self._files[file] = (digest, tests)
        known = {"file": file, "digest": digest, "tests": [(t, s, sorted(f)) for t, s, f in tests]}
        with self._path.open("a") as out:
            out.write(json.dumps(known) + "\n")
        return run.passed

    def keep(self, files: set[str]) -> None:
        """Forget the tests of all other files."""
        self._files = {file: known for file, known in self._files.items() if file in files}

    def guess(self, file: str) -> None:
        """Do without :meth:`learn`: what an older version of the file ran, it runs still.

        A test that is not known is taken for one of the modules that the file imports.
        """
        text = (ROOT / file).read_text()
        before = {test.name: test for test in self._files.get(file, ("", []))[1]}
        imported = frozenset(f"{module}:*" for module in imported_modules(text))
        tests = [
            before.get(f"{file}::{name}", MeasuredTest(f"{file}::{name}", QUICK / 2, imported))
            for name in re.findall(r"^(?:async )?def (test_\w+)", text, re.MULTILINE)
        ]
        self._files[file] = (digest_of(text), tests)

    def running(self, module: str, function: str) -> list[MeasuredTest]:
        """The tests that run a function, or anything of the module where the fault is in no function.

        First come the quick ones, and of these those that run most of the module: they are about it,
        others only pass through.
        """
        module = module.removeprefix(SOURCES)
        every = [test for _, tests in self._files.values() for test in tests]
        for wanted in (f"{module}:{function}", f"{module}:", f"{module.partition('/')[0]}/"):
            exact = function != "" and wanted.endswith(function)
            found = [
                test
                for test in every
                if (
                    wanted in test.functions or f"{module}:*" in test.functions
                    if exact
                    else any(f.startswith(wanted) for f in test.functions)
                )
            ]
            if found:
                break
        of_module = f"{module}:"

        def place(test: MeasuredTest) -> tuple[bool, int, float]:
            near = sum(f.startswith(of_module) for f in test.functions)
            return test.seconds > QUICK, -near, test.seconds

        return sorted(found, key=place)


def imported_modules(source: str) -> set[str]:
    """The modules of ours that a test's source imports, itself or by the modules of tests that it imports.

    ``sip/message.py``, of a package ``sip/__init__.py``.
    """
    found: set[str] = set()
    asked, left = set[Path](), [source]
    while left:
        for name in _imported_names(left.pop()):
            top, *folders = name.split(".")
            below = ROOT / (SOURCES if top == "offhook" else top)
            path = "/".join(folders)
            files = [below / f"{path}.py", below / path / "__init__.py"]
            for file in filter(Path.is_file, files):
                if top == "offhook":
                    found.add(str(file.relative_to(below)))
                elif file not in asked:
                    asked.add(file)
                    left.append(file.read_text())
    return found


def _imported_names(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
        if module.partition(".")[0] in ("offhook", "tests"):
            assert isinstance(node, ast.ImportFrom)
            yield from (module, *(f"{module}.{alias.name}" for alias in node.names))


def unfinished(output: str) -> str:
    """The test that ran when pytest (``-v``) was ended, without its parameters; "" where none had begun."""
    begun = [line for line in output.splitlines() if line.startswith("tests/")]
    if not begun or re.search(r" (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b", begun[-1]):
        return ""
    return begun[-1].split()[0].partition("[")[0]


def changed_lines(base: str) -> dict[str, set[int]]:
    """By module the lines that the working tree adds to a commit's, or changes."""
    told = subprocess.run(
        ["git", "diff", "--unified=0", "--no-color", "--no-ext-diff", base, "--", SOURCES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return lines_added(told.stdout)


def lines_added(diff: str) -> dict[str, set[int]]:
    """By file the lines that a diff without context adds."""
    found: dict[str, set[int]] = defaultdict(set)
    file = ""
    for line in diff.splitlines():
        if line.startswith("+++ "):
            file = line.removeprefix("+++ ").removeprefix("b/")
        elif line.startswith("@@ "):
            first, _, count = line.split()[2].removeprefix("+").partition(",")
            found[file].update(range(int(first), int(first) + int(count or 1)))
    return found


def within(tests: Iterable[MeasuredTest], budget: float) -> list[MeasuredTest]:
    """The first of them that together take at most ``budget`` seconds, at least one.

    One that would take more than what is left is passed over.
    """
    chosen: list[MeasuredTest] = []
    for test in tests:
        if not chosen or test.seconds <= budget:
            budget -= test.seconds
            chosen.append(test)
    return chosen
