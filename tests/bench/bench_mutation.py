"""How many faults the tests notice: mutation testing by sample.

``python -m tests.bench.bench_mutation [--packages sip media …] [--each 12] [--seed 1] [--jobs 2]``

From each package it draws ``--each`` faults (:mod:`tests.support.faults`), puts one at a time into a copy of
the project and runs the tests that run the function with the fault, until one fails: first the unit tests,
those of the package before the others, quick ones before slow ones. Faults that lived through these are shown
the integration tests (and those of migrations), and what lived through these the acceptance tests of
:data:`ACCEPTANCE`. ``--until unit`` or ``--until integration`` leaves out what comes after; a later run goes
on from there. Which tests run which function is found out first, by running them all once without a fault;
failing ones are left out. ``--guess`` saves that hour: what an older version of a test's file ran, and what a
new one imports, must do. ``--diff BASE`` draws only from the lines that changed since a commit.

It prints the rate by package and every fault that lived, with its place (``--report``: only these, of what is
known). Faults that a person has found to change nothing that a test could see are listed in
``faults_without_effect.tsv`` (module, function, line, fault, why): they are counted apart, and the rate is
given with and without them. A test that does not end within many times its usual time is run once more: if it
hangs again, and ends without the fault, the fault counts as noticed and is counted apart too; otherwise
nothing is known, as when a test over real sockets fails without the fault as well.

Results are kept in ``build/mutation.jsonl`` (``--results``), each as soon as it is known: a fault whose
function has not changed since is not tried again, so the run can be ended and continued; ``--again`` tries
those that lived once more. The same seed draws the same faults from the same source. What each test runs is
kept in ``build/mutation-tests.jsonl`` (``--tests``) as long as the test's file stays as it is: delete it
after large moves of code.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from queue import Queue

from tests.support.mutation import (
    ROOT,
    SOURCES,
    Copy,
    MeasuredTest,
    MeasuredTests,
    Outcome,
    Trial,
    Verdict,
    changed_lines,
    digest_of,
    trials_of,
    within,
)

PACKAGES = ("execution", "media", "session", "sip", "store", "telephony", "webhooks")


class Kind(StrEnum):
    """Of tests, in the order in which a fault is shown to them."""

    UNIT = "unit"
    INTEGRATION = "integration"
    ACCEPTANCE = "acceptance"


KINDS = tuple(Kind)
LOOKED_AT = {
    Kind.UNIT: ("tests/unit/**/test_*.py",),
    Kind.INTEGRATION: ("tests/integration/test_*.py", "tests/migration/test_*.py"),
    Kind.ACCEPTANCE: (),
}
"""The tests that may notice a fault, but for :data:`LEFT_OUT`."""
LEFT_OUT = (
    "tests/unit/config/",
    "tests/unit/http/",
    "tests/unit/processes/",
    "tests/unit/test_",
    "tests/integration/test_http_",
    "tests/integration/test_memory_of_calls",
    "tests/integration/test_net_",
    "tests/integration/test_speech_",
    "tests/integration/test_supervisor",
)
"""Tests of other packages, which meet these seven only in passing, and one that asks when memory is freed."""
NOT_AT_WORK = ("media/native/build.py", "store/migrations/env.py")
"""What runs when the project is built or its database changed: other tests hold it, of whole commands."""
ACCEPTANCE = {
    "execution": ("decisions", "inbound"),
    "media": ("reoffers", "bridges"),
    "session": ("decisions", "trunks"),
    "sip": ("sip_on_the_wire",),
    "store": ("crash",),
    "telephony": ("trunks", "inbound", "bridges"),
    "webhooks": ("decisions",),
}
"""Tests over real servers: what runs in those cannot be looked at function by function."""
UNIT_BUDGET = 40.0
"""Seconds of tests that a fault is shown at the most, for each of the three kinds."""
INTEGRATION_BUDGET = 60.0
WITHOUT_EFFECT = Path(__file__).parent / "faults_without_effect.tsv"


def drawn(
    package: str, each: int, seed: int, changed: dict[str, set[int]] | None = None
) -> list[Trial]:
    """The sample of a package; modules count by how many faults fit into them.

    Whether a fault is drawn hangs on itself, so that most of a sample stays when the code changes.
    ``changed``: the lines by module to draw from, None for all.
    """
    trials = [
        trial
        for path in sorted((ROOT / SOURCES / package).rglob("*.py"))
        if not str(path).endswith(NOT_AT_WORK)
        for trial in trials_of(package, path)
        if changed is None or trial.fault.line in changed.get(trial.module, ())
    ]
    return sorted(trials, key=lambda trial: digest_of(f"{seed} {trial.key}"))[:each]


def tiers(trial: Trial, known: MeasuredTests, kind: Kind) -> list[list[MeasuredTest]]:
    """The tests of a kind that should notice a fault, those that cost least first."""
    if kind is Kind.ACCEPTANCE:
        files = [f"tests/acceptance/test_{name}.py" for name in ACCEPTANCE[trial.package]]
        return [[MeasuredTest(file, 60, frozenset()) for file in files]]
    running = known.running(trial.module, trial.function)
    unit = [test for test in running if test.name.startswith("tests/unit/")]
    if kind is Kind.INTEGRATION:
        return [within((test for test in running if test not in unit), INTEGRATION_BUDGET)]
    own = f"tests/unit/{trial.package}/"
    return [
        within((test for test in unit if test.name.startswith(own)), UNIT_BUDGET),
        within((test for test in unit if not test.name.startswith(own)), UNIT_BUDGET),
    ]


class Results:
    """What is known of faults, in a file of JSON lines that grows with each trial."""

    def __init__(self, path: Path, *, again: bool) -> None:
        self._path = path
        self._known: dict[str, tuple[Outcome, Kind]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        for line in path.read_text().split("\n")[:-1] if path.exists() else ():
            known = json.loads(line)
            self._known[known["key"]] = (Outcome(known["outcome"]), Kind(known["until"]))
        if again:
            self._known = {k: o for k, o in self._known.items() if o[0] is not Outcome.LIVED}

    def outcome(self, trial: Trial) -> Outcome | None:
        """None: not tried."""
        return self._known.get(trial.key, (None,))[0]

    def waits_for(self, trial: Trial) -> Kind | None:
        """The tests that a fault must be shown next; None when all is known."""
        outcome, until = self._known.get(trial.key, (None, Kind.UNIT))
        if outcome in (None, Outcome.UNSURE):
            return until
        later = KINDS[KINDS.index(until) + 1 :]
        return later[0] if outcome is Outcome.LIVED and later else None

    def add(self, trial: Trial, kind: Kind, verdict: Verdict) -> None:
        """Keep what became of a fault when these tests saw it."""
        self._known[trial.key] = (verdict.outcome, kind)
        known = {
            "key": trial.key,
            "line": trial.fault.line,
            "fault": trial.fault.text,
            "outcome": verdict.outcome,
            "until": kind,
            "by": verdict.by,
        }
        with self._path.open("a") as file:
            file.write(json.dumps(known, ensure_ascii=False) + "\n")


class Bench:
    """Some copies of the project, and what is known of its tests."""

    def __init__(self, folder: Path, known: MeasuredTests, *, jobs: int, guess: bool) -> None:
        self._guess = guess
        self._known = known
        self._jobs = jobs
        self._copies: Queue[Copy] = Queue()
        for number in range(jobs):
            (folder / str(number)).mkdir()
            self._copies.put(Copy(folder / str(number)))
        patterns = [pattern for kind in KINDS for pattern in LOOKED_AT[kind]]
        self._known.keep(self._files(patterns))

    def try_all(self, trials: list[Trial], kind: Kind, results: Results) -> None:
        """Show faults the tests of a kind, some at a time."""
        if self._guess:
            for file in self._files(LOOKED_AT[kind]):
                if not self._known.knows(file):
                    self._known.guess(file)
        else:
            self._look_at_tests(kind)

        def attempt(trial: Trial) -> None:
            began = time.monotonic()
            chosen = tiers(trial, self._known, kind)
            with self._copy() as copy:
                verdict = copy.try_out(trial, chosen)
            results.add(trial, kind, verdict)
            said = f"{verdict.outcome:<7} {time.monotonic() - began:4.0f} s"
            place = f"{trial.module}:{trial.fault.line}"
            print(f"{said}  {place}  {trial.fault.text}  {verdict.by}", flush=True)

        print(f"{kind} tests: {len(trials)} faults", flush=True)
        with ThreadPoolExecutor(self._jobs) as pool:
            list(pool.map(attempt, trials))

    def _look_at_tests(self, kind: Kind) -> None:
        """Find out which tests run which function, where that is not known."""
        unknown = [file for file in self._files(LOOKED_AT[kind]) if not self._known.knows(file)]
        if unknown:
            print(f"looking at the tests of {len(unknown)} files first", flush=True)

        def look(file: str) -> None:
            with self._copy() as copy:
                if not self._known.learn(file, copy):
                    print(f"{file}: not all pass without a fault", flush=True)

        with ThreadPoolExecutor(self._jobs) as pool:
            list(pool.map(look, sorted(unknown)))

    def _files(self, patterns: Iterable[str]) -> set[str]:
        files = {str(p.relative_to(ROOT)) for pattern in patterns for p in ROOT.glob(pattern)}
        return {file for file in files if not file.startswith(LEFT_OUT)}

    def close(self) -> None:
        """End the processes of the copies."""
        for _ in range(self._jobs):
            self._copies.get().close()

    @contextmanager
    def _copy(self) -> Iterator[Copy]:
        copy = self._copies.get()
        try:
            yield copy
        finally:
            self._copies.put(copy)


def without_effect() -> set[tuple[str, ...]]:
    """Module, function, line and text of the faults that change nothing a test could see."""
    rows = [line.split("\t") for line in WITHOUT_EFFECT.read_text().splitlines()[1:]]
    return {tuple(row[:4]) for row in rows}


def report(trials: list[Trial], results: Results) -> Iterator[str]:
    """The rate by package, and every fault that lived."""
    harmless = without_effect()
    rows: dict[str, Counter[str]] = {trial.package: Counter() for trial in trials}
    lived = []
    for trial in trials:
        outcome = results.outcome(trial)
        if outcome is None:
            continue
        kind = str(outcome)
        if outcome is Outcome.LIVED:
            if (trial.module, trial.function, trial.line, trial.fault.text) in harmless:
                kind = "harmless"
            else:
                lived.append(f"lived: {trial.module}:{trial.fault.line}: {trial.fault.text}")
        rows[trial.package][kind] += 1
    yield f"{'package':<10} tried noticed hanging no-effect lived rate"
    for package in sorted(rows):
        yield _row(package, rows[package])
    yield _row("all", sum(rows.values(), Counter()))
    yield from lived


def _row(name: str, count: Counter[str]) -> str:
    """The rate, and in brackets the rate when faults without effect count as not noticed."""
    hanging, harmless, lived = count[Outcome.HANG], count["harmless"], count[Outcome.LIVED]
    noticed = count[Outcome.NOTICED] + hanging
    tried = noticed + harmless + lived
    rate = "-"
    if tried > harmless:
        rate = f"{100 * noticed / (tried - harmless):.0f}% ({100 * noticed / tried:.0f}%)"
    return f"{name:<10} {tried:>5} {noticed:>7} {hanging:>7} {harmless:>9} {lived:>5} {rate}"


def try_out(trials: list[Trial], results: Results, options: argparse.Namespace) -> None:
    """Show every fault of the sample the tests that it has not met, kind by kind."""
    with tempfile.TemporaryDirectory(prefix="offhook-mutation-") as folder, ExitStack() as at_end:
        bench = None
        for kind in KINDS[: KINDS.index(options.until) + 1]:
            waiting = [trial for trial in trials if results.waits_for(trial) is kind]
            if not waiting:
                continue
            if bench is None:
                bench = Bench(
                    Path(folder),
                    MeasuredTests(options.tests),
                    jobs=options.jobs,
                    guess=options.guess,
                )
                at_end.callback(bench.close)
            bench.try_all(waiting, kind, results)


def main() -> None:
    """Draw, try, report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--packages", nargs="+", choices=PACKAGES, default=PACKAGES)
    parser.add_argument("--each", type=int, default=12, help="faults drawn from each package")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--results", type=Path, default=ROOT / "build" / "mutation.jsonl")
    parser.add_argument(
        "--until", type=Kind, choices=KINDS, default=KINDS[-1], help="the last kind of tests"
    )
    parser.add_argument("--again", action="store_true", help="try those that lived once more")
    parser.add_argument("--tests", type=Path, default=ROOT / "build" / "mutation-tests.jsonl")
    parser.add_argument("--diff", metavar="BASE", help="draw from the lines changed since BASE")
    parser.add_argument("--guess", action="store_true", help="do not look at the tests first")
    parser.add_argument("--report", action="store_true", help="try nothing, say what is known")
    options = parser.parse_args()
    changed = changed_lines(options.diff) if options.diff else None
    trials = [
        trial
        for package in options.packages
        for trial in drawn(package, options.each, options.seed, changed)
    ]
    trials.sort(key=lambda trial: digest_of(f"{options.seed} {trial.key}"))
    results = Results(options.results, again=options.again)
    if not options.report:
        try_out(trials, results, options)
    print("\n".join(report(trials, results)))


if __name__ == "__main__":
    main()
