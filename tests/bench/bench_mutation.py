"""How many faults the tests notice: mutation testing by sample.

``python -m tests.bench.bench_mutation [--packages sip media …] [--each 12] [--seed 1] [--jobs 2]``

From each package it draws ``--each`` faults (:mod:`tests.support.faults`), puts one at a time into a copy of
the project and runs the tests that run the function with the fault, until one fails: first the unit tests of
the package, then the other unit tests, then the integration tests, then the acceptance tests of
:data:`ACCEPTANCE`. ``--until unit`` or ``--until integration`` leaves out what comes after. Which tests run
which function is found out first, by running them all once without a fault; failing ones are left out.

It prints the rate by package and every fault that lived, with its place. Faults that a person has found to
change nothing that a test could see are listed in ``faults_without_effect.tsv`` (module, function, line,
fault, why): they are counted apart, and the rate is given with and without them. A fault that makes a test
run into its limit counts as noticed and is counted apart too. A test over real sockets that fails, or one
that was too slow, is run once more without the fault: if it fails again nothing is known.

Results are kept in ``build/mutation.jsonl`` (``--results``): a fault whose module has not changed since is
not tried again, so the run can be ended and continued; ``--again`` tries those that lived once more. The same
seed draws the same faults from the same source. What each test runs is kept in
``build/mutation-tests.jsonl``: delete it after large moves of code.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
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
    digest_of,
    trials_of,
    within,
)

PACKAGES = ("execution", "media", "session", "sip", "store", "telephony", "webhooks")
KINDS = ("unit", "integration", "acceptance")
LOOKED_AT = ("tests/unit/**/test_*.py", "tests/integration/test_*.py")
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


def drawn(package: str, each: int, seed: int) -> list[Trial]:
    """The sample of a package; modules count by how many faults fit into them.

    Whether a fault is drawn hangs on itself, so that most of a sample stays when the code changes.
    """
    trials = [
        trial
        for path in sorted((ROOT / SOURCES / package).rglob("*.py"))
        if not str(path).endswith(NOT_AT_WORK)
        for trial in trials_of(package, path)
    ]
    return sorted(trials, key=lambda trial: digest_of(f"{seed} {trial.key}"))[:each]


def tiers(trial: Trial, known: MeasuredTests, until: str) -> list[list[MeasuredTest]]:
    """The tests that should notice a fault, those that cost least first, up to the kind ``until``."""
    running = known.running(trial.module, trial.function)
    own = f"tests/unit/{trial.package}/"
    unit = [test for test in running if test.name.startswith("tests/unit/")]
    chosen = [
        within((test for test in unit if test.name.startswith(own)), UNIT_BUDGET),
        within((test for test in unit if not test.name.startswith(own)), UNIT_BUDGET),
    ]
    if until == "unit":
        return chosen
    beyond = [test for test in running if not test.name.startswith("tests/unit/")]
    chosen.append(within(beyond, INTEGRATION_BUDGET))
    if until == "integration":
        return chosen
    acceptance = [
        MeasuredTest(f"tests/acceptance/test_{name}.py", 60, frozenset())
        for name in ACCEPTANCE[trial.package]
    ]
    return [*chosen, acceptance]


class Results:
    """What is known of faults, in a file of JSON lines that grows with each trial."""

    def __init__(self, path: Path, *, again: bool) -> None:
        self._path = path
        self._outcomes: dict[str, Outcome] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        for line in path.read_text().splitlines() if path.exists() else ():
            known = json.loads(line)
            self._outcomes[known["key"]] = Outcome(known["outcome"])
        again_too = {Outcome.UNSURE, Outcome.LIVED} if again else {Outcome.UNSURE}
        self._outcomes = {k: o for k, o in self._outcomes.items() if o not in again_too}

    def outcome(self, trial: Trial) -> Outcome | None:
        """None: not tried."""
        return self._outcomes.get(trial.key)

    def add(self, trial: Trial, verdict: Verdict) -> None:
        """Keep what became of a fault."""
        self._outcomes[trial.key] = verdict.outcome
        known = {
            "key": trial.key,
            "line": trial.fault.line,
            "fault": trial.fault.text,
            "outcome": verdict.outcome,
            "by": verdict.by,
        }
        with self._path.open("a") as file:
            file.write(json.dumps(known, ensure_ascii=False) + "\n")


class Bench:
    """Some copies of the project, and what is known of its tests."""

    def __init__(self, folder: Path, known: MeasuredTests, jobs: int) -> None:
        self._known = known
        self._jobs = jobs
        self._copies: Queue[Copy] = Queue()
        for number in range(jobs):
            (folder / str(number)).mkdir()
            self._copies.put(Copy(folder / str(number)))

    def look_at_tests(self) -> None:
        """Find out which tests run which function, where that is not known."""
        files = {str(p.relative_to(ROOT)) for pattern in LOOKED_AT for p in ROOT.glob(pattern)}
        files = {file for file in files if not file.startswith(LEFT_OUT)}
        self._known.keep(files)
        unknown = sorted(file for file in files if not self._known.knows(file))
        if unknown:
            print(f"looking at the tests of {len(unknown)} files first", flush=True)

        def look(file: str) -> None:
            with self._copy() as copy:
                if not self._known.learn(file, copy):
                    print(f"{file}: not all pass without a fault", flush=True)

        with ThreadPoolExecutor(self._jobs) as pool:
            list(pool.map(look, unknown))

    def try_all(self, trials: list[Trial], results: Results, until: str) -> None:
        """Try faults, some at a time."""

        def attempt(trial: Trial) -> None:
            began = time.monotonic()
            chosen = tiers(trial, self._known, until)
            with self._copy() as copy:
                verdict = copy.try_out(trial, chosen)
            results.add(trial, verdict)
            said = f"{verdict.outcome:<7} {time.monotonic() - began:4.0f} s"
            place = f"{trial.module}:{trial.fault.line}"
            print(f"{said}  {place}  {trial.fault.text}  {verdict.by}", flush=True)

        with ThreadPoolExecutor(self._jobs) as pool:
            list(pool.map(attempt, trials))

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
    yield f"{'package':<10} tried noticed time-out no-effect lived rate"
    for package in sorted(rows):
        yield _row(package, rows[package])
    yield _row("all", sum(rows.values(), Counter()))
    yield from lived


def _row(name: str, count: Counter[str]) -> str:
    """The rate, and in brackets the rate when faults without effect count as not noticed."""
    late, harmless, lived = count[Outcome.TIMEOUT], count["harmless"], count[Outcome.LIVED]
    noticed = count[Outcome.NOTICED] + late
    tried = noticed + harmless + lived
    rate = "-"
    if tried > harmless:
        rate = f"{100 * noticed / (tried - harmless):.0f}% ({100 * noticed / tried:.0f}%)"
    return f"{name:<10} {tried:>5} {noticed:>7} {late:>8} {harmless:>9} {lived:>5} {rate}"


def main() -> None:
    """Draw, try, report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--packages", nargs="+", choices=PACKAGES, default=PACKAGES)
    parser.add_argument("--each", type=int, default=12, help="faults drawn from each package")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--results", type=Path, default=ROOT / "build" / "mutation.jsonl")
    parser.add_argument("--until", choices=KINDS, default=KINDS[-1], help="the last kind of tests")
    parser.add_argument("--again", action="store_true", help="try those that lived once more")
    options = parser.parse_args()
    trials = [t for package in options.packages for t in drawn(package, options.each, options.seed)]
    results = Results(options.results, again=options.again)
    unknown = [trial for trial in trials if results.outcome(trial) is None]
    print(f"{len(trials)} faults, {len(unknown)} of them not tried yet", flush=True)
    if unknown:
        known = MeasuredTests(options.results.with_name("mutation-tests.jsonl"))
        with tempfile.TemporaryDirectory(prefix="offhook-mutation-") as folder:
            bench = Bench(Path(folder), known, options.jobs)
            bench.look_at_tests()
            bench.try_all(unknown, results, options.until)
            bench.close()
    print("\n".join(report(trials, results)))


if __name__ == "__main__":
    main()
