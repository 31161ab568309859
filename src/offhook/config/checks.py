"""Rules between the keys of a configuration, beyond the type of each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

import phonenumbers

from offhook.config import (
    TESTBED_TRUNK,
    Config,
    SubAccountSection,
    SubAccountWebhook,
    TrunkSection,
    api_key_digest,
)
from offhook.config.areas import area_problem, no_country
from offhook.config.mistakes import did_you_mean
from offhook.config.server_checks import Finding, is_secret, server_findings
from offhook.config.sip_checks import sip_findings
from offhook.config.toml_lines import Path
from offhook.config.value_checks import value_findings
from offhook.patterns import InvalidPattern, check_pattern

MIN_SESSION_TIMER = 90
"""Seconds (RFC 4028 §4)."""


def findings(config: Config, environ: Mapping[str, str]) -> Iterator[Finding]:
    """All mistakes, in the order of the sections."""
    yield from value_findings(config)
    yield from server_findings(config)
    yield from sip_findings(config)
    yield from _trunks_and_routes(config)
    yield from _registrations(config)
    yield from _sip_users(config)
    yield from _keys(("admin", "api_keys"), config.admin.api_keys, environ)
    yield from _unique(("subaccounts",), "id", [s.id for s in config.subaccounts])
    yield from _shared_keys(config, environ)
    for index, sub_account in enumerate(config.subaccounts):
        yield from _sub_account(("subaccounts", index), sub_account, environ)
    yield from _numbers(config)
    yield from _unique(("testbed", "phones"), "number", [p.number for p in config.testbed.phones])


def _trunks_and_routes(config: Config) -> Iterator[Finding]:
    yield from _unique(("trunks",), "name", [t.name for t in config.trunks])
    for index, trunk in enumerate(config.trunks):
        if trunk.name == TESTBED_TRUNK:
            yield ("trunks", index, "name"), "means the built-in phones; expected another name"
        if trunk.password is not None and trunk.username is None:
            yield ("trunks", index, "username"), "missing: the password needs it"
        if 0 < trunk.session_timer < MIN_SESSION_TIMER:
            at_least = f"expected 0, or at least {MIN_SESSION_TIMER} seconds (RFC 4028)"
            yield ("trunks", index, "session_timer"), at_least
        if trunk.attest is not None and config.stir.key is None:
            yield ("trunks", index, "attest"), "needs stir.key and stir.certificate_url"
        if not trunk.codecs:
            yield ("trunks", index, "codecs"), _NO_CODEC
        yield from _number_rules(("trunks", index), trunk)
    trunks = {t.name for t in config.trunks} | {TESTBED_TRUNK}
    for index, route in enumerate(config.routes):
        if not route.trunks:
            yield ("routes", index, "trunks"), "expected at least one trunk"
        for name in sorted(set(route.trunks) - trunks):
            yield ("routes", index, "trunks"), _no_trunk(name, trunks)


_NO_CODEC = "expected at least one codec"


def _no_trunk(name: str, trunks: Iterable[str]) -> str:
    near = did_you_mean(name, trunks)
    return f"there is no trunk {name!r}{'; ' if near else ''}{near}"


def _number_rules(path: Path, trunk: TrunkSection) -> Iterator[Finding]:
    """Two rules of one prefix: only one of them can count."""
    seen: set[tuple[str, str, str]] = set()
    for index, rule in enumerate(trunk.number_rules):
        parties = ("called", "caller") if rule.party == "both" else (rule.party,)
        ruled = {(rule.direction, party, rule.prefix) for party in parties}
        if ruled & seen:
            yield (*path, "number_rules", index), f"another rule changes {rule.prefix!r} already"
        seen |= ruled


def _registrations(config: Config) -> Iterator[Finding]:
    """Trunks that could not register, and number formats that lack a country."""
    for index, trunk in enumerate(config.trunks):
        path = ("trunks", index)
        if trunk.register and trunk.password is None:
            yield (*path, "register"), "needs username and password"
        if trunk.registrars and not trunk.register:
            yield (*path, "registrars"), "only a trunk with register = true has registrars"
        if trunk.register_on != "each" and not trunk.register:
            yield (*path, "register_on"), "only a trunk with register = true has it"
        if trunk.from_user == "username" and trunk.username is None:
            yield (*path, "username"), 'missing: from_user = "username" needs it'
        if trunk.numbers == "national" and trunk.country is None:
            yield (*path, "country"), 'missing: numbers = "national" needs it'
        if trunk.country is not None and trunk.country not in phonenumbers.SUPPORTED_REGIONS:
            yield (*path, "country"), no_country(trunk.country)


SHORTEST_PASSWORD = 8
"""Characters of a user's password: one that anybody can try from the internet."""


def _sip_users(config: Config) -> Iterator[Finding]:
    yield from _unique(("sip_users",), "username", [user.username for user in config.sip_users])
    of_trunks = {trunk.username for trunk in config.trunks if trunk.username}
    numbers = {
        number.msisdn: account.id for account in config.subaccounts for number in account.numbers
    }
    taken: set[str] = set()
    for index, user in enumerate(config.sip_users):
        path = ("sip_users", index)
        if user.username in of_trunks:
            yield (*path, "username"), f"{user.username!r} is the username of a trunk"
        if len(user.password) < SHORTEST_PASSWORD:
            yield (*path, "password"), f"expected {SHORTEST_PASSWORD} characters or more"
        if not user.digest:
            yield (*path, "digest"), "expected at least one algorithm"
        if not user.codecs:
            yield (*path, "codecs"), _NO_CODEC
        if user.number is None:
            continue
        if user.number in numbers:
            owner = numbers[user.number]
            yield (*path, "number"), f"{user.number} belongs to the sub-account {owner!r}"
        if user.number in taken:
            yield (*path, "number"), f"{user.number} is another user's"
        taken.add(user.number)


def _keys(path: Path, keys: Iterable[str], environ: Mapping[str, str]) -> Iterator[Finding]:
    for key in keys:
        try:
            api_key_digest(key, environ)
        except KeyError as missing:
            yield path, f"the variable {missing.args[0]} is not set"


def _shared_keys(config: Config, environ: Mapping[str, str]) -> Iterator[Finding]:
    """A key opens sub-accounts of one account."""
    owners: dict[bytes, str] = {}
    for index, entry in enumerate(config.subaccounts):
        for digest in _digests(entry.api_keys, environ):
            if owners.setdefault(digest, entry.account) != entry.account:
                shared = f"one of them is a key of the account {owners[digest]!r} too"
                yield ("subaccounts", index, "api_keys"), shared


def _digests(keys: Iterable[str], environ: Mapping[str, str]) -> Iterator[bytes]:
    for key in keys:
        try:
            yield api_key_digest(key, environ)
        except KeyError:  # _keys tells it
            continue


def _sub_account(
    path: Path, account: SubAccountSection, environ: Mapping[str, str]
) -> Iterator[Finding]:
    yield from _keys((*path, "api_keys"), account.api_keys, environ)
    yield from _unique((*path, "webhooks"), "type", [w.type for w in account.webhooks])
    yield from _unique((*path, "scenarios"), "name", [s.name for s in account.scenarios])
    for index, area in enumerate(account.coverage or ()):
        if (wrong := area_problem(area)) is not None:
            yield (*path, "coverage", index), wrong
    for index, webhook in enumerate(account.webhooks):
        yield from _webhook((*path, "webhooks", index), webhook)
    for index, window in enumerate(account.calling_hours):
        if window.opens == "24:00":
            yield (*path, "calling_hours", index, "opens"), 'expected a time before "24:00"'
    if account.last_resort is not None and not os.path.isfile(account.last_resort):
        yield (*path, "last_resort"), f"there is no file {account.last_resort}"
    yield from _scenarios(path, account)
    yield from _menus(path, account)


def _webhook(path: Path, webhook: SubAccountWebhook) -> Iterator[Finding]:
    for key in ("secret", "previous_secret"):
        secret = getattr(webhook, key)
        if secret is not None and not is_secret(secret):
            wrong = "expected whsec_ and the base64 of 24 to 64 bytes, found another string"
            yield (*path, key), wrong
    if webhook.fallback_url is not None and webhook.type != "VCA":
        yield (*path, "fallback_url"), "only a VCA webhook has a fallback"


def _menus(path: Path, account: SubAccountSection) -> Iterator[Finding]:
    """Menus that name no file, or numbers that are not the sub-account's."""
    yield from _unique((*path, "menus"), "name", [menu.name for menu in account.menus])
    own = {number.msisdn for number in account.numbers}
    answered: set[str] = set()
    for index, menu in enumerate(account.menus):
        here = (*path, "menus", index)
        if not os.path.isfile(menu.file):
            yield (*here, "file"), f"there is no file {menu.file}"
        for number in menu.numbers:
            if number not in own:
                yield (*here, "numbers"), f"{number} is no number of the sub-account"
            if number in answered:
                yield (*here, "numbers"), f"{number} has another menu"
            answered.add(number)


def _scenarios(path: Path, account: SubAccountSection) -> Iterator[Finding]:
    for index, scenario in enumerate(account.scenarios):
        here = (*path, "scenarios", index)
        if not os.path.isfile(scenario.file):
            yield (*here, "file"), f"there is no file {scenario.file}"
        yield from _unique((*here, "parameters"), "name", [p.name for p in scenario.parameters])
        for number, parameter in enumerate(scenario.parameters):
            try:
                check_pattern(parameter.pattern or "")
            except InvalidPattern as error:
                yield (*here, "parameters", number, "pattern"), str(error)


def _numbers(config: Config) -> Iterator[Finding]:
    owners: dict[str, str] = {}
    trunks = {trunk.name for trunk in config.trunks} | {TESTBED_TRUNK}
    for index, account in enumerate(config.subaccounts):
        for position, number in enumerate(account.numbers):
            path = ("subaccounts", index, "numbers", position)
            if number.msisdn in owners:
                owner = owners[number.msisdn]
                yield (*path, "msisdn"), f"{number.msisdn} belongs to {owner!r} already"
            owners.setdefault(number.msisdn, account.id)
            if number.trunk is not None and number.trunk not in trunks:
                yield (*path, "trunk"), _no_trunk(number.trunk, trunks)
            if number.expires is not None and not _is_day(number.expires):
                yield (*path, "expires"), f"{number.expires} is no day of the calendar"


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _unique(path: Path, key: str, values: list[str]) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield (*path, index, key), f"{value!r} appears twice"
        seen.add(value)
