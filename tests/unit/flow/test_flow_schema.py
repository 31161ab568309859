"""The schema for editors says of shapes what the judge says."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.examples import examples
from tests.unit.flow import test_judge_rejections
from tests.unit.flow.accepted_bodies import GUIDES, NEIGHBOURS
from tests.unit.flow.flow_requests import FACTS, encoded, judged

from offhook.flow import json_schema, table
from offhook.flow.problems import Verdict

if TYPE_CHECKING:
    import jsonschema

DOCUMENT = json_schema.document()
PUBLISHED = Path(__file__).parents[3] / "docs" / "callflow.schema.json"

BEYOND_A_PATTERN = "must be an absolute http or https URL", "does not match the date-time pattern"


def fits(body: object) -> bool:
    """Whether the schema accepts a body."""
    return _validator().is_valid(json.loads(encoded(body)))


@cache
def _validator() -> jsonschema.Draft202012Validator:
    import jsonschema  # takes a second, which every worker of the unit tests would wait

    return jsonschema.Draft202012Validator(DOCUMENT)


def shape_faults(verdict: Verdict, body: object) -> list[str]:
    """The problems that are the schema's business too."""
    callflow = body.get("callflow") if isinstance(body, dict) else None
    count = len(callflow) if isinstance(callflow, list) else 0
    faults = []
    for problem in verdict.problems:
        code, value = problem.code, _at(body, problem.path)
        if (
            code in (-1007, -1009)
            or (code == -1010 and count > table.MOST_ACTIONS)
            or (code == -1011 and isinstance(value, list))
            or (code in (-1003, -1008) and _out_of_range(value))
        ):
            faults.append(problem.message)
    return faults


def _out_of_range(value: object) -> bool:
    return isinstance(value, int | float) and not 1 <= value <= table.MOST_DIGITS


def _at(body: object, path: str) -> object:
    for name in path.removeprefix("$").replace("[", ".").replace("]", "").split(".")[1:]:
        if isinstance(body, dict):
            body = body.get(name)
        elif isinstance(body, list):
            body = body[int(name)]
        else:
            return None
    return body


def test_it_is_a_schema_of_draft_2020_12() -> None:
    _validator().check_schema(DOCUMENT)


def test_the_published_schema_is_current() -> None:
    """To renew it: ``offhook schema > docs/callflow.schema.json``."""
    assert json.loads(PUBLISHED.read_text()) == DOCUMENT


@pytest.mark.parametrize("name", GUIDES)
def test_the_guides_callflows_fit(name: str) -> None:
    assert fits(GUIDES[name])


def test_the_judges_tables_agree() -> None:
    bodies = [case.body for case in test_judge_rejections.CASES]
    bodies += NEIGHBOURS.values()
    agreed = 0
    for body in bodies:
        if isinstance(body, bytes):
            continue
        faults = shape_faults(judged(body), body)
        if any(fault.endswith(BEYOND_A_PATTERN) for fault in faults):
            continue
        assert fits(body) == (not faults), (body, faults)
        agreed += 1
    assert agreed > 350


VALUES: st.SearchStrategy[object] = st.sampled_from(
    [
        None,
        "",
        "a",
        "x" * 256,
        "x" * 3001,
        "en-GB",
        "en-GB-Emma",
        "+6590000000",
        "+6512341234",
        "https://files.example/a.mp3",
        "2027-01-01T00:00:00Z",
        0,
        1,
        3,
        4,
        25,
        26,
        1.0,
        1.5,
        0.4,
        600_000,
        600_001,
        6590000000,
        True,
        False,
        [],
        {},
    ]
)
MEMBERS = sorted(
    {p.name for row in table.ROWS for p in row.params} | {"endMessage", "text", "unknown"}
)
PARAMS = st.dictionaries(st.sampled_from(MEMBERS), VALUES, max_size=8)
ACTIONS = st.fixed_dictionaries(
    {},
    optional={
        "action": st.sampled_from([*table.BY_NAME, *table.BY_NAME, "dial", 1, None]),
        "params": PARAMS | PARAMS | VALUES,
    },
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "callflow": st.lists(ACTIONS, max_size=4) | st.lists(ACTIONS, max_size=4) | VALUES,
        "validUntil": VALUES,
        "clientActionId": VALUES,
        "clientRequestId": VALUES,
        "clientBatchId": VALUES,
    },
)


@examples(400)
@given(BODIES)
def test_schema_and_judge_agree_on_shape(body: dict[str, object]) -> None:
    faults = shape_faults(judged(body, FACTS), body)
    assert fits(body) == (not faults), faults
