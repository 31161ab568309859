"""``offhook simulate``: the whole conversation, or every problem, without a call."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from offhook import cli
from offhook.testing import simulate

FLOW = {
    "callflow": [
        {"action": "makeCall", "params": {"source": "+6512341234", "destination": "+12025550100"}},
        {
            "action": "sayAndCapture",
            "params": {"promptMessage": "Press 1.", "language": "en-US", "maxDigits": 1},
        },
        {"action": "makeCall", "params": {"source": "+6512341234", "destination": "+12025550111"}},
    ]
}


@pytest.fixture
def flow(tmp_path: Path) -> str:
    path = tmp_path / "flow.json"
    path.write_text(json.dumps(FLOW))
    return str(path)


def told(flow: str, **options: Any) -> tuple[int, str]:
    out = io.StringIO()
    return simulate.run(flow, out=out, **options), out.getvalue()


def test_the_conversation_and_the_summary(flow: str) -> None:
    code, text = told(flow, press="1")
    assert code == 0
    assert "  0:01.00  Offhook says 'Press 1.'\n" in text
    assert "  0:01.68  +12025550100 presses 1\n" in text
    assert "+12025550111 answers" in text
    assert "The session is COMPLETED." in text
    assert '"sessionStatus": "COMPLETED"' in text
    assert "\x1b" not in text


def test_colours_only_on_request(flow: str) -> None:
    assert "\x1b[36mOffhook\x1b[0m" in told(flow, press="1", colour=True)[1]


def test_json_for_programs(flow: str) -> None:
    code, text = told(flow, press="1", as_json=True)
    document = json.loads(text)
    assert code == 0
    assert document["digits"] == ["1"]
    assert document["timeline"][0] == {
        "at": 0.0,
        "who": "Offhook",
        "what": "calls",
        "text": "+12025550100 from +6512341234",
    }
    assert document["asked"][0]["callStatus"] == "ACTION_COMPLETED"
    assert document["summary"]["callCount"] == 2


def test_keys_nobody_asked_for_are_told_of(flow: str) -> None:
    code, text = told(flow, press="1,2,3")
    assert code == 1
    assert "the step “presses 1, 2, 3 in turn” never happened" in text


def test_a_rejected_callflow_shows_every_problem_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text('{"callflow": [\n  {"action": "say", "params": {"language": "en-US"}}\n]}')
    code, text = told(str(path))
    assert code == 1
    assert f"{path}:2:" in text
    assert "-1009" in text
    assert "-1013" in text
    code, text = told(str(path), as_json=True)
    document = json.loads(text)
    assert document["answer"]["statusCode"] == -1009
    assert [finding["code"] for finding in document["findings"]] == [-1009, -1013]


def test_a_session_that_ends_in_an_error_fails(flow: str) -> None:
    code, text = told(flow, press="1", vca="http://127.0.0.1:1/vca")
    assert code == 1
    assert "The session is ERROR. -2002" in text


def test_the_command(flow: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["simulate", flow, "--press", "1"]) == 0
    assert "The session is COMPLETED." in capsys.readouterr().out
    assert cli.main(["simulate", flow, "--press", "one"]) == 2
    assert "no keys of a phone" in capsys.readouterr().err
    assert cli.main(["simulate", "/no/such/file"]) == 2
    assert "No such file" in capsys.readouterr().err
