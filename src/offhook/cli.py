"""The command ``offhook``. Each command imports what it needs when it runs, so that help is quick.

Exit codes: 0 done, 1 it failed (and one line says why), 2 the command or the configuration is wrong.
Every command has ``--json``: one JSON document on stdout, for programs.
"""

from __future__ import annotations

import json as json_module
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import cyclopts
from cyclopts import App, Parameter

from offhook import __version__
from offhook.commands import session_commands as sessions
from offhook.commands.backup import backup, db_restored
from offhook.commands.campaign_commands import campaigns
from offhook.commands.common import (
    FAILED,
    INTERRUPTED,
    OK,
    USAGE,
    CommandError,
    Config,
    Json,
    emit,
)
from offhook.commands.docs_commands import docs
from offhook.commands.doctor import config_app, doctor
from offhook.commands.erasing import erase
from offhook.commands.help_examples import epilogue
from offhook.commands.keys import keys
from offhook.commands.live_screen import top
from offhook.commands.media_commands import media
from offhook.commands.menu_commands import menus
from offhook.commands.node_commands import nodes
from offhook.commands.number_commands import numbers
from offhook.commands.operator_commands import capture, logs, status, trunks
from offhook.commands.opt_outs import opt_outs
from offhook.commands.phone_commands import phones
from offhook.commands.recording_commands import recordings
from offhook.commands.usage import usage
from offhook.commands.voices import voices
from offhook.commands.webhook_commands import webhooks

if TYPE_CHECKING:
    from rich.console import Console

    from offhook.processes.ready_facts import ServerFacts

SubAccount = Annotated[
    str | None, Parameter(help="Which one of the configuration, where it has several.")
]

UNWRAPPED = 1000
"""Columns of help on a pipe."""

app = App(
    name="offhook",
    help="An open, self-hosted programmable-voice server speaking the Callflows API.",
    version=f"offhook {__version__}",
    help_format="plaintext",
    help_formatter="plain" if not sys.stdout.isatty() else None,
)
db = App(name="db", help="The database.", help_epilogue=epilogue("db"))
for command in (sessions.call, sessions.sessions, sessions.show):
    app.command(command, help_epilogue=epilogue(command.__name__))
for operating in (status, trunks, phones, logs, top, doctor, capture):
    app.command(operating, help_epilogue=epilogue(operating.__name__))
app.command(config_app)
app.command(keys)
app.command(menus)
app.command(media)
app.command(numbers)
app.command(opt_outs)
app.command(voices)
app.command(recordings)
app.command(usage, help_epilogue=epilogue("usage"))
app.command(docs, help_epilogue=epilogue("docs"))
app.command(campaigns)
app.command(webhooks)
app.command(nodes)
app.command(backup, help_epilogue=epilogue("backup"))
db.command(db_restored, name="restored", help_epilogue=epilogue("db restored"))
app.command(erase, help_epilogue=epilogue("erase"))
app.command(db)


@app.command(help_epilogue=epilogue("serve"))
def serve(
    file: Annotated[str | None, Parameter(help="The same as --config.", show_default=False)] = None,
    /,
    *,
    config: Config = None,
    role: Annotated[
        Literal["all", "api", "voice"], Parameter(help="What this machine runs.")
    ] = "all",
    workers: Annotated[int, Parameter(help="Voice worker processes, 1 to 64.")] = 1,
    json: Json = False,
) -> int:
    """Run the server until SIGTERM or Ctrl-C, which let live calls end; SIGHUP reloads."""
    import msgspec

    from offhook import log
    from offhook.config import find
    from offhook.processes import supervisor

    if not 1 <= workers <= 64:
        raise CommandError("--workers: expected 1 to 64", USAGE)
    if file is not None and config is not None:
        raise CommandError(f"give {file} or --config {config}, not both", USAGE)
    try:
        log.setup("serve")
    except log.LogSettingError as error:
        raise CommandError(str(error), USAGE) from error
    found = find.find(file if file is not None else config)
    options = supervisor.Options(
        config_path=found.path, found=found.text, role=role, workers=workers
    )

    def on_ready(facts: ServerFacts) -> None:
        told = {"ready": True, "configuration": found.path, **msgspec.to_builtins(facts)}
        print(json_module.dumps(told) if json or log.is_json() else ready_text(facts))
        sys.stdout.flush()

    return _logging_mistakes(lambda: int(supervisor.serve(options, on_ready)))


def _logging_mistakes(serving: Callable[[], int]) -> int:
    """Serve; mistakes in the configuration become log lines where all output is JSON."""
    from offhook import log
    from offhook.config.file import ConfigError

    try:
        return serving()
    except ConfigError as error:
        if not log.is_json():
            raise
        for problem in error.problems:
            logging.getLogger(__name__).error("%s", problem)
        return USAGE


def ready_text(facts: ServerFacts) -> str:
    """The text that ``offhook serve`` prints once all processes are ready."""
    lines = [f"Offhook is ready: {facts.url or 'voice only, no API on this machine'}"]
    if facts.url:
        lines.append(f"Console: {facts.url}/console")
    if facts.sip:
        lines.append(f"SIP: {', '.join(facts.sip)}")
    if facts.phones:
        shown = (
            phone.number + ("" if phone.outcome == "answer" else f" ({phone.outcome})")
            for phone in facts.phones
        )
        lines.append(f"Built-in phones: {', '.join(shown)}")
    if facts.api_key:
        lines.append(f"API key of the sub-account demo, shown only now: {facts.api_key}")
    elif facts.embedded and facts.url:
        lines.append(
            "Its API key was shown at the first start; to make another: offhook keys create"
        )
    return "\n".join(lines)


@app.command(help_epilogue=epilogue("demo"))
def demo(*, json: Json = False) -> int:
    """Place one voice message to a built-in phone and show what happened, step by step."""
    from offhook.testbed import demo as demo_module

    return int(demo_module.run(as_json=json))


@app.command(help_epilogue=epilogue("lint"))
def lint(
    *files: Annotated[
        str,
        Parameter(help="Callflows as JSON; - reads standard input.", allow_leading_hyphen=True),
    ],
    decision: Annotated[
        bool, Parameter(negative=(), help="They are answers of a VCA webhook.")
    ] = False,
    vca: Annotated[bool, Parameter(negative="--no-vca", help="Is there a VCA webhook?")] = True,
    json: Json = False,
) -> int:
    """Judge callflows as the server would, without one; exit code 1 and every problem."""
    from offhook.flow import lint as lint_module

    if not files:
        raise CommandError("expected at least one FILE", USAGE, "lint")
    return lint_module.run(files, json, sys.stdout.isatty(), sys.stdout, decision=decision, vca=vca)


@app.command(help_epilogue=epilogue("simulate"))
def simulate(
    file: Annotated[
        str | None,
        Parameter(
            help="A callflow as JSON; - reads standard input. With --inbound: what the VCA answers.",
            allow_leading_hyphen=True,
        ),
    ] = None,
    *,
    press: Annotated[
        str, Parameter(help="Keys for each prompt that asks, such as 1,42#.", show_default=False)
    ] = "",
    vca: Annotated[str | None, Parameter(help="The URL that decides what comes next.")] = None,
    inbound: Annotated[
        str | None, Parameter(help="A call to this number of yours begins the session.")
    ] = None,
    caller: Annotated[str, Parameter(help="With --inbound: who calls.")] = "+12025550199",
    config: Config = None,
    subaccount: SubAccount = None,
    json: Json = False,
) -> int:
    """Run a callflow without a call and tell the conversation; takes no time."""
    from offhook.commands.configured import configuration
    from offhook.testing import simulate as simulate_module
    from offhook.testing.errors import SimulationError

    if file is None and (inbound is None or vca is None):
        raise CommandError("expected a FILE, or --inbound NUMBER with --vca URL", USAGE, "simulate")
    try:
        return simulate_module.run(
            file,
            press=press,
            vca=vca,
            inbound=simulate_module.Ring(to=inbound, caller=caller) if inbound else None,
            config=configuration(config),
            sub_account=subaccount,
            as_json=json,
            colour=sys.stdout.isatty(),
        )
    except (ValueError, SimulationError) as error:
        reason, _, _ = str(error).partition(" Declare it with offhook.number")
        raise CommandError(reason, USAGE, "simulate") from error


@app.command(help_epilogue=epilogue("schema"))
def schema(*, json: Json = False) -> None:
    """Print the JSON Schema of a callflow request, for editors and validators."""
    from offhook.flow.json_schema import document

    print(json_module.dumps(document(), indent=2, ensure_ascii=False))


@app.command(help_epilogue=epilogue("say"))
def say(
    text: Annotated[str, Parameter(help="What to say.")],
    /,
    *,
    voice: Annotated[str, Parameter(help="A speech profile, or a language such as en-GB.")] = "en",
    output: Annotated[
        str, Parameter(name=["--output", "-o"], help="The WAV file to write.")
    ] = "say.wav",
    speed: Annotated[float, Parameter(help="0.5 to 2; 1 is usual.")] = 1.0,
    config: Config = None,
    json: Json = False,
) -> None:
    """Speak a text to a WAV file, as a phone would hear it; no server is needed."""
    from pathlib import Path

    from offhook.commands.speaking import speak_to_file
    from offhook.commands.voices import voice_settings

    if not 0.5 <= speed <= 2:
        raise CommandError("--speed: expected 0.5 to 2", USAGE, "say")
    emit(json, *speak_to_file(text, voice, Path(output), voice_settings(config), speed=speed))


@db.command(name="upgrade", help_epilogue=epilogue("db upgrade"))
def db_upgrade(*, config: Config = None, json: Json = False) -> None:
    """Bring the database's schema up to date; safe to run at any time."""
    from offhook.commands.configured import configuration_with_database, database_name
    from offhook.session.ports.record import StoreUnavailable
    from offhook.store import upgrade

    url = configuration_with_database(config).database.url
    try:
        applied = upgrade(url)
    except StoreUnavailable as error:
        raise CommandError(
            f"the database {database_name(url)} cannot be upgraded: {error}"
        ) from None
    text = f"Applied: {', '.join(applied)}" if applied else "The schema is up to date."
    emit(json, {"applied": applied}, text)


@db.command(name="downgrade", help_epilogue=epilogue("db downgrade"))
def db_downgrade(
    to: str, /, *, yes: bool = False, config: Config = None, json: Json = False
) -> None:
    """Take the schema back to that of an old version (TO: its revision), while no server runs.

    What only newer versions keep is deleted with its tables; --yes says that you mean it. A version since
    revision 0014 needs none of this: it starts on the newer schema.
    """
    from offhook.commands.configured import configuration_with_database, database_name
    from offhook.session.ports.record import StoreUnavailable
    from offhook.store import downgrade

    if not yes:
        raise CommandError(
            "tables of newer versions would be deleted: back up the database, then add --yes",
            USAGE,
            "db downgrade",
        )
    url = configuration_with_database(config).database.url
    try:
        taken = downgrade(url, to)
    except StoreUnavailable as error:
        raise CommandError(
            f"the database {database_name(url)} cannot be taken back: {error}"
        ) from None
    text = f"Taken back: {', '.join(taken)}" if taken else f"The schema is at {to}."
    emit(json, {"takenBack": taken}, text)


@app.command(help_epilogue=epilogue("completion"))
def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="For which shell.")],
    /,
    *,
    json: Json = False,
) -> None:
    """Print a script that lets the shell complete commands and options."""
    script = app.generate_completion(shell=shell)
    print(json_module.dumps({"script": script}) if json else script)


def _fail(message: str) -> None:
    print(f"offhook: {message}", file=sys.stderr)


def _mistake(error: cyclopts.CycloptsError) -> str:
    if isinstance(error, cyclopts.UnusedCliTokensError):
        return f"one argument too many: {' '.join(error.unused_tokens or ())!r}"
    return str(error)


def _help_of(error: cyclopts.CycloptsError) -> str:
    """The command whose help explains the mistake: ``offhook keys create --help``."""
    chain = " ".join(error.command_chain or ())
    return f"Try offhook {chain + ' ' if chain else ''}--help."


def _console() -> Console | None:
    """A console for help on a pipe: long lines, because no window wraps them."""
    if sys.stdout.isatty():
        return None
    from rich.console import Console

    return Console(width=UNWRAPPED, color_system=None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    from offhook.config.file import ConfigError

    try:
        result = app(
            list(sys.argv[1:] if arguments is None else arguments),
            console=_console(),
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
    except cyclopts.CycloptsError as error:
        _fail(f"{_mistake(error)}\n{_help_of(error)}")
        return USAGE
    except ConfigError as error:
        for problem in error.problems:
            _fail(problem)
        return USAGE
    except CommandError as error:
        _fail(f"{error}\nTry offhook {error.command} --help." if error.command else str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, so there is nothing more to print
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return result if isinstance(result, int) else OK
