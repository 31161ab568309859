"""Reads ``offhook.toml`` and the ``OFFHOOK_*`` variables into a :class:`~offhook.config.Config`.

A mistake raises :class:`ConfigError`, which names each key in full, its line (or variable), what was
expected and what was found; secrets are never repeated.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from offhook.config import (
    DEFAULT_PHONES,
    Config,
    Http,
    Section,
    Sip,
    SubAccountSection,
    Testbed,
    Webhooks,
    checks,
    host_and_port,
    machine_checks,
)
from offhook.config.mistakes import ConfigError as ConfigError
from offhook.config.mistakes import Source
from offhook.config.recording_key import FILE
from offhook.config.server_checks import Finding
from offhook.config.server_sections import Recording
from offhook.config.typed_reader import TypedReader
from offhook.config.variables import override

_LINE_TOLD = re.compile(r"\(at line ([0-9]+),")
"""In the messages of :mod:`tomllib`."""
MAX_FILE_BYTES = 4 * 1024 * 1024
"""The size limit of a configuration, so that a wrong path (a log, a device) is noticed."""

SAFE_SECTIONS = frozenset(
    {
        "limits",
        "webhooks",
        "retention",
        "alerts",
        "admin",
        "trunks",
        "routes",
        "sip_users",
        "subaccounts",
        "rates",
    }
)
"""The sections that SIGHUP may change in a running process."""


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
    """Settings that are legal and probably a mistake, a line each with key and place."""


def load_for_serving(
    path: str | None,
    environ: Mapping[str, str] = os.environ,
    *,
    judge: Callable[[Config], Iterable[Finding]] = lambda _config: (),
) -> Serving:
    """As :func:`load`; also checks what the configuration needs from this machine.

    ``judge``: what else is looked at, such as the files that the configuration names.
    """
    config, source = _load(path, environ)
    for key, problem in (*machine_checks.findings(config), *judge(config)):
        source.add(key, problem)
    source.stop_if_wrong()
    for key, doubt in machine_checks.warnings(config):
        source.add(key, doubt)
    return Serving(config, source.problems())


def _load(path: str | None, environ: Mapping[str, str]) -> tuple[Config, Source]:
    if path is None:
        source = Source(None, "")
        data = msgspec.to_builtins(embedded()) if not environ.get("OFFHOOK_SUBACCOUNTS") else {}
    else:
        data, text = _read(path)
        source = Source(path, text)
    override(data, environ, source)
    config = TypedReader(source).read(data)
    source.stop_if_wrong()
    if path is None:
        config = _guarded(config)
    config = _with_absolute_files(config, os.path.dirname(os.path.abspath(path)) if path else "")
    for key, problem in checks.findings(config, environ):
        source.add(key, problem)
    source.stop_if_wrong()
    return config, source


def _guarded(config: Config) -> Config:
    """The embedded default, which lets webhooks reach this machine only while it listens here only."""
    section = config.webhooks
    if section.allow_private is None and not is_loopback(config.http):
        section = replace(section, allow_private=False)
    return replace(config, webhooks=section)


def save_snapshot(config: Config, path: str) -> None:
    """Write a configuration that was loaded where other processes of this server find it; 0600."""
    descriptor = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.msgpack.encode(config))
    os.replace(f"{path}.new", path)


def load_snapshot(path: str) -> Config:
    """Read the file of :func:`save_snapshot`, in a tenth of the time, because it was checked already."""
    with open(path, "rb") as file:
        return msgspec.msgpack.decode(file.read(), type=Config)


def embedded() -> Config:
    """The configuration without a file: loopback, the sub-account ``demo``, built-in phones.

    Webhooks may be on this machine, where the developer who tries it runs them; not on its networks.
    """
    return Config(
        webhooks=Webhooks(allow_private=None),
        testbed=Testbed(phones=DEFAULT_PHONES),
        subaccounts=(SubAccountSection(id="demo", account="demo", caller_ids=("*",)),),
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
    """The sorted names of the keys that a reload takes over, and of those that need a restart.

    Lists of tables (``trunks``, ``routes``, ``sip_users``, ``subaccounts``) count as one key each.
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
    """The configuration after a reload: ``running`` with the sections that a reload takes from ``new``."""
    return replace(running, **{section: getattr(new, section) for section in SAFE_SECTIONS})


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
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        line_told = _LINE_TOLD.search(str(error))
        place = f"{path}:{line_told[1]}" if line_told else path
        raise ConfigError(f"{place}: not TOML: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: nested too deep") from error


def _with_absolute_files(config: Config, folder: str) -> Config:
    http, sip, stir = config.http, config.sip, config.stir
    return replace(
        config,
        http=replace(
            http,
            tls_certificate=_absolute(http.tls_certificate, folder),
            tls_key=_absolute(http.tls_key, folder),
        ),
        sip=_sip_with_absolute_files(sip, folder),
        stir=replace(stir, key=_absolute(stir.key, folder), roots=_absolute(stir.roots, folder)),
        recording=_recording_with_absolute_files(config.recording, folder),
        subaccounts=tuple(
            _sub_account_with_absolute_files(account, folder) for account in config.subaccounts
        ),
    )


def _sip_with_absolute_files(sip: Sip, folder: str) -> Sip:
    return replace(
        sip,
        tls_certificate=_absolute(sip.tls_certificate, folder),
        tls_key=_absolute(sip.tls_key, folder),
        tls_ca=_absolute(sip.tls_ca, folder),
        tls_client_ca=_absolute(sip.tls_client_ca, folder),
        certificates=tuple(
            replace(
                each,
                certificate=os.path.join(folder, each.certificate),
                key=os.path.join(folder, each.key),
            )
            for each in sip.certificates
        ),
    )


def _recording_with_absolute_files(section: Recording, folder: str) -> Recording:
    key = section.encryption_key
    if key is not None and key.startswith(FILE):
        key = FILE + os.path.join(folder, key.removeprefix(FILE))
    directory = _absolute(section.directory, folder)
    return replace(section, directory=directory, encryption_key=key)


def _sub_account_with_absolute_files(account: SubAccountSection, folder: str) -> SubAccountSection:
    opt_out = account.opt_out
    if opt_out is not None:
        opt_out = replace(opt_out, file=_absolute(opt_out.file, folder))
    return replace(
        account,
        scenarios=tuple(
            replace(each, file=os.path.join(folder, each.file)) for each in account.scenarios
        ),
        menus=tuple(replace(each, file=os.path.join(folder, each.file)) for each in account.menus),
        last_resort=_absolute(account.last_resort, folder),
        opt_out=opt_out,
    )


def _absolute(file: str | None, folder: str) -> str | None:
    return None if file is None else os.path.join(folder, file)
