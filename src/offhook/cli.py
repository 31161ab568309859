"""The command ``offhook``. Each command imports what it needs when it runs, so that help is quick.

Exit codes: 0 done, 1 it failed (and one line says why), 2 the command or the configuration is wrong.
Every command has ``--json``: one JSON document on stdout, for programs.
"""

from __future__ import annotations

import json as json_module
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import cyclopts
from cyclopts import App, Parameter

from offhook import __version__

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


def _fail(message: str) -> None:
    print(f"offhook: {message}", file=sys.stderr)


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
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has gone: nothing more to say to anybody
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return result if isinstance(result, int) else OK
