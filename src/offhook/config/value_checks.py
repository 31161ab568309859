"""Checks of single values that a pattern cannot make: ports, networks, URLs.

They belong to the type of a key, so that each key of such a type is checked, a new one too.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from offhook.config.browser_phone_section import IceServer
from offhook.config.section import Section
from offhook.config.toml_lines import Path
from offhook.config.typed_reader import hints_of, is_section, item_hint, without_none
from offhook.config.value_types import (
    DatabaseUrl,
    Endpoint,
    HepAddress,
    HttpUrl,
    NatsUrl,
    Network,
    SipAddress,
)
from offhook.config.written_values import host_and_port

_PORT = "expected a port up to 65535"
_ICE_PORT = re.compile(r":([0-9]+)(?:\?|\Z)")


def value_findings(config: Section) -> Iterator[tuple[Path, str]]:
    """The values that cannot be meant, each with its key."""
    return _in_section((), config)


class _CheckedKey(NamedTuple):
    """A key of a section that holds something to check."""

    name: str
    check: Callable[[str], str | None] | None
    """None: it holds sections."""
    is_list: bool


@cache
def _plan(section: type[Section]) -> tuple[_CheckedKey, ...]:
    """The keys to look at; worked out once for each class."""
    keys = []
    for name, declared in hints_of(section).items():
        hint = without_none(declared)
        item = item_hint(hint)
        kind = hint if item is None else item
        if is_section(kind) or kind in _CHECKS:
            keys.append(
                _CheckedKey(name, None if is_section(kind) else _CHECKS[kind], item is not None)
            )
    return tuple(keys)


def _in_section(path: Path, section: Section) -> Iterator[tuple[Path, str]]:
    for name, check, is_list in _plan(type(section)):
        value = getattr(section, name)
        if value is None:
            continue
        places: Iterator[tuple[Path, Any]] = (
            (((*path, name, index), each) for index, each in enumerate(value))
            if is_list
            else iter([((*path, name), value)])
        )
        for place, each in places:
            if check is None:
                yield from _in_section(place, each)
            elif (problem := check(each)) is not None:
                yield place, problem


def _endpoint(text: str) -> str | None:
    try:
        host_and_port(text)
    except ValueError:
        return f"{_PORT}, found {text!r}"
    return None


def _with_transport(text: str) -> str | None:
    return None if _endpoint(text.partition(":")[2]) is None else f"{_PORT}, found {text!r}"


def _network(text: str) -> str | None:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return f"expected an IP address or network, found {text!r}"
    return None


def _http_url(text: str) -> str | None:
    """A URL may hold a password, so it is not repeated."""
    if "\\" in text or not text.isprintable():
        return "expected an http or https URL, without control characters and backslashes"
    return _url(text)


def _url(text: str) -> str | None:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        return f"expected a URL: {str(error).removesuffix('.')}"
    return None if parts.hostname else "expected a URL with a host"


def _nats(text: str) -> str | None:
    return next(filter(None, map(_url, text.split(","))), None)


def _database(text: str) -> str | None:
    """One without a host is local; several hosts stand beside commas, which only the driver reads."""
    authority = text.partition("://")[2].partition("/")[0]
    if text.startswith("sqlite:") or not authority or "," in authority:
        return None
    return _url(text) if authority.rpartition("@")[2] else None


def _ice_server(text: str) -> str | None:
    port = _ICE_PORT.search(text)
    return f"{_PORT}, found {text!r}" if port and not 0 < int(port[1]) < 65536 else None


_CHECKS: Mapping[Any, Callable[[str], str | None]] = {
    Endpoint: _endpoint,
    SipAddress: _with_transport,
    HepAddress: _with_transport,
    Network: _network,
    HttpUrl: _http_url,
    NatsUrl: _nats,
    DatabaseUrl: _database,
    IceServer: _ice_server,
}
