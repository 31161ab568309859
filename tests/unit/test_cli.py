"""The command line: exit codes, words for mistakes, and what is shown."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from offhook import cli
from offhook.commands import api_client
from offhook.commands.sessions import FICTION


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = cli.main(arguments)
    out, err = capsys.readouterr()
    return status, out, err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nope",), 'Unknown command "nope"'),
        (("serve", "--nope"), "--nope"),
        (("serve", "--workers", "0"), "--workers: expected 1 to 64"),
        (("serve", "--role", "both"), "--role"),
        (("serve", "--config", "/no/file.toml"), "/no/file.toml: cannot be read"),
        (("call", "--to", "+6512345678"), "--say"),
        (("sessions",), "no API key: give --api-key or set OFFHOOK_API_KEY"),
    ],
)
def test_a_wrong_command_exits_2_and_says_what_is_wrong(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.delenv("OFFHOOK_API_KEY", raising=False)
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("offhook: ")
    assert told in err
    assert "Traceback" not in err


def test_a_server_that_is_not_there_exits_1(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "sessions", "--api-key", "k", "--url", "http://127.0.0.1:1")
    assert status == 1
    assert err.startswith("offhook: cannot reach http://127.0.0.1:1: Connection refused.")
    assert "offhook serve" in err


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "file:///etc/passwd", "http://"])
def test_a_url_that_is_none(capsys: pytest.CaptureFixture[str], url: str) -> None:
    status, _, err = run(capsys, "show", "x", "--api-key", "k", "--url", url)
    assert status == 1
    assert "--url: expected something like http://127.0.0.1:8080" in err


SHOWN = {
    "sessionId": "0192",
    "sessionStatus": "ERROR",
    "createdTimestamp": "2026-01-01T00:00:00.000Z",
    "errorDetails": {"errorCode": -2005, "errorMsg": "Unable to synthesize", "detail": "no voice"},
    "legs": [
        {
            "callDirection": "OUTBOUND",
            "source": "+1",
            "destination": "+2",
            "callStatus": "COMPLETED",
            "callDuration": 3,
            "callQuality": {"mos": 4.4},
        }
    ],
    "events": [
        {
            "number": 1,
            "event": "CALL_UPDATED",
            "timestamp": "2026-01-01T00:00:00.123Z",
            "callId": "c",
            "sipCode": 180,
        }
    ],
    "deliveries": [{"type": "VSS", "state": "delivered"}],
}


class Asked:
    """Stands for the API; keeps what it was asked."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self.paths: list[str] = []
        self.bodies: list[Any] = []

    def __call__(self, client: object, path: str, body: bytes | None) -> dict[str, Any]:
        self.paths.append(path)
        self.bodies.append(json.loads(body) if body else None)
        return self.answer


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    asked = Asked(SHOWN)
    monkeypatch.setattr(api_client.ApiClient, "_ask", lambda *args: asked(*args))
    monkeypatch.setenv("OFFHOOK_API_KEY", "k")
    return asked


def test_show_for_people(capsys: pytest.CaptureFixture[str], asked: Asked) -> None:
    status, out, _ = run(capsys, "show", "01/92")
    assert status == 0
    assert asked.paths == ["/sessions/01%2F92"]
    assert out.splitlines() == [
        "0192 ERROR",
        "  -2005 Unable to synthesize: no voice",
        "  outbound +1 → +2 COMPLETED 3 s, MOS 4.4",
        "  00:00:00.123  CALL_UPDATED      sipCode=180",
        "  webhook VSS: delivered",
    ]


def test_show_for_programs(capsys: pytest.CaptureFixture[str], asked: Asked) -> None:
    status, out, _ = run(capsys, "show", "0192", "--json")
    assert status == 0
    assert json.loads(out) == SHOWN


def test_call_posts_a_callflow(capsys: pytest.CaptureFixture[str], asked: Asked) -> None:
    asked.answer = {"sessionId": "0192", "statusCode": 1}
    status, out, _ = run(capsys, "call", "--to", "+2", "--say", "Hello", "--voice", "en-GB-Amy")
    assert status == 0
    assert out == "Session 0192 created. Follow it: offhook show 0192\n"
    assert asked.bodies == [
        {
            "callflow": [
                {
                    "action": "makeCall",
                    "params": {"source": FICTION, "destination": "+2"},
                },
                {"action": "say", "params": {"text": "Hello", "voiceProfile": "en-GB-Amy"}},
                {"action": "hangup"},
            ]
        }
    ]


def test_call_and_wait_fails_with_the_session(
    capsys: pytest.CaptureFixture[str], asked: Asked
) -> None:
    status, out, _ = run(capsys, "call", "--to", "+2", "--say", "Hello", "--wait")
    assert status == 1
    assert out.startswith("0192 ERROR")


def test_sessions_as_a_table(capsys: pytest.CaptureFixture[str], asked: Asked) -> None:
    asked.answer = {"sessions": [SHOWN], "nextCursor": "abc"}
    status, out, _ = run(capsys, "sessions", "--status", "ERROR")
    assert status == 0
    assert asked.paths == ["/sessions?status=ERROR&limit=20"]
    assert out.splitlines() == [
        "SESSION  CREATED                   STATUS  TO  LAST ACTION",
        "0192     2026-01-01T00:00:00.000Z  ERROR   +2",
        "More: --cursor abc",
    ]


def test_what_a_server_says_cannot_command_the_terminal(
    capsys: pytest.CaptureFixture[str], asked: Asked
) -> None:
    asked.answer = {**SHOWN, "sessionId": "\x1b[2J"}
    _, out, _ = run(capsys, "show", "0192")
    assert "\x1b" not in out


def test_ready_text() -> None:
    facts = {
        "url": "http://127.0.0.1:8080",
        "sip": ["udp:127.0.0.1:5060"],
        "api_key": "offhook_x",
        "phones": [
            {"number": "+1", "outcome": "answer"},
            {"number": "+2", "outcome": "busy"},
        ],
    }
    assert cli.ready_text(facts).splitlines() == [
        "Offhook is ready: http://127.0.0.1:8080",
        "SIP: udp:127.0.0.1:5060",
        "Built-in phones: +1, +2 (busy)",
        "API key of the sub-account demo, shown only now: offhook_x",
    ]


def test_every_command_has_json_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    commands: list[tuple[str, ...]] = [
        ("serve",),
        ("demo",),
        ("call",),
        ("sessions",),
        ("show",),
        ("voices",),
    ]
    commands += [("keys", name) for name in ("create", "list", "revoke")]
    commands += [("db", "upgrade")]
    for command in commands:
        status, out, _ = run(capsys, *command, "--help")
        assert status == 0
        assert "--json" in out, command


def test_lint_judges_files_and_standard_input(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"callflow": [{"action": "hangup"}]}')
    status, out, _ = run(capsys, "lint", str(wrong), "--json")
    assert status == 1
    assert [found["code"] for found in json.loads(out)["findings"]] == [-1013]
    stdin = io.TextIOWrapper(io.BytesIO(wrong.read_bytes()))
    monkeypatch.setattr("sys.stdin", stdin)
    status, out, _ = run(capsys, "lint", "-", "--decision")
    assert (status, out) == (0, "1 file, no problem\n")
    assert run(capsys, "lint")[0] == 2
    assert run(capsys, "lint", "/no/file.json")[0] == 2


def test_schema_is_the_published_one(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "schema")
    assert status == 0
    published = Path(__file__).parents[2] / "docs" / "callflow.schema.json"
    assert out == published.read_text()


def test_voices_of_a_language(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "voices", "--language", "en-GB", "--json")
    assert status == 0
    profiles = json.loads(out)["speechProfiles"]
    assert {profile["localeCode"] for profile in profiles} == {"en-GB"}
    _, out, _ = run(capsys, "voices", "--language", "xx")
    assert out.split() == ["PROFILE", "LOCALE", "GENDER"]


def test_keys_from_making_to_revoking(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFHOOK_DATABASE__URL", f"sqlite:///{tmp_path}/offhook.db")
    status, out, _ = run(capsys, "keys", "create", "--name", "mine", "--days", "1", "--json")
    assert status == 0
    made = json.loads(out)
    assert made["apiKey"].startswith("offhook_")
    _, out, _ = run(capsys, "keys", "list", "--json")
    [listed] = json.loads(out)["keys"]
    assert (listed["id"], listed["name"], listed["revoked"]) == (made["id"], "mine", None)
    assert made["apiKey"] not in out
    assert run(capsys, "keys", "revoke", made["id"])[0] == 0
    _, out, _ = run(capsys, "keys", "list", "--json")
    assert json.loads(out)["keys"][0]["revoked"] is not None
    assert run(capsys, "keys", "revoke", "nope")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--account", "nobody"), "there is no account 'nobody'; known: demo"),
        (("--subaccount", "nobody"), "'demo' has no sub-account 'nobody'"),
        (("--scope", "all:write"), "there is no scope 'all:write'"),
        (("--days", "0"), "--days: expected 1 or more"),
    ],
)
def test_keys_for_nobody(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.setenv("OFFHOOK_DATABASE__URL", f"sqlite:///{tmp_path}/offhook.db")
    status, _, err = run(capsys, "keys", "create", *arguments)
    assert status == 1
    assert told in err


@pytest.mark.parametrize("command", [("keys", "list"), ("db", "upgrade")])
@pytest.mark.parametrize("url", ["sqlite:////proc/x.db", "postgresql://x@127.0.0.1:1/x"])
def test_a_database_that_is_not_there(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    url: str,
) -> None:
    monkeypatch.setenv("OFFHOOK_DATABASE__URL", url)
    status, _, err = run(capsys, *command)
    assert status == 1
    assert err.startswith("offhook: the database cannot be ")


def test_help_imports_no_server() -> None:
    code = (
        "import sys, offhook.cli; offhook.cli.main(['--help']);"
        "print([m for m in ('aiohttp', 'litestar', 'sqlalchemy', 'numpy', 'structlog')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"
