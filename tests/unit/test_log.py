"""What a log line looks like, and what never stands in one."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import structlog

from offhook import log

Configure = Callable[..., io.StringIO]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def configure() -> Iterator[Configure]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in ("asyncio", "nats")}

    def configure(stream: io.StringIO | None = None, **environ: str) -> io.StringIO:
        stream = stream or io.StringIO()
        log.setup("voice-0", environ, stream)
        return stream

    yield configure
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def test_one_line_for_people(configure: Configure) -> None:
    out = configure()
    with log.about("0192"):
        logging.getLogger("offhook.x").warning("the trunk %s is away", "carrier")
    time, rest = out.getvalue().split(" ", 1)
    assert len(time) == len("10:33:12.123")
    assert rest == "warning voice-0 0192 the trunk carrier is away\n"


def test_both_loggers_end_in_the_same_place(configure: Configure) -> None:
    out = configure()
    structlog.get_logger("offhook.x").info("started", trunk="carrier", text="two words")
    logging.getLogger("offhook.x").info("started", extra={"trunk": "carrier"})
    first, second = (line.split(" ", 1)[1] for line in out.getvalue().splitlines())
    assert first == "info    voice-0 started  text='two words' trunk=carrier"
    assert second == "info    voice-0 started  trunk=carrier"


def test_json_for_machines(configure: Configure) -> None:
    out = configure(OFFHOOK_LOG="json")
    with log.about("0192"):
        logging.getLogger("offhook.x").error("ü %d", 1, extra={"trunk": "c"})
    line = json.loads(out.getvalue())
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "ü 1",
        "level": "error",
        "process": "voice-0",
        "session": "0192",
        "trunk": "c",
    }


def test_a_trace_follows_its_line(configure: Configure) -> None:
    out = configure()
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        logging.getLogger("offhook.x").exception("it failed")
    lines = out.getvalue().splitlines()
    assert lines[0].endswith("it failed")
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == "RuntimeError: broken"


@pytest.mark.parametrize(("level", "seen"), [("debug", 4), ("info", 3), ("error", 1)])
def test_levels(configure: Configure, level: str, seen: int) -> None:
    out = configure(OFFHOOK_LOG_LEVEL=level)
    for number in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        logging.getLogger("offhook.x").log(number, "x")
    assert len(out.getvalue().splitlines()) == seen


def test_libraries_speak_from_warnings_on(configure: Configure) -> None:
    out = configure()
    logging.getLogger("asyncio").info("Using selector")
    logging.getLogger("asyncio").warning("slow callback")
    assert out.getvalue().count("\n") == 1


@pytest.mark.parametrize(
    "environ", [{"OFFHOOK_LOG": "xml"}, {"OFFHOOK_LOG_LEVEL": "chatty"}, {"OFFHOOK_LOG_LEVEL": ""}]
)
def test_unknown_settings_are_refused(configure: Configure, environ: dict[str, str]) -> None:
    with pytest.raises(log.LogSettingError, match=next(iter(environ))):
        configure(**environ)


def test_colours_only_on_a_terminal(configure: Configure) -> None:
    plain, terminal = configure(), Terminal()
    logging.getLogger("offhook.x").error("x")
    configure(terminal)
    logging.getLogger("offhook.x").error("x")
    assert "\033" not in plain.getvalue()
    assert terminal.getvalue().startswith("\033[31m")


def test_text_from_outside_cannot_control_the_terminal_or_forge_a_line(
    configure: Configure,
) -> None:
    out = configure()
    logging.getLogger("offhook.x").warning("from %s", "\x1b[2J\rforged", extra={"ua": "a\nb\x1b"})
    assert "\x1b" not in out.getvalue()
    assert "\r" not in out.getvalue()
    assert out.getvalue().endswith("ua='a\\nb\\x1b'\n")


@pytest.mark.parametrize("kind", ["console", "json"])
@pytest.mark.parametrize(
    ("text", "extra"),
    [
        ("sent Authorization: Bearer hunter2", {}),
        ("basic hunter2", {}),
        ("cannot connect to postgresql://user:hunter2@host/name", {}),
        ("signed with whsec_hunter2", {}),
        ("x", {"password": "hunter2"}),
        ("x", {"api_key": "hunter2", "Authorization": "hunter2"}),
        ("x", {"httpAuthHeader": "hunter2"}),
        ("x", {"headers": {"authorization": "hunter2"}}),
    ],
)
def test_secrets_are_not_written(
    configure: Configure, kind: str, text: str, extra: dict[str, object]
) -> None:
    out = configure(OFFHOOK_LOG=kind)
    logging.getLogger("offhook.x").warning(text, extra=extra)
    assert "hunter2" not in out.getvalue()
    assert log.REDACTED in out.getvalue()


async def test_tasks_begun_for_a_session_carry_its_id(configure: Configure) -> None:
    out = configure(OFFHOOK_LOG="json")

    async def work() -> None:
        logging.getLogger("offhook.x").info("inside")

    with log.about("0192"):
        task = asyncio.create_task(work())
    await task
    logging.getLogger("offhook.x").info("outside")
    inside, outside = map(json.loads, out.getvalue().splitlines())
    assert inside["session"] == "0192"
    assert "session" not in outside


def test_an_uncaught_exception_is_a_json_line_too() -> None:
    program = """
import os, threading
os.environ["OFFHOOK_LOG"] = "json"
from offhook import log
log.setup("x")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
raise ValueError("the last line")
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    lines = [json.loads(line) for line in run.stderr.splitlines()]
    assert run.returncode == 1
    assert [line["level"] for line in lines] == ["critical", "critical"]
    assert "ZeroDivisionError" in lines[0]["exception"]
    assert "the last line" in lines[1]["exception"]
