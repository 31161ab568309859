"""The command ``offhook``. Each command imports what it needs when it runs, so that help is quick.

Exit codes: 0 done, 1 it failed (and one line says why), 2 the command or the configuration is wrong.
Every command has ``--json``: one JSON document on stdout, for programs.
"""

from __future__ import annotations

import json as json_module
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import cyclopts
from cyclopts import App, Parameter

from offhook import __version__

if TYPE_CHECKING:
    from offhook.api_client import ApiClient

OK = 0
FAILED = 1
USAGE = 2

app = App(
    name="offhook",
    help="An open, self-hosted programmable-voice server speaking the Callflows API.",
    version=f"offhook {__version__}",
    help_formatter="plain" if not sys.stdout.isatty() else None,
)
keys = App(name="keys", help="API keys kept in the database.")
db = App(name="db", help="The database.")
app.command(keys)
app.command(db)

Config = Annotated[
    str | None, Parameter(name=["--config", "-c"], help="offhook.toml; absent: embedded defaults.")
]
Json = Annotated[
    bool, Parameter(name="--json", negative=(), help="Print JSON, for programs to read.")
]
Url = Annotated[
    str, Parameter(name="--url", env_var="OFFHOOK_URL", help="Where the server's API is.")
]
ApiKey = Annotated[
    str | None,
    Parameter(name="--api-key", env_var="OFFHOOK_API_KEY", help="The API key.", show_default=False),
]
SubAccount = Annotated[
    str, Parameter(name="--subaccount", env_var="OFFHOOK_SUBACCOUNT", help="The sub-account.")
]
LOCAL = "http://127.0.0.1:8080"
DEMO = "demo"
FICTION = "+12025550199"
"""A number reserved for fiction: what the demo sub-account shows as its caller ID."""
FOLLOW_FOR = 600.0
"""Seconds that ``offhook call --wait`` waits for the session's end, at most."""


class CommandError(Exception):
    """The command cannot do what it was asked; the text says why, in a line for the user."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@app.command
def serve(
    *,
    config: Config = None,
    role: Annotated[
        Literal["all", "api", "voice"], Parameter(help="What this machine runs.")
    ] = "all",
    workers: Annotated[int, Parameter(help="Voice worker processes, 1 to 64.")] = 1,
    json: Json = False,
) -> int:
    """Run the server until SIGTERM or Ctrl-C, which let live calls end; SIGHUP reloads."""
    from offhook import log, supervisor

    if not 1 <= workers <= 64:
        raise CommandError("--workers: expected 1 to 64", USAGE)
    log.setup("serve")
    options = supervisor.Options(config_path=config, role=role, workers=workers)

    def on_ready(facts: Mapping[str, Any]) -> None:
        print(json_module.dumps({"ready": True, **facts}) if json else ready_text(facts))
        sys.stdout.flush()

    return int(supervisor.serve(options, on_ready))


def ready_text(facts: Mapping[str, Any]) -> str:
    """What ``offhook serve`` says once everything serves."""
    lines = [f"Offhook is ready: {facts['url'] or 'voice only, no API on this machine'}"]
    if facts["sip"]:
        lines.append(f"SIP: {', '.join(facts['sip'])}")
    if facts["phones"]:
        shown = (
            phone["number"] + ("" if phone["outcome"] == "answer" else f" ({phone['outcome']})")
            for phone in facts["phones"]
        )
        lines.append(f"Built-in phones: {', '.join(shown)}")
    if facts["api_key"]:
        lines.append(f"API key of the sub-account demo, shown only now: {facts['api_key']}")
    return "\n".join(lines)


@app.command
def demo(*, json: Json = False) -> int:
    """Place one voice message to a built-in phone and show what happened, step by step."""
    from offhook.testbed import demo as demo_module

    return int(demo_module.run(as_json=json))


@app.command
def call(
    *,
    to: Annotated[str, Parameter(help="The number to call, E.164.")],
    say: Annotated[str, Parameter(help="What to say.")],
    source: Annotated[str, Parameter(name="--from", help="The caller ID to show.")] = FICTION,
    voice: Annotated[str | None, Parameter(help="A speech profile; see offhook voices.")] = None,
    language: Annotated[str, Parameter(help="Without --voice: the language.")] = "en-GB",
    wait: Annotated[bool, Parameter(negative=(), help="Wait until the session has ended.")] = False,
    url: Url = LOCAL,
    api_key: ApiKey = None,
    subaccount: SubAccount = DEMO,
    json: Json = False,
) -> int:
    """Call a number and speak a text, through a running server."""
    client = _client(url, api_key, subaccount)
    speech = {"voiceProfile": voice} if voice else {"language": language}
    answer = client.post(
        "/callflows",
        {
            "callflow": [
                {"action": "makeCall", "params": {"source": source, "destination": to}},
                {"action": "say", "params": {"text": say, **speech}},
                {"action": "hangup"},
            ]
        },
    )
    session = str(answer.get("sessionId"))
    if not wait:
        _print(json, answer, f"Session {session} created. Follow it: offhook show {session}")
        return OK
    shown = _ended(client, session)
    _print(json, shown, session_text(shown))
    return OK if shown.get("sessionStatus") == "COMPLETED" else FAILED


@app.command
def sessions(
    *,
    status: Annotated[str | None, Parameter(help="Only these: QUEUED, RUNNING, …")] = None,
    since: Annotated[str | None, Parameter(help="Created at or after (ISO 8601).")] = None,
    until: Annotated[str | None, Parameter(help="Created before (ISO 8601).")] = None,
    cursor: Annotated[str | None, Parameter(help="Where the page before ended.")] = None,
    limit: Annotated[int, Parameter(help="At most so many.")] = 20,
    url: Url = LOCAL,
    api_key: ApiKey = None,
    subaccount: SubAccount = DEMO,
    json: Json = False,
) -> None:
    """List the sub-account's sessions, newest first."""
    answer = _client(url, api_key, subaccount).get(
        "/sessions",
        {"status": status, "since": since, "until": until, "cursor": cursor, "limit": limit},
    )
    rows = []
    for session in answer["sessions"]:
        leg = (session.get("legs") or [{}])[0]
        rows.append(
            (
                session["sessionId"],
                session["createdTimestamp"],
                session["sessionStatus"],
                leg.get("destination", ""),
                session.get("lastAction", ""),
            )
        )
    text = table(("SESSION", "CREATED", "STATUS", "TO", "LAST ACTION"), rows)
    if answer.get("nextCursor"):
        text += f"\nMore: --cursor {answer['nextCursor']}"
    _print(json, answer, text if rows else "No sessions.")


@app.command
def show(
    session: Annotated[str, Parameter(help="Its id.")],
    *,
    url: Url = LOCAL,
    api_key: ApiKey = None,
    subaccount: SubAccount = DEMO,
    json: Json = False,
) -> None:
    """Show a session: its legs, its timeline and its webhooks."""
    from urllib.parse import quote

    shown = _client(url, api_key, subaccount).get(f"/sessions/{quote(session, safe='')}")
    _print(json, shown, session_text(shown))


def session_text(shown: Mapping[str, Any]) -> str:
    """A session as people read it."""
    lines = [f"{shown['sessionId']} {shown['sessionStatus']}"]
    if error := shown.get("errorDetails"):
        detail = f": {error['detail']}" if error.get("detail") else ""
        lines.append(f"  {error['errorCode']} {error['errorMsg']}{detail}")
    for leg in shown.get("legs", ()):
        quality = leg.get("callQuality")
        lines.append(
            f"  {leg['callDirection'].lower()} {leg['source']} → {leg['destination']} "
            f"{leg.get('callStatus', 'now')} {leg.get('callDuration', 0)} s"
            + (f", MOS {quality['mos']}" if quality else "")
        )
    for event in shown["events"]:
        facts = "  ".join(
            f"{name}={value}"
            for name, value in event.items()
            if name not in ("number", "event", "timestamp", "callId")
        )
        lines.append(f"  {event['timestamp'][11:23]}  {event['event']:<17} {facts}".rstrip())
    lines += [f"  webhook {d.get('type', '')}: {d.get('state', '')}" for d in shown["deliveries"]]
    return "\n".join(lines)


def _ended(client: ApiClient, session: str) -> dict[str, Any]:
    """Look at a session until it has ended."""
    deadline = time.monotonic() + FOLLOW_FOR
    while time.monotonic() < deadline:
        shown = client.get(f"/sessions/{session}")
        if shown["sessionStatus"] not in ("CREATED", "QUEUED", "RUNNING"):
            return shown
        time.sleep(0.25)
    raise CommandError(f"session {session} has not ended within {FOLLOW_FOR:.0f} s")


@keys.command(name="create")
def keys_create(
    *,
    account: Annotated[str, Parameter(help="The account it opens.")] = DEMO,
    subaccount: Annotated[
        tuple[str, ...], Parameter(name="--subaccount", help="Only these of the account.")
    ] = (),
    scope: Annotated[tuple[str, ...], Parameter(help="Only these scopes.")] = (),
    name: Annotated[str, Parameter(help="What it is for.")] = "",
    days: Annotated[int | None, Parameter(help="Days until it expires; absent: never.")] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Make an API key and print it, this once: the database keeps only its hash."""
    from offhook import key_admin

    made = key_admin.create(
        config, account=account, sub_accounts=subaccount, scopes=scope, name=name, days=days
    )
    _print(json, made, f"{made['apiKey']}\n(id {made['id']}; shown only now)")


@keys.command(name="list")
def keys_list(*, config: Config = None, json: Json = False) -> None:
    """List the keys of the database, without their secrets."""
    from offhook import key_admin

    found = key_admin.listed(config)
    names = tuple(dict.fromkeys(name for key in found for name in key))
    rows = [tuple("" if key.get(n) is None else str(key[n]) for n in names) for key in found]
    text = table(tuple(name.upper() for name in names), rows)
    _print(json, {"keys": found}, text if rows else "No keys.")


@keys.command(name="revoke")
def keys_revoke(
    key: Annotated[str, Parameter(help="Its id.")], *, config: Config = None, json: Json = False
) -> int:
    """Revoke a key; running servers refuse it within a second."""
    from offhook import key_admin

    if not key_admin.revoke(config, key):
        raise CommandError(f"there is no key with the id {key}")
    _print(json, {"revoked": key}, f"Key {key} is revoked.")
    return OK


@app.command
def voices(
    *,
    language: Annotated[str | None, Parameter(help="Only this, such as en or en-GB.")] = None,
    json: Json = False,
) -> None:
    """List the speech profiles that callflows may name on this machine."""
    import msgspec

    from offhook.speech.profiles import ProfileTable

    wanted = (language or "").lower()
    profiles = [
        profile
        for profile in ProfileTable.installed().listed()
        if f"{profile.locale_code.lower()}-".startswith(f"{wanted}-" if wanted else "")
    ]
    rows = [
        (p.speech_profile_code, p.locale_code, p.gender, p.locale_description) for p in profiles
    ]
    _print(
        json,
        {"speechProfiles": msgspec.to_builtins(profiles)},
        table(("PROFILE", "LOCALE", "GENDER", ""), rows),
    )


@db.command(name="upgrade")
def db_upgrade(*, config: Config = None, json: Json = False) -> None:
    """Bring the database's schema up to date; safe to run at any time."""
    from offhook import config_file
    from offhook.store import upgrade

    applied = upgrade(config_file.load(config).database.url)
    text = f"Applied: {', '.join(applied)}" if applied else "The schema is up to date."
    _print(json, {"applied": applied}, text)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as they need to be."""
    lines = [tuple(heads), *(tuple(str(cell) for cell in row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _client(url: str, api_key: str | None, sub_account: str) -> ApiClient:
    from offhook.api_client import ApiClient

    if not api_key:
        raise CommandError("no API key: give --api-key or set OFFHOOK_API_KEY", USAGE)
    return ApiClient(url, api_key, sub_account)


def _print(as_json: bool, document: Mapping[str, Any], text: str) -> None:
    if as_json:
        print(json_module.dumps(document, indent=2, default=str, ensure_ascii=False))
    else:
        print("".join(c if c.isprintable() or c == "\n" else "?" for c in text))


def _fail(message: str) -> None:
    print(f"offhook: {message}", file=sys.stderr)


def _expected() -> tuple[type[Exception], ...]:
    """What may fail without being our mistake; only what has been imported can have been raised."""
    names = (
        ("offhook.api_client", "ApiError"),
        ("offhook.key_admin", "KeyAdminError"),
        ("offhook.store.interface", "StoreUnavailable"),
        ("offhook.log", "LogSettingError"),
    )
    loaded = ((sys.modules.get(module), name) for module, name in names)
    return tuple(getattr(module, name) for module, name in loaded if module is not None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    from offhook.config_file import ConfigError

    try:
        result = app(
            list(sys.argv[1:] if arguments is None else arguments),
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
    except cyclopts.CycloptsError as error:
        _fail(f"{error}\nTry offhook --help.")
        return USAGE
    except ConfigError as error:
        for problem in error.problems:
            _fail(problem)
        return USAGE
    except CommandError as error:
        _fail(str(error))
        return error.exit_code
    except _expected() as error:
        _fail(str(error))
        return FAILED
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has gone: nothing more to say to anybody
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return result if isinstance(result, int) else OK
