"""Reads ``offhook.toml`` and the ``OFFHOOK_*`` variables into a :class:`~offhook.config.Config`.

A mistake raises :class:`ConfigError`, which names each key in full, its line (or variable), what was
expected and what was found; secrets are never repeated.
"""

from __future__ import annotations

import ipaddress
import json
import math
import os
import tomllib
import types
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

from offhook.config import (
    DEFAULT_PHONES,
    Config,
    Http,
    Section,
    SubAccount,
    Testbed,
    Webhooks,
    checks,
    host_and_port,
    machine,
)
from offhook.config.checks import did_you_mean
from offhook.config.toml_lines import Path, line_of, locate

MAX_FILE_BYTES = 4 * 1024 * 1024
"""No configuration is larger; a wrong path (a log, a device) is noticed."""

SAFE_SECTIONS = frozenset({"limits", "webhooks", "admin", "trunks", "routes", "subaccounts"})
"""What SIGHUP may change in a running process."""

_SECRET_KEYS = frozenset({"api_keys", "password", "secret", "http_auth_header", "url", "nats"})


class ConfigError(Exception):
    """The configuration cannot be used; ``problems`` has one line for each mistake."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Changes(NamedTuple):
    """The names of the keys that differ between two configurations."""

    safe: tuple[str, ...]
    """Taken over by a reload."""
    needs_restart: tuple[str, ...]
    """Left as they were until the next start."""


def load(path: str | None, environ: Mapping[str, str] = os.environ) -> Config:
    """The configuration of the file at ``path`` with the variables of ``environ`` over it.

    Without a file: :func:`embedded`, with the variables over it. Files named in the configuration
    are relative to its folder and absolute in the result. Raises :class:`ConfigError`.
    """
    return _load(path, environ)[0]


class Serving(NamedTuple):
    """A configuration that this machine can serve."""

    config: Config
    warnings: tuple[str, ...]
    """What is legal and probably a mistake, a line each with key and place."""


def load_for_serving(path: str | None, environ: Mapping[str, str] = os.environ) -> Serving:
    """As :func:`load`; also checks what the configuration needs from this machine."""
    config, source = _load(path, environ)
    for key, problem in machine.findings(config):
        source.add(key, problem)
    source.stop_if_wrong()
    for key, doubt in machine.warnings(config):
        source.add(key, doubt)
    return Serving(config, source.problems())


def _load(path: str | None, environ: Mapping[str, str]) -> tuple[Config, _Source]:
    if path is None:
        source = _Source(None, "")
        data = msgspec.to_builtins(embedded()) if not environ.get("OFFHOOK_SUBACCOUNTS") else {}
    else:
        data, text = _read(path)
        source = _Source(path, text)
    _override(data, environ, source)
    config = _Reader(source).read(data)
    source.stop_if_wrong()
    if path is None:
        config = _guarded(config, source)
    config = _with_absolute_files(config, os.path.dirname(os.path.abspath(path)) if path else "")
    for key, problem in checks.findings(config, environ):
        source.add(key, problem)
    source.stop_if_wrong()
    return config, source


def _guarded(config: Config, source: _Source) -> Config:
    """The embedded default, which lets webhooks reach this machine only while it listens here only."""
    section = config.webhooks
    if ("webhooks", "allow_private") not in source.variables and not is_loopback(config.http):
        section = msgspec.structs.replace(section, allow_private=False)
    return msgspec.structs.replace(config, webhooks=section)


def save_snapshot(config: Config, path: str) -> None:
    """Write a configuration that was loaded where other processes of this server find it; 0600."""
    descriptor = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.msgpack.encode(config))
    os.replace(f"{path}.new", path)


def load_snapshot(path: str) -> Config:
    """What :func:`save_snapshot` has written: read in a tenth of the time, and judged already."""
    with open(path, "rb") as file:
        return msgspec.msgpack.decode(file.read(), type=Config)


def embedded() -> Config:
    """What runs with no configuration: loopback, the sub-account ``demo``, built-in phones.

    Webhooks may be on this machine, where the developer who tries it runs them.
    """
    return Config(
        webhooks=Webhooks(allow_private=True),
        testbed=Testbed(phones=DEFAULT_PHONES),
        subaccounts=(SubAccount(id="demo", account="demo", caller_ids=("*",)),),
    )


def is_loopback(section: Http) -> bool:
    """Whether the API listens on this machine only."""
    host, _ = host_and_port(section.listen)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_embedded(config: Config) -> bool:
    """Whether its only sub-account is the embedded ``demo``, which gets a key at the first start."""
    return config.subaccounts == embedded().subaccounts


def changes(old: Config, new: Config) -> Changes:
    """What a reload takes over, and what waits for a restart; sorted names of keys.

    Lists of tables (``trunks``, ``routes``, ``subaccounts``) count as one key each.
    """
    safe: list[str] = []
    needs_restart: list[str] = []
    for section in Config.__struct_fields__:
        before, after = getattr(old, section), getattr(new, section)
        names = [section]
        if isinstance(before, Section):
            names = [
                f"{section}.{key}"
                for key in before.__struct_fields__
                if getattr(before, key) != getattr(after, key)
            ]
        elif before == after:
            names = []
        (safe if section in SAFE_SECTIONS else needs_restart).extend(names)
    return Changes(tuple(sorted(safe)), tuple(sorted(needs_restart)))


def reloaded(running: Config, new: Config) -> Config:
    """What is in force after a reload: ``running`` with what a reload takes over from ``new``."""
    return msgspec.structs.replace(
        running, **{section: getattr(new, section) for section in SAFE_SECTIONS}
    )


class _Source:
    """Where each key came from, and the problems found so far."""

    def __init__(self, path: str | None, text: str) -> None:
        self._path = path
        self._text = text
        self._lines: dict[Path, int] | None = None
        self.variables: dict[Path, str] = {}
        self._problems: list[tuple[int, str]] = []

    def add(self, key: Path, problem: str) -> None:
        line, place = self._place(key)
        self._problems.append((line, f"{place}{key_name(key)}: {problem}"))

    def _place(self, key: Path) -> tuple[int, str]:
        for length in range(len(key), 0, -1):
            if variable := self.variables.get(key[:length]):
                return 0, f"{variable}: "
        if self._path is None:
            return 0, ""
        if self._lines is None:  # only looked for when there is a problem to tell
            self._lines = locate(self._text)
        line = line_of(self._lines, key)
        return line or 0, f"{self._path}:{line}: " if line else f"{self._path}: "

    def stop_if_wrong(self) -> None:
        if self._problems:
            raise ConfigError(*self.problems())

    def problems(self) -> tuple[str, ...]:
        """A line each, in the order of the file."""
        return tuple(text for _, text in sorted(self._problems))


def key_name(path: Path) -> str:
    """``trunks[0].address``."""
    name = ""
    for part in path:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name


def _read(path: str) -> tuple[dict[str, Any], str]:
    try:
        with open(path, "rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    if len(raw) > MAX_FILE_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_FILE_BYTES} bytes")
    try:
        text = raw.decode("utf-8-sig")  # some editors begin a file with a byte order mark
        return tomllib.loads(text), text
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: nested too deep") from error


def _override(data: dict[str, Any], environ: Mapping[str, str], source: _Source) -> None:
    """Put the values of ``OFFHOOK_SECTION__KEY`` (and ``OFFHOOK_TRUNKS__0__PASSWORD``) into data."""
    for variable in sorted(environ):
        parts = variable.removeprefix("OFFHOOK_").lower().split("__")
        if not variable.startswith("OFFHOOK_") or (
            len(parts) == 1 and parts[0] not in ("trunks", "routes", "subaccounts")
        ):
            continue
        path: Path = tuple(int(part) if part.isdecimal() else part for part in parts)
        source.variables[path] = variable
        hint = _hint_at(path)
        if hint is None:
            near = did_you_mean(str(path[-1]), _known_at(path[:-1]))
            source.add(path, f"there is no such key{'; ' if near else ''}{near}")
        elif not _put(data, path, _parsed(environ[variable], hint)):
            source.add(path, "there is no such element in the file")


def _hint_at(path: Path) -> Any:
    """The type of the key at ``path``; None when there is none."""
    hint: Any = Config
    for part in path:
        item = _item_hint(hint)
        known = _hints(hint) if _is_section(hint) else {}
        hint = item if isinstance(part, int) else known.get(part)
        if hint is None:
            return None
        hint = _without_none(hint)
    return hint


def _known_at(path: Path) -> Iterable[str]:
    """The keys of the section at ``path``; none where there is no section."""
    hint = _hint_at(path)
    return _hints(hint) if _is_section(hint) else ()


def _put(data: Any, path: Path, value: Any) -> bool:
    """Set ``value`` at ``path``; False when a list on the way has no such element."""
    last = path[-1]
    for part, following in pairwise(path):
        if isinstance(part, int):
            if not isinstance(data, list | tuple) or part >= len(data):
                return False
            data = data[part]
        elif part not in data and isinstance(following, int):
            return False
        else:
            data = data.setdefault(part, {})
    if isinstance(last, int):
        if not isinstance(data, list) or last >= len(data):
            return False
    elif not isinstance(data, dict):
        return False
    data[last] = value
    return True


def _parsed(text: str, hint: Any) -> Any:
    """A variable's text as the kind of value its key takes; left as it is when it does not fit."""
    base = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    try:
        if base is bool:
            return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
        if base in (int, float):
            return base(text)
        if _is_section(base):
            return json.loads(text)
        if (item := _item_hint(base)) is not None:
            if text.lstrip().startswith("[") or _is_section(item):
                return json.loads(text)
            return [part.strip() for part in text.split(",") if part.strip()]
    except (ValueError, RecursionError):
        return text
    return text


class _Reader:
    """Turns parsed TOML into the sections, noting every key that does not fit."""

    def __init__(self, source: _Source) -> None:
        self._source = source

    def read(self, data: dict[str, Any]) -> Config:
        """The configuration; only whole when the source has no problem afterwards.

        msgspec reads a file without a mistake twenty times faster, but stops at the first mistake.
        """
        try:
            return msgspec.convert(data, Config)
        except msgspec.ValidationError:
            pass
        config = self._section(data, Config, ())
        return config if isinstance(config, Config) else Config()

    def _value(self, value: Any, hint: Any, path: Path) -> Any:
        if value is None and _without_none(hint) is not hint:
            return None
        hint = _without_none(hint)
        if _is_section(hint):
            return self._section(value, hint, path)
        item = _item_hint(hint)
        if item is None:
            return self._leaf(value, hint, path)
        if isinstance(value, dict) and _is_section(item):
            name = ".".join(part for part in path if isinstance(part, str))
            self._source.add(path, f"expected a list of tables: [[{name}]], found [{name}]")
            return ()
        if not isinstance(value, list | tuple):
            wanted = "tables" if _is_section(item) else expected(item)
            self._source.add(path, f"expected a list, each {wanted}; found {_found(value, path)}")
            return ()
        return tuple(self._value(each, item, (*path, i)) for i, each in enumerate(value))

    def _section(self, value: Any, section: type[Section], path: Path) -> Section | None:
        if not isinstance(value, dict):
            self._source.add(path, f"expected a table, found {_found(value, path)}")
            return None
        hints = _hints(section)
        for key in value.keys() - hints.keys():
            hint = did_you_mean(str(key), hints) or f"known here: {', '.join(sorted(hints))}"
            self._source.add((*path, str(key)), f"there is no such key; {hint}")
        required = _required(section)
        read = {}
        for key, hint in hints.items():
            if key in value:
                read[key] = self._value(value[key], hint, (*path, key))
            elif key in required:
                self._source.add((*path, key), f"missing; expected {expected(hint)}")
                read[key] = None
        return section(**read)

    def _leaf(self, value: Any, hint: Any, path: Path) -> Any:
        try:
            if isinstance(value, float) and not math.isfinite(value):
                raise msgspec.ValidationError
            return msgspec.convert(value, hint)
        except msgspec.ValidationError:
            self._source.add(path, f"expected {expected(hint)}, found {_found(value, path)}")
            return None


def expected(hint: Any) -> str:
    """What a key of this type takes, in words."""
    hint = _without_none(hint)
    if get_origin(hint) is Annotated:
        for meta in get_args(hint)[1:]:
            if meta.description:
                return str(meta.description)
    if get_origin(hint) is Literal:
        return " or ".join(json.dumps(choice) for choice in get_args(hint))
    if (item := _item_hint(hint)) is not None:
        return f"a list, each {expected(item)}"
    kinds = {bool: "true or false", str: "a string", int: "a whole number", float: "a number"}
    return kinds.get(hint, "a table")


def _found(value: Any, path: Path) -> str:
    names = [part for part in path if isinstance(part, str)]
    secret = bool(names) and names[-1] in _SECRET_KEYS
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return "another string" if secret else f"the string {json.dumps(value[:60])}"
        case list() | tuple():
            return "a list"
        case dict():
            return "a table"
        case None:
            return "null"
        case _:
            return "a date or time"


@cache
def _hints(section: type[Section]) -> dict[str, Any]:
    """The type of each key; worked out once for each class, for it takes long."""
    hints = get_type_hints(section, include_extras=True)
    return {name: hints[name] for name in section.__struct_fields__}


@cache
def _required(section: type[Section]) -> frozenset[str]:
    return frozenset(field.name for field in msgspec.structs.fields(section) if field.required)


def _is_section(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Section)


def _item_hint(hint: Any) -> Any:
    """``X`` of ``tuple[X, ...]``; None for other types."""
    return get_args(hint)[0] if get_origin(hint) is tuple else None


def _without_none(hint: Any) -> Any:
    """``X`` of ``X | None``; other types as they are."""
    if get_origin(hint) in (Union, types.UnionType):
        return next(arg for arg in get_args(hint) if arg is not type(None))
    return hint


def _with_absolute_files(config: Config, folder: str) -> Config:
    def absolute(file: str | None) -> str | None:
        return None if file is None else os.path.join(folder, file)

    http = msgspec.structs.replace(
        config.http,
        tls_certificate=absolute(config.http.tls_certificate),
        tls_key=absolute(config.http.tls_key),
    )
    sip = msgspec.structs.replace(
        config.sip,
        tls_certificate=absolute(config.sip.tls_certificate),
        tls_key=absolute(config.sip.tls_key),
    )
    sub_accounts = tuple(
        msgspec.structs.replace(
            account,
            scenarios=tuple(
                msgspec.structs.replace(scenario, file=os.path.join(folder, scenario.file))
                for scenario in account.scenarios
            ),
        )
        for account in config.subaccounts
    )
    return msgspec.structs.replace(config, http=http, sip=sip, subaccounts=sub_accounts)
