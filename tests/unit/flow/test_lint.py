"""``offhook lint``: every problem with its line, column and a hint."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from tests.unit.flow.flow_requests import NOW, TEXTS

from offhook.codes import StatusCode
from offhook.flow.lint import HINTS, Finding, lint_text, offline_facts, render, run
from offhook.flow.problems import Mode

BAD = """{
  "validUntil": "2020-01-01T00:00:00Z",
  "callflow": [
    {"action": "makeCall", "params": {"source": "6512341234", "destination": "x"}},
    {
      "action": "say",
      "params": {"voiceProfile": "en-GB-Emma", "repetition": 4}
    },
    "hangup"
  ]
}
"""
GOOD = """{"callflow": [
  {"action": "makeCall", "params": {"source": "1", "destination": "+6590000000"}}
]}"""


def findings(text: str | bytes, mode: Mode = Mode.SUBMITTED) -> list[Finding]:
    """What lint says of a text."""
    data = text if isinstance(text, bytes) else text.encode()
    return lint_text("a.json", data, offline_facts(), mode=mode, now=NOW)


def test_every_problem_has_its_line_and_column() -> None:
    assert [(f.code, f.line, f.column, f.path) for f in findings(BAD)] == [
        (-1009, 7, 17, "$.callflow[1].params.text"),
        (-1009, 7, 62, "$.callflow[1].params.repetition"),
        (-1009, 9, 5, "$.callflow[2]"),
        (-1017, 4, 78, "$.callflow[0].params.destination"),
        (-1015, 2, 17, "$.validUntil"),
    ]


def test_a_finding_says_what_the_server_would_and_how_to_mend_it() -> None:
    missing, out_of_range, *_ = findings(BAD)
    assert missing.message == (
        "Invalid call flow entry provided. $.callflow[1].params.text: is missing but it is required"
    )
    assert missing.hint == "Add the member; null counts as absent."
    assert out_of_range.hint == "Give the member the type and range named above."


def test_every_code_has_a_hint() -> None:
    assert set(HINTS) == set(TEXTS)


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ("", 1, 1, "The text ends here, too early."),
        ('{\n "a": [1,\n]}', 3, 1, "A comma stands before the closing bracket."),
        ('{"a": 1 "b": 2}', 1, 9, 'A "," or "}" is expected here.'),
        ('{"a" 1}', 1, 6, 'A ":" is expected here.'),
        ("{a: 1}", 1, 2, "A key in double quotes is expected here."),
        ("{'a': 1}", 1, 2, "A key in double quotes is expected here."),
        ("{\"a\": 'b'}", 1, 7, "Strings stand in double quotes."),
        ('{"a": "x\ny"}', 1, 7, "This string does not end on its line, or holds a character"),
        ('{"a": nul}', 1, 7, "A value is expected here."),
        ('{"a": 01}', 1, 7, "A value is expected here."),
        ('{"a": -Infinity}', 1, 7, "NaN and Infinity are not JSON."),
        ('{"a": 1e400}', 1, 7, "This number is larger than any reader takes."),
        ('{"a": ' + "1" * 4301 + "}", 1, 7, "This number is larger than any reader takes."),
        ('{"a": 1, // b\n "c": 2}', 1, 10, "A key in double quotes is expected here."),
        ('{"a": /* b */ 1}', 1, 7, "JSON has no comments."),
        ('{\n"a": 1,\n  "\\u0061": 2}', 3, 3, 'The key "a" is repeated.'),
        ('{"é": 1, "é": 2}', 1, 10, 'The key "é" is repeated.'),
        ('{"a": ' + "[" * 32 + "]" * 32 + "}", 1, 38, "Nested deeper than 32 levels."),
        ("[]", 1, 1, "The value is no object."),
        ("{} {}", 1, 4, "There is text behind the JSON value."),
        ("\ufeff\ufeff{}", 1, 1, "A byte order mark stands here."),
        ('\ufeff{"a": /* b */ 1}', 1, 7, "JSON has no comments."),
        (b'{"a": "\xc3\xa9\xff"}', 1, 9, "This byte is not UTF-8."),
        ("{}" + " " * 262_143, 1, 1, "The body has 262145 bytes."),
    ],
)
def test_what_is_no_json_is_told_where_and_why(
    text: str | bytes, line: int, column: int, reason: str
) -> None:
    (finding,) = findings(text)
    assert (finding.code, finding.line, finding.column) == (-1001, line, column)
    assert finding.hint.startswith(reason)


def test_columns_count_characters() -> None:
    text = GOOD.replace('"source": "1"', '"x": "\U0001f600é", "source": {}')
    (finding,) = findings(text)
    assert text.splitlines()[finding.line - 1][finding.column - 1] == "{"


def test_offline_every_source_profile_and_scenario_is_assumed() -> None:
    for text in (
        GOOD.replace('"1"', '"+442071234567"'),
        GOOD.replace('"1"', '"private"'),
        '{"callflow": [{"action": "executeScenario", "params": {"scenarioName": "any"}}]}',
    ):
        assert findings(text) == []
    say = '{"callflow": [{"action": "say", "params": {"text": "a", "voiceProfile": "%s"}}]}'
    assert findings(say % "zu-ZA-Themba", Mode.DECISION) == []
    assert [f.code for f in findings(say % "zu-ZA-Nobody", Mode.DECISION)] == [-1002]


def test_a_vca_webhook_is_assumed_unless_told_otherwise() -> None:
    text = (
        b'{"callflow": [{"action": "sayAndCapture", '
        b'"params": {"promptMessage": "a", "language": "en"}}]}'
    )
    with_vca, without = offline_facts(), offline_facts(vca=False)
    assert lint_text("a", text, with_vca, mode=Mode.DECISION) == []
    codes = [f.code for f in lint_text("a", text, without, mode=Mode.DECISION)]
    assert codes == [-1004]


def test_the_rendering_for_a_person() -> None:
    plain = render(findings(BAD)[:1], colour=False)
    assert plain == (
        "a.json:7:17 -1009 Invalid call flow entry provided. $.callflow[1].params.text: "
        "is missing but it is required\n"
        "    $.callflow[1].params.text\n"
        "    Add the member; null counts as absent.\n"
        "1 problem in 1 file\n"
    )
    assert "\x1b[" in render(findings(BAD), colour=True)
    assert render([], colour=False) == ""


def lint_run(*names: str, json: bool = False, decision: bool = False) -> tuple[int, str]:
    """The exit code and output of a run."""
    out = io.StringIO()
    return run(names, json, False, out, decision=decision), out.getvalue()


def test_the_exit_code_tells_clean_from_problems_from_unreadable(tmp_path: Path) -> None:
    good, bad, away = (str(tmp_path / name) for name in ("good.json", "bad.json", "away.json"))
    Path(good).write_text(GOOD.replace('"1"', '"6512341234"'))
    Path(bad).write_text(BAD)
    assert lint_run(good) == (0, "1 file, no problem\n")
    code, text = lint_run(good, bad)
    assert code == 1
    assert text.endswith("5 problems in 1 file\n")
    code, text = lint_run(bad, away)
    assert code == 2
    assert text.endswith(f"{away}: No such file or directory\n")


def test_the_output_for_programs(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(BAD)
    code, text = lint_run(str(bad), json=True)
    assert code == 1
    document = json.loads(text)
    assert document["unreadable"] == []
    assert document["findings"][2] == {
        "file": str(bad),
        "line": 9,
        "column": 5,
        "path": "$.callflow[2]",
        "code": -1009,
        "message": "Invalid call flow entry provided. $.callflow[2]: string found, object expected",
        "hint": HINTS[StatusCode.INVALID_ENTRY],
    }


def test_standard_input_is_a_file_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"callflow": []}')))
    code, text = lint_run("-")
    assert code == 1
    assert text.startswith("<stdin>:1:14 -1009 ")


def test_answers_of_a_webhook_are_linted_as_such(tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    answer.write_text('{"callflow": []}')
    assert lint_run(str(answer))[0] == 1
    assert lint_run(str(answer), decision=True)[0] == 0
