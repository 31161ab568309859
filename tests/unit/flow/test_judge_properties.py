"""What holds for every body: no exception, a documented code, the same verdict again."""

from __future__ import annotations

import json
from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.support.examples import examples
from tests.unit.flow.accepted_bodies import GUIDES, NEIGHBOURS
from tests.unit.flow.flow_requests import FACTS, NO_VCA, NOW, TEXTS, encoded, judged
from tests.unit.flow.test_flow_schema import BODIES

from offhook.flow import answer_bodies, jsontext, positions
from offhook.flow.actions import Callflow
from offhook.flow.judge import judge
from offhook.flow.problems import Mode, Verdict


def json_values(*, finite: bool) -> st.SearchStrategy[object]:
    """Any JSON value; unless ``finite``, with the NaN and infinities Python writes."""
    numbers = st.integers() | st.floats(allow_nan=not finite, allow_infinity=not finite)
    return st.recursive(
        st.none() | st.booleans() | numbers | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )


PIECES = st.lists(
    st.sampled_from(
        [
            *'{}[]:,"\\ \n-1.eE',
            '"a"',
            '"\\\\"',
            '"\\""',
            '":"',
            '"\\u0061"',
            '"\\ud800"',
            '"\\\\ud800"',
            '"\\ud83d\\ude00"',
            '"\\ude00\\ud83d"',
            '"\\ud800\\ud800\\udc00"',
            '{"a":1,"a":2}',
            '{"a":1,"\\u0061":2}',
            '{"a":{"b":[]},"b":{}}',
            '"callflow":[]',
            "1e400",
            "1.5",
            "-0",
            "01",
            "NaN",
            "-Infinity",
            "true",
            "null",
            "\x00",
            "\ufeff",
            "é",
            "1" * 4301,
            "[" * 17,
            "]" * 17,
        ]
    )
).map("".join)

MEANING: dict[str, object] = {**GUIDES, **NEIGHBOURS}


def is_documented(verdict: Verdict) -> bool:
    """A callflow, or problems whose codes and texts are those of the contract."""
    if verdict.callflow is not None:
        return not verdict.problems
    return bool(verdict.problems) and all(
        problem.message.startswith(TEXTS[problem.code][0]) and problem.path.startswith("$")
        for problem in verdict.problems
    )


@examples(150)
@given(st.binary() | PIECES.map(str.encode), st.sampled_from(Mode))
def test_any_bytes_get_a_documented_code(body: bytes, mode: Mode) -> None:
    verdict = judge(body, FACTS, NOW, mode=mode)
    assert is_documented(verdict)
    assert judge(body, FACTS, NOW, mode=mode) == verdict


@examples(150)
@given(json_values(finite=False) | BODIES, st.sampled_from(Mode))
def test_any_json_gets_a_documented_code(body: object, mode: Mode) -> None:
    verdict = judge(json.dumps(body).encode(), NO_VCA, NOW, mode=mode)
    assert is_documented(verdict)
    if verdict.problems:
        answer = json.loads(answer_bodies.rejected(verdict.problems, "id"))
        assert answer["statusCode"] == verdict.status
        assert len(answer["errors"]) == len(verdict.problems)


@examples(250)
@given(PIECES)
def test_the_scanner_and_the_decoder_agree_on_what_is_json(text: str) -> None:
    def accepts(read: object, value: object) -> bool:
        try:
            read(value)  # type: ignore[operator]
        except (jsontext.InvalidJson, positions.Malformed):
            return False
        return True

    accepted = accepts(jsontext.decode, text.encode())
    without_mark = text.removeprefix("\ufeff")
    assert accepts(positions.offsets, without_mark) == accepted
    assert accepts(_reference, without_mark) == accepted


def _reference(text: str) -> object:
    """The same rules by the standard library, value by value."""

    def pairs(members: list[tuple[str, object]]) -> dict[str, object]:
        if len(dict(members)) != len(members):
            raise jsontext.InvalidJson
        return dict(members)

    def number(digits: str) -> float:
        if float(digits) in (float("inf"), float("-inf")):
            raise jsontext.InvalidJson
        return float(digits)

    def constant(name: str) -> object:
        raise jsontext.InvalidJson

    def depth(value: object) -> int:
        if isinstance(value, dict):
            return 1 + max(map(depth, value.values()), default=0)
        return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0

    try:
        value: object = json.loads(
            text, object_pairs_hook=pairs, parse_float=number, parse_constant=constant
        )
    except ValueError:
        raise jsontext.InvalidJson from None
    if depth(value) > jsontext.DEEPEST:
        raise jsontext.InvalidJson
    return value


UNKNOWN = st.text().map("x-{}".format)


@examples(60)
@given(
    st.sampled_from(sorted(MEANING)),
    st.lists(st.tuples(UNKNOWN, json_values(finite=True)), max_size=3),
)
def test_unknown_members_change_nothing(name: str, unknown: list[tuple[str, object]]) -> None:
    """Outside of executeScenario, where they are parameters."""
    body = json.loads(encoded(MEANING[name]))
    extra = dict(unknown)
    is_scenario = name == "scenario"
    actions = [
        {
            **extra,
            **action,
            **(
                {}
                if is_scenario or not isinstance(action.get("params"), dict)
                else {"params": {**extra, **action["params"]}}
            ),
        }
        for action in body["callflow"]
    ]
    changed = judged({**extra, **body, "callflow": actions}).callflow
    assert changed is not None
    assert changed == judged(body).callflow


@examples(50)
@given(st.sampled_from(sorted(MEANING)), st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_an_accepted_callflow_survives_another_spelling(
    name: str, ascii_only: bool, indent: str | int | None
) -> None:
    body = json.loads(encoded(MEANING[name]))
    if not ascii_only:
        body.pop("x", None)  # a lone surrogate can only be escaped
    again = json.dumps(body, ensure_ascii=ascii_only, indent=indent, sort_keys=True).encode()
    assert judge(again, FACTS, NOW).callflow == judged(MEANING[name]).callflow


@examples(60)
@given(st.sampled_from(sorted(MEANING)), st.integers(0, 365))
def test_what_is_accepted_stays_accepted_until_it_expires(name: str, days: int) -> None:
    assert judge(encoded(MEANING[name]), FACTS, NOW + timedelta(days)).problems == ()


@examples(60)
@given(BODIES)
def test_whatever_is_accepted_can_be_stored(body: object) -> None:
    callflow = judged(body).callflow
    if callflow is not None:
        assert msgspec.json.decode(msgspec.json.encode(callflow), type=Callflow) == callflow
