"""Logging: what every process writes to stderr: one line for each event, for people or (JSON) for machines.

``OFFHOOK_LOG`` is ``console`` (the default) or ``json``, ``OFFHOOK_LOG_LEVEL`` is ``debug``, ``info``,
``warning`` or ``error``. :mod:`structlog` and the standard :mod:`logging` both end here. A session's
lines carry its id: wrap the work in :func:`about`. Known secrets are never written.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar, Token
from types import ModuleType, TracebackType
from typing import Any, TextIO, cast, final

# structlog's own renderer for terminals draws with rich where that is installed. We have a renderer of our
# own, and each process would import 66 modules at its start for nothing.
_without_rich = "rich" not in sys.modules
if _without_rich:
    sys.modules["rich"] = cast(ModuleType, None)
import structlog  # noqa: E402

if _without_rich:
    del sys.modules["rich"]
from structlog.typing import EventDict, Processor  # noqa: E402

SECRET_FIELDS = frozenset(
    {
        "api_key",
        "apikey",
        "authorization",
        "http_auth_header",
        "httpauthheader",
        "password",
        "secret",
        "token",
    }
)
"""Fields with secret values, which are replaced; upper and lower case do not matter."""
REDACTED = "[redacted]"

_SECRET_TEXT = re.compile(
    r"(?i)\b((?:bearer|basic|digest)\s+)[^\s\"',;]+|\b(whsec_)[\w+/=]+|(://[^\s:/@]*:)[^\s/@]+(?=@)"
)
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_COLOURS = {"debug": "\033[2m", "warning": "\033[33m", "error": "\033[31m", "critical": "\033[31m"}
_FIRST_FIELDS = ("process", "session")
_QUIET = ("aioice", "aiortc", "asyncio", "nats", "uvicorn.access", "sqlalchemy", "alembic")
"""Libraries with lines below warning that do not help an operator."""


class LogSettingError(ValueError):
    """``OFFHOOK_LOG`` or ``OFFHOOK_LOG_LEVEL`` has a value that we do not know."""


def is_json(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether ``OFFHOOK_LOG`` asks for JSON lines, and nothing but them."""
    return environ.get("OFFHOOK_LOG") == "json"


def setup(
    process: str | None = None,
    environ: Mapping[str, str] = os.environ,
    stream: TextIO | None = None,
) -> None:
    """Set up logging for this process; ``process`` (``api``, ``voice-0``) is part of every line.

    Raises :class:`LogSettingError`.
    """
    stream = stream or sys.stderr
    kind, level = _settings(environ)
    shared = _processors(process)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers[:] = [_handler(stream, kind, shared)]
    root.setLevel(level)
    logging.captureWarnings(True)
    if kind == "json" and stream is sys.stderr:
        sys.excepthook = _log_uncaught
        threading.excepthook = _log_uncaught_of_thread
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _handler(stream: TextIO, kind: str, shared: list[Processor]) -> logging.Handler:
    """Writes the lines of all loggers to ``stream``, for people or as JSON."""
    last: Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if kind == "console":
        last = _Console(colours=stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    return handler


def _settings(environ: Mapping[str, str]) -> tuple[str, int]:
    """The form of the lines and the level. Raises :class:`LogSettingError`."""
    kind = environ.get("OFFHOOK_LOG", "console")
    level = environ.get("OFFHOOK_LOG_LEVEL", "info").lower()
    if kind not in ("console", "json"):
        raise LogSettingError(f"OFFHOOK_LOG: expected console or json, found {kind!r}")
    if level not in _LEVELS:
        raise LogSettingError(
            f"OFFHOOK_LOG_LEVEL: expected {', '.join(_LEVELS)}, found {os.fsdecode(level)!r}"
        )
    return kind, _LEVELS[level]


def _processors(process: str | None) -> list[Processor]:
    """The processors of every line, from any library."""
    return [
        _with_session,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _with_process(process),
        structlog.processors.format_exc_info,
        redact,
    ]


def _log_uncaught(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Log uncaught exceptions too, so that JSON logs have only JSON lines."""
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        sys.__excepthook__(kind, error, trace)
    else:
        logging.getLogger(__name__).critical("uncaught exception", exc_info=(kind, error, trace))


def _log_uncaught_of_thread(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None:
        _log_uncaught(failed.exc_type, failed.exc_value, failed.exc_traceback)


_session: ContextVar[str | None] = ContextVar("session", default=None)


@final
class about:  # noqa: N801  # read as a function: with about(session_id):
    """Put ``session``, its id, into every line that is logged inside, also by tasks begun there.

    None: no session is known, and the lines stay as they are.

    One variable for the session: every SIP event, media event and save enters here, and structlog's own
    context variables cost ten times as much (``docs/benchmarks.md``, "Whole voice messages").
    """

    __slots__ = ("_id", "_token")

    def __init__(self, session: str | None) -> None:
        self._id = session
        self._token: Token[str | None] | None = None

    def __enter__(self) -> None:
        if self._id is not None:
            self._token = _session.set(self._id)

    def __exit__(self, *_error: object) -> None:
        if self._token is not None:
            _session.reset(self._token)
            self._token = None


def session_in_context() -> str | None:
    """The id of the session that :func:`about` names here."""
    return _session.get()


def redacted_text(text: str) -> str:
    """``text`` without the credentials in it."""
    return _SECRET_TEXT.sub(lambda match: (match[1] or match[2] or match[3]) + REDACTED, text)


def _with_session(logger: object, method: str, event: EventDict) -> EventDict:
    session = _session.get()
    if session is not None:
        event.setdefault("session", session)
    return event


def redact(logger: object, method: str, event: EventDict) -> EventDict:
    """Replace the values of :data:`SECRET_FIELDS`, and credentials inside texts."""
    for key, value in event.items():
        event[key] = _redacted(key, value)
    return event


def _redacted(key: str, value: object) -> Any:
    if key.lower().replace("-", "_") in SECRET_FIELDS:
        return REDACTED
    if isinstance(value, str):
        return redacted_text(value)
    if isinstance(value, Mapping):
        return {name: _redacted(str(name), inner) for name, inner in value.items()}
    return value


def _with_process(process: str | None) -> Processor:
    def add(logger: object, method: str, event: EventDict) -> EventDict:
        if process is not None:
            event.setdefault("process", process)
        return event

    return add


class _Console:
    """``10:33:12.123 warning voice-0 the trunk is away  trunk=carrier``: one line a person reads."""

    def __init__(self, colours: bool) -> None:
        self._colours = colours

    def __call__(self, logger: object, method: str, event: MutableMapping[str, Any]) -> str:
        time = str(event.pop("timestamp", ""))[11:23].removesuffix("Z")
        level = str(event.pop("level", method))
        text = one_line(str(event.pop("event", "")))
        trace = event.pop("exception", None)
        event.pop("stack", None)
        known = [str(event.pop(name)) for name in _FIRST_FIELDS if name in event]
        fields = "".join(f" {name}={_shown(value)}" for name, value in sorted(event.items()))
        line = " ".join([time, f"{level:<7}", *known, text]) + (fields and " " + fields)
        if self._colours and level in _COLOURS:
            line = f"{_COLOURS[level]}{line}\033[0m"
        return f"{line}\n{trace}" if trace else line


def one_line(text: str) -> str:
    """``text`` without line breaks from outside and terminal control sequences; our own line breaks
    stay."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text)


def _shown(value: object) -> str:
    text = str(value)
    plain = bool(text) and text.isprintable() and " " not in text
    return text if plain else repr(text)
