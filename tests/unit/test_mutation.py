"""The mutation benchmark: what is changed, what is left alone, and which tests are shown a fault."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.support.faults import faults, function_at
from tests.support.mutation import (
    Copy,
    Limits,
    MeasuredTest,
    Outcome,
    Run,
    Trial,
    imported_modules,
    lines_added,
    unfinished,
    within,
)

TIMES = {"slow": 9.0, "quick": 1.0, "other": 2.0}
SOURCES = Path(__file__).parents[2] / "src" / "offhook"


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("a = b < c", ["a = b <= c"]),
        ("a = b is not c", ["a = b is c"]),
        ("a = x and y", ["a = (x or y)"]),
        ("a = not b", ["a = (b)"]),
        ("a = 5", ["a = 6"]),
        ("a = True", ["a = False"]),
        ("a = b + c", ["a = (b - c)"]),
        ("def f():\n    return x", ["def f():\n    return None"]),
        ("def f():\n    g(x)", ["def f():\n    pass"]),
        ("self.a = b", ["pass"]),
        ("a += b", ["pass"]),
        ("if a:\n    b = c", ["if not (a):\n    b = c"]),
        ("ä = 'ü'; b = c == d", ["ä = 'ü'; b = c != d"]),
    ],
)
def test_what_is_changed(source: str, changed: list[str]) -> None:
    assert [fault.put_into(source) for fault in faults(source)] == changed


@pytest.mark.parametrize(
    "source",
    [
        '"""text"""',
        "log.warning('%d', n)",
        "Keys = dict[str, int]",
        "a: int = b",
        "@cache\ndef f(): x",
        "def f(a: Literal[1]) -> Literal[2]: x",
        "a = 'b' + c",
        "if TYPE_CHECKING:\n    import x",
    ],
)
def test_what_is_left_alone(source: str) -> None:
    assert faults(source) == []


def test_the_function_around_a_line_is_the_outermost_one() -> None:
    source = "A = 1\nclass B:\n    c = 1\n    async def d(self):\n        def e(): ...\n"
    places = [function_at(source, line)[0] for line in range(1, 6)]
    assert places == ["", "", "", "B.d", "B.d"]


def test_tests_over_the_budget_are_passed_over() -> None:
    slow, quick, other = (
        MeasuredTest(name, seconds, frozenset()) for name, seconds in TIMES.items()
    )
    assert within([quick, slow, other], budget=4) == [quick, other]
    assert within([slow], budget=4) == [slow]


def test_what_a_test_imports_through_its_helpers_counts() -> None:
    source = "from tests.support.held_line import held_line\nfrom offhook.sip import message\n"
    found = imported_modules(source)
    assert found >= {"sip/__init__.py", "sip/message.py", "telephony/line.py"}
    assert "telephony/redirects.py" not in found


def test_the_test_that_hangs_is_the_last_that_began() -> None:
    passed = "tests/unit/a.py::one PASSED [ 50%]\n"
    assert unfinished(f"{passed}tests/unit/a.py::two[1 2] ") == "tests/unit/a.py::two"
    assert unfinished(passed) == ""


def test_the_lines_that_a_diff_adds_are_known_by_file() -> None:
    diff = "--- a/x.py\n+++ b/x.py\n@@ -3,2 +4 @@\n-a\n-b\n+c\n@@ -9,0 +10,2 @@\n+d\n+e\n"
    assert lines_added(diff) == {"x.py": {4, 10, 11}}


PASSES, FAILS, HANGS = (
    Run(passed=True, failed="", late=False),
    Run(passed=False, failed="two", late=False),
    Run(passed=False, failed="two", late=True),
)


class Played(Copy):
    """A copy whose runs are told beforehand: with the fault, the failed test alone, and without it."""

    def __init__(self, folder: Path, *runs: Run) -> None:
        self.folder = folder
        self._runs = list(runs)
        self.asked: list[list[str]] = []

    def run(self, tests: Sequence[str], limits: Limits, *options: str, **settings: str) -> Run:
        self.asked.append(list(tests))
        return self._runs.pop(0)


@pytest.mark.parametrize(
    ("runs", "outcome"),
    [
        ([PASSES, PASSES], Outcome.LIVED),
        ([FAILS, FAILS, PASSES], Outcome.NOTICED),
        ([PASSES, FAILS, FAILS, PASSES], Outcome.NOTICED),
        ([HANGS, HANGS, PASSES], Outcome.HANG),
        ([FAILS, PASSES], Outcome.UNSURE),
        ([FAILS, FAILS, FAILS], Outcome.UNSURE),
        ([HANGS, PASSES], Outcome.UNSURE),
        ([HANGS, FAILS], Outcome.UNSURE),
    ],
)
def test_a_fault_is_noticed_by_a_test_that_fails_with_it_alone_and_passes_without(
    tmp_path: Path, runs: list[Run], outcome: Outcome
) -> None:
    copy = Played(tmp_path, *runs)
    verdict = copy.try_out(trial(tmp_path), [[MeasuredTest("one", 1, frozenset())]] * 2)
    assert verdict.outcome is outcome
    assert copy._runs == []
    assert all(tests == ["two"] for tests in copy.asked if tests != ["one"])


def trial(folder: Path) -> Trial:
    """A fault in a module of the folder."""
    module = folder / "module.py"
    module.write_text("a = 5\n")
    (fault,) = faults(module.read_text())
    return Trial("sip", "module.py", "", "", 0, "a = 5", fault)


@pytest.mark.full
def test_every_fault_in_our_own_source_is_python_and_a_change() -> None:
    for path in (SOURCES / "session").glob("*.py"):
        source = path.read_text()
        for fault in faults(source):
            changed = fault.put_into(source)
            assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(source)), fault.text
