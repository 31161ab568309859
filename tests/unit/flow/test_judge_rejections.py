"""Every rule of ``spec/status-codes.md`` by bodies that break it: code, HTTP, text, all errors."""

from __future__ import annotations

import pytest
from tests.unit.flow.flow_requests import TEXTS, judged
from tests.unit.flow.rejected import Case
from tests.unit.flow.rejected_arrangements import ARRANGEMENT, DESTINATIONS, SCENARIOS, SOURCES
from tests.unit.flow.rejected_contents import CAPTURES, CHARACTERS, LEGACY, ORDER, VALIDITY, VOICES
from tests.unit.flow.rejected_members import MEMBERS
from tests.unit.flow.rejected_requests import ELEMENTS, NOT_JSON, TOP_LEVEL

from offhook.flow.problems import Mode

CASES = [
    *NOT_JSON,
    *TOP_LEVEL,
    *ELEMENTS,
    *MEMBERS,
    *SCENARIOS,
    *ARRANGEMENT,
    *DESTINATIONS,
    *SOURCES,
    *CHARACTERS,
    *VOICES,
    *CAPTURES,
    *VALIDITY,
    *LEGACY,
    *ORDER,
]


@pytest.mark.parametrize("case", CASES, ids=[ascii(case.name)[:100] for case in CASES])
def test_a_body_is_rejected_with_every_problem(case: Case) -> None:
    verdict = judged(case.body, case.facts)
    expected = []
    for code, path, *detail in case.errors:
        text = TEXTS[code][0] + (f"{path}: {detail[0]}" if detail else "")
        expected.append((code, path, text))
    assert [(p.code, p.path, p.message) for p in verdict.problems] == expected
    assert verdict.callflow is None
    assert verdict.status == expected[0][0]
    assert verdict.status_message == expected[0][2]
    assert verdict.http_status == TEXTS[expected[0][0]][1]


def test_every_code_is_reached() -> None:
    assert {case.errors[0][0] for case in CASES} == set(TEXTS)
    assert len(CASES) >= 250


def test_names_of_cases_are_unique() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))


def test_a_decision_is_rejected_by_the_same_rules() -> None:
    """Whatever has nothing to do with the first action is judged alike in both modes."""
    for case in [*MEMBERS, *DESTINATIONS, *SOURCES, *CHARACTERS, *VOICES, *CAPTURES, *VALIDITY]:
        verdict = judged(case.body, case.facts, Mode.DECISION)
        assert [p.path for p in verdict.problems] == [e[1] for e in case.errors], case.name
