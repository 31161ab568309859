"""The command line: exit codes, words for mistakes, and what is shown."""

from __future__ import annotations

import io
import json
import re
import shlex
import time
import wave
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from msgspec.structs import replace

from offhook import cli
from offhook.codes import SessionStatus
from offhook.commands import api_client
from offhook.commands.help_examples import EXAMPLES
from offhook.commands.session_commands import FICTION, Status
from offhook.commands.times import instant
from offhook.processes.ready_facts import ReadyPhone, ServerFacts


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = cli.main(arguments)
    out, err = capsys.readouterr()
    return status, out, err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nope",), 'Unknown command "nope"'),
        (("serve", "a.toml", "--config", "b.toml"), "give a.toml or --config b.toml, not both"),
        (("serve", "/no/file.toml"), "/no/file.toml: cannot be read"),
        (
            ("serve", "a.toml", "b.toml"),
            "one argument too many: 'b.toml'\nTry offhook serve --help.",
        ),
        (("serve", "--nope"), "Try offhook serve --help."),
        (("keys", "create", "--nope"), "Try offhook keys create --help."),
        (("lint",), "expected at least one FILE\nTry offhook lint --help."),
        (("simulate",), "expected a FILE, or --inbound NUMBER with --vca URL"),
        (("sessions", "--status", "error"), 'Choose from: "QUEUED", "RUNNING"'),
        (
            ("sessions", "--since", "yesterday", "--api-key", "k"),
            "--since: expected a time such as",
        ),
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
    "deliveries": [
        {"type": "VSS", "url": "http://h/vss", "state": "delivered", "attempts": [{}, {}]},
        {
            "type": "VCS",
            "url": "http://h/vcs",
            "state": "dropped",
            "attempts": [{"detail": "HTTP 500"}],
            "payload": {"payload": {"callStatus": "CALL_UPDATED"}},
        },
    ],
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


LONG_ID = "01/92" + "0" * 31
"""As long as a whole id."""


@pytest.fixture
def in_singapore(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The local time zone is eight hours ahead."""
    monkeypatch.setenv("TZ", "Asia/Singapore")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_show_for_people(
    capsys: pytest.CaptureFixture[str], asked: Asked, in_singapore: None
) -> None:
    status, out, _ = run(capsys, "show", LONG_ID)
    assert status == 0
    assert asked.paths == [f"/sessions/01%2F92{'0' * 31}"]
    assert out.splitlines() == [
        "0192 ERROR",
        "  -2005 Unable to synthesize: no voice",
        "  outbound +1 → +2 COMPLETED 3 s, MOS 4.4",
        "  2026-01-01 08:00:00.123  CALL_UPDATED      sipCode=180",
        "  webhook VSS http://h/vss: delivered, attempt 2",
        "  webhook VCS CALL_UPDATED http://h/vcs: dropped, HTTP 500",
    ]


def test_show_for_programs(capsys: pytest.CaptureFixture[str], asked: Asked) -> None:
    status, out, _ = run(capsys, "show", LONG_ID, "--json")
    assert status == 0
    assert json.loads(out) == SHOWN


def test_a_line_break_in_what_others_sent_makes_no_line(
    capsys: pytest.CaptureFixture[str], asked: Asked
) -> None:
    forged = "busy\n  webhook VSS http://h/vss: delivered\r\\n"
    event = {"number": 1, "event": "X", "timestamp": "", "detail": forged}
    asked.answer = {**SHOWN, "events": [event], "errorDetails": None, "legs": [], "deliveries": []}
    _, out, _ = run(capsys, "show", LONG_ID)
    assert len(out.splitlines()) == 2
    assert r"detail=busy\n  webhook VSS http://h/vss: delivered\r\\n" in out


IDS = ["0192aaaa-1111", "0192bbbb-1111", "0192cccc-3333"]


@pytest.mark.parametrize(
    ("argument", "shown", "told"),
    [
        ("3333", "0192cccc-3333", ""),
        ("0192bb", "0192bbbb-1111", ""),
        (None, "0192aaaa-1111", ""),
        ("1111", None, "'1111' fits 2 sessions: 0192aaaa-1111, 0192bbbb-1111"),
        ("4444", None, "no session whose id begins or ends with '4444' among the newest 1000"),
    ],
)
def test_a_session_by_the_end_of_its_id(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    argument: str | None,
    shown: str | None,
    told: str,
) -> None:
    def answer(client: object, path: str, body: object) -> dict[str, Any]:
        if path.startswith("/sessions?"):
            return {"sessions": [{"sessionId": each} for each in IDS]}
        return {**SHOWN, "sessionId": path.removeprefix("/sessions/")}

    monkeypatch.setattr(api_client.ApiClient, "_ask", answer)
    arguments = ("show",) if argument is None else ("show", argument)
    status, out, err = run(capsys, *arguments, "--api-key", "k")
    assert status == (0 if shown else 1)
    assert out.startswith(f"{shown} ERROR" if shown else "")
    assert told in err


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


def test_a_refusal_names_what_could_be_used_instead() -> None:
    client = api_client.ApiClient("http://127.0.0.1:1", "k", "demo")
    near = "Speech profile invalid. Usable profiles near it: en-US-Amber"
    body = {
        "statusCode": -1002,
        "statusMessage": "Speech profile invalid",
        "errors": [{"statusCode": -1002, "path": "$", "message": near}],
    }
    refusal = client._refusal(422, json.dumps(body).encode())
    assert str(refusal) == f"{near} (status code -1002)"


def test_call_on_a_caller_id_that_is_not_allowed_hints_at_the_option(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise api_client.ApiError("Invalid source (status code -1014)", -1014)

    monkeypatch.setattr(api_client.ApiClient, "_ask", refuse)
    status, _, err = run(capsys, "call", "--to", "+2", "--say", "x", "--api-key", "k")
    assert status == 1
    assert f"{FICTION} is not among the caller IDs of demo: give one of them with --from" in err


def test_ctrl_c_while_it_waits_says_which_session_goes_on(
    capsys: pytest.CaptureFixture[str], asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked.answer = {**SHOWN, "sessionStatus": "RUNNING"}

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupted)
    status, out, err = run(capsys, "call", "--to", "+2", "--say", "x", "--wait")
    assert (status, out) == (130, "")
    assert "session 0192 goes on. See it: offhook show 0192" in err


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("90s", "2026-01-31T11:58:30.000+00:00"),
        ("1h", "2026-01-31T11:00:00.000+00:00"),
        ("2d", "2026-01-29T12:00:00.000+00:00"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000+00:00"),
        ("2026-01-01T08:00", "2026-01-01T00:00:00.000+00:00"),
    ],
)
def test_an_age_or_a_local_time(in_singapore: None, given: str, sent: str) -> None:
    assert instant("--since", given, datetime(2026, 1, 31, 12, tzinfo=UTC)) == sent


def test_the_statuses_of_the_option_are_all_there_are() -> None:
    assert get_args(Status) == tuple(SessionStatus)


def test_sessions_as_a_table(
    capsys: pytest.CaptureFixture[str], asked: Asked, in_singapore: None
) -> None:
    session = {**SHOWN, "sessionId": "01920192-0192-7000-8000-0000deadbeef"}
    asked.answer = {"sessions": [session], "nextCursor": "abc"}
    status, out, _ = run(capsys, "sessions", "--status", "ERROR")
    assert status == 0
    assert asked.paths == ["/sessions?status=ERROR&limit=20"]
    assert out.splitlines() == [
        "SESSION   CREATED                  STATUS  FROM  TO  LAST ACTION",
        "deadbeef  2026-01-01 08:00:00.000  ERROR   +1    +2",
        "More: --cursor abc",
    ]


def test_what_a_server_says_cannot_command_the_terminal(
    capsys: pytest.CaptureFixture[str], asked: Asked
) -> None:
    asked.answer = {**SHOWN, "sessionId": "\x1b[2J"}
    _, out, _ = run(capsys, "show", LONG_ID)
    assert "\x1b" not in out


def test_ready_text() -> None:
    facts = ServerFacts(
        url="http://127.0.0.1:8080",
        sip=("udp:127.0.0.1:5060",),
        api_key="offhook_x",
        embedded=True,
        phones=(
            ReadyPhone(number="+1", outcome="answer"),
            ReadyPhone(number="+2", outcome="busy"),
        ),
    )
    assert cli.ready_text(facts).splitlines() == [
        "Offhook is ready: http://127.0.0.1:8080",
        "Console: http://127.0.0.1:8080/console",
        "SIP: udp:127.0.0.1:5060",
        "Built-in phones: +1, +2 (busy)",
        "API key of the sub-account demo, shown only now: offhook_x",
    ]
    assert cli.ready_text(replace(facts, api_key=None)).splitlines()[-1] == (
        "Its API key was shown at the first start; to make another: offhook keys create"
    )
    assert "key" not in cli.ready_text(replace(facts, api_key=None, embedded=False))


@pytest.mark.parametrize("command", EXAMPLES)
def test_every_command_has_json_help_and_examples(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    status, out, _ = run(capsys, *command.split(), "--help")
    assert status == 0
    assert "--json" in out or "\nCommands:\n" in out  # a group of commands
    assert "\n\nExamples:\n  offhook " in out
    assert re.search(r"[A-Z]_\b", out) is None  # a name of Python's, such as TYPE_
    for example in EXAMPLES[command]:
        assert f"  {example}\n" in out


def test_every_command_is_among_the_examples() -> None:
    commands = {name for name in cli.app.resolved_commands() if not name.startswith("-")}
    assert commands == {command for command in EXAMPLES if " " not in command}


@pytest.mark.parametrize("example", [each for all_ in EXAMPLES.values() for each in all_])
def test_every_example_is_a_command_line_that_is_understood(example: str) -> None:
    words = shlex.split(example.partition(" > ")[0])
    assert words[0] == "offhook"
    cli.app.parse_args(words[1:], exit_on_error=False, print_error=False)


def test_help_on_a_pipe_is_not_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "keys", "create", "--help")
    options = [line for line in out.splitlines() if line.startswith("  --config")]
    assert len(options) == 1
    assert options[0].endswith("/etc/offhook/offhook.toml.")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_for_shells(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    status, out, _ = run(capsys, "completion", shell)
    assert status == 0
    assert "sessions" in out
    assert "--status" in out or "status" in out


def test_simulate_a_call_from_outside(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    say = {"action": "say", "params": {"text": "Good day.", "language": "en-GB"}}
    answer.write_text(json.dumps({"callflow": [say, {"action": "hangup"}]}))
    status, out, _ = run(capsys, "simulate", str(answer), "--inbound", "+6568332048")
    assert status == 0, out
    assert "Good day." in out
    assert "The session is COMPLETED." in out


def test_simulating_a_call_to_a_number_that_is_none_is_told_in_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, _, err = run(capsys, "simulate", "--inbound", "abc", "--vca", "http://127.0.0.1:1/")
    assert status == 2
    assert "offhook: abc is no number of demo: Offhook answers 404" in err
    assert "Declare" not in err


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
    assert out.split() == ["PROFILE", "LOCALE", "GENDER", "ENGINE", "VOICE"]


@pytest.mark.parametrize("command", [("keys", "list"), ("keys", "create"), ("db", "upgrade")])
def test_no_database_is_made_where_nothing_says_that_one_belongs_there(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("OFFHOOK_CONFIG", "OFFHOOK_DATABASE__URL"):
        monkeypatch.delenv(name, raising=False)
    status, out, err = run(capsys, *command)
    assert (status, out) == (2, "")
    assert "there is no configuration file, and no database offhook.db in this folder" in err
    assert list(tmp_path.iterdir()) == []


def test_no_database_is_made_in_another_folder_than_the_configuration_s(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, other = tmp_path / "server", tmp_path / "elsewhere"
    folder.mkdir()
    other.mkdir()
    file = folder / "offhook.toml"
    file.write_text('[[subaccounts]]\nid = "demo"\naccount = "demo"\n')
    monkeypatch.chdir(other)
    for command in (("keys", "create"), ("db", "upgrade")):
        status, _, err = run(capsys, *command, "--config", str(file))
        assert status == 2
        assert f"there is no database offhook.db in this folder, and {file} is in another" in err
    assert list(other.iterdir()) == []
    monkeypatch.setenv("OFFHOOK_DATABASE__URL", f"sqlite:///{other}/whole.db")
    assert run(capsys, "keys", "create", "--config", str(file))[0] == 0
    monkeypatch.delenv("OFFHOOK_DATABASE__URL")
    monkeypatch.chdir(folder)
    assert run(capsys, "keys", "create", "--config", str(file))[0] == 0


def test_commands_take_the_configuration_that_is_there_and_say_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("OFFHOOK_CONFIG", "OFFHOOK_DATABASE__URL"):
        monkeypatch.delenv(name, raising=False)
    account = '[[subaccounts]]\nid = "acme_corp"\naccount = "acme"\n'
    Path("offhook.toml").write_text('[database]\nurl = "sqlite:///here.db"\n' + account)
    status, _, err = run(capsys, "keys", "create", "--account", "acme")
    assert status == 0
    assert err.startswith("offhook: configuration: ./offhook.toml\n")
    assert Path("here.db").exists()
    monkeypatch.setenv("OFFHOOK_CONFIG", "other.toml")
    Path("other.toml").write_text('[database]\nurl = "sqlite:///other.db"\n')
    _, _, err = run(capsys, "db", "upgrade")
    assert err.startswith("offhook: configuration: other.toml (OFFHOOK_CONFIG)\n")
    assert Path("other.db").exists()


LOCAL = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}"


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
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", listed["created"])
    _, out, _ = run(capsys, "keys", "list")
    heads, row = out.splitlines()
    assert heads.split()[:5] == ["ID", "NAME", "ACCOUNT", "SUB-ACCOUNTS", "SCOPES"]
    assert re.fullmatch(
        rf"{made['id']}  mine  demo     all           \*       {LOCAL}  +{LOCAL}", row
    )
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
def test_a_key_with_invalid_options_is_refused(
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


def test_say_speaks_to_a_file_without_a_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "hello.wav"
    status, out, _ = run(capsys, "say", "Hello.", "--voice", "en-GB-SoniaNeural", "-o", str(target))
    assert status == 0
    assert out.endswith("spoken by espeak-ng with gmw/en+f2\n")
    with wave.open(str(target)) as file:
        assert (file.getframerate(), file.getnchannels()) == (8000, 1)
        assert file.getnframes() > 2000


def test_a_sample_of_a_language_is_spoken_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "de.wav"
    status, out, _ = run(capsys, "voices", "sample", "de-DE", "-o", str(target), "--json")
    assert status == 0
    assert json.loads(out)["voice"] == "gmw/de"
    assert json.loads(out)["seconds"] > 1.5


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ("say", "x", "--voice", "en-GB-Nobody"),
            "no installed engine speaks en-GB-Nobody; near it",
        ),
        (("say", "x", "--speed", "3"), "--speed: expected 0.5 to 2"),
        (("say", "x", "-o", "/nonexistent/x.wav"), "/nonexistent/x.wav: No such file"),
        (("voices", "install", "siri"), "no voice siri; there is: kokoro"),
    ],
)
def test_mistakes_in_speaking_are_told_in_a_line(
    words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = run(capsys, *words)
    assert status in (1, 2)
    assert says in err
