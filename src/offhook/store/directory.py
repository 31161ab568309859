"""Accounts, sub-accounts and API keys in memory: from the configuration file and from the store.

The file's sub-accounts are used as written; a stored one with the same id is ignored.
Webhooks and scenarios set through the API apply to either kind and replace the file's of the same
type or name.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import final

import msgspec

from offhook import config
from offhook.clock import Clock, SystemClock
from offhook.flow.scenarios import ScenarioParameter
from offhook.session.calling_hours import OutsideHours, calling_hours
from offhook.session.last_resort_callflow import InvalidLastResort, last_resort_of_text
from offhook.session.menus import InvalidMenu, Menu, menu_of_text
from offhook.session.number_states import is_expired
from offhook.session.ports.record import StoreUnavailable
from offhook.session.ports.stores import Store
from offhook.session.ports.tenants import TenantDirectory
from offhook.session.spending import budget_of
from offhook.session.tenancy import (
    KeyGrant,
    OptOutSettings,
    Scenario,
    SubAccount,
    VirtualNumber,
    Webhook,
    WebhookType,
)

log = logging.getLogger(__name__)

_NEVER_READ = -1


@final
class Directory(TenantDirectory):
    """Answers from memory; :meth:`refresh` reads the store again when it has changed.

    The constructor reads the scenario files. Raises OSError for one that cannot be read, and
    ValueError, with a text for the operator, for keys that cannot be used.
    """

    def __init__(
        self,
        settings: config.Config,
        store: Store,
        environ: Mapping[str, str] = os.environ,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._clock = clock or SystemClock()
        self._environ = environ
        self._reading = asyncio.Lock()
        self._is_stale = False
        self._numbers_of: date | None = None
        """The day (UTC) for which expired numbers are known."""
        self._of_file: Mapping[str, SubAccount] = {}
        self._keys_of_file: Mapping[bytes, KeyGrant] = {}
        self._numbers_of_file: Mapping[str, str] = {}
        self._admin_keys: frozenset[bytes] = frozenset()
        self.use(settings)
        self._sub_accounts = self._of_file
        self._listed = tuple(self._of_file.values())
        self._keys = self._keys_of_file

    def use(self, settings: config.Config) -> None:
        """Take over the file's sub-accounts and keys; in force from the next :meth:`refresh` on.

        Raises as the constructor does, and changes nothing then.
        """
        of_file = {entry.id: _sub_account(entry) for entry in settings.subaccounts}
        keys_of_file = _file_keys(settings, self._environ)
        self._admin_keys = _admin_keys(settings, self._environ)
        self._of_file, self._keys_of_file = of_file, keys_of_file
        self._numbers_of_file = {
            number.msisdn: owner.sub_account_id
            for owner in of_file.values()
            for number in owner.numbers
        }
        self._version = _NEVER_READ

    def sub_account(self, sub_account_id: str) -> SubAccount | None:
        return self._sub_accounts.get(sub_account_id)

    def knows(self, sub_account_id: str) -> bool:
        """Whether there is such a sub-account."""
        return sub_account_id in self._sub_accounts

    def sub_accounts(self) -> Sequence[SubAccount]:
        return self._listed

    def grant_of(self, digest: bytes) -> KeyGrant | None:
        grant = self._keys.get(digest)
        if grant is None or grant.expires_at is None:
            return grant
        return grant if self._clock.now() < grant.expires_at else None

    def is_admin_digest(self, digest: bytes) -> bool:
        return digest in self._admin_keys

    def has_admin_keys(self) -> bool:
        return bool(self._admin_keys)

    def in_file(self, sub_account_id: str) -> bool:
        return sub_account_id in self._of_file

    def number_in_file(self, msisdn: str) -> bool:
        return msisdn in self._numbers_of_file

    async def refresh(self) -> None:
        """Read the store again if it has changed; one small query when it has not. While the database is
        away, the known ones stay in force.
        """
        async with self._reading:
            try:
                version = await self._store.tenancy_version()
                if version != self._version or self._numbers_of != self._clock.now().date():
                    await self._read()
                    self._version = version
            except StoreUnavailable as error:
                if not self._is_stale:
                    log.warning("accounts and keys cannot be read, the known ones stay: %s", error)
                self._is_stale = True
            else:
                if self._is_stale:
                    log.info("accounts and keys are read again")
                self._is_stale = False

    async def _read(self) -> None:
        merged = {entry.sub_account_id: entry for entry in await self._store.sub_accounts()}
        merged |= self._of_file
        for sub_account_id, webhook in await self._store.webhooks():
            if (owner := merged.get(sub_account_id)) is not None:
                webhooks = {**owner.webhooks, webhook.type: webhook}
                merged[sub_account_id] = msgspec.structs.replace(owner, webhooks=webhooks)
        for sub_account_id, scenario in await self._store.scenarios():
            if (owner := merged.get(sub_account_id)) is not None:
                scenarios = {**owner.scenarios, scenario.name: scenario}
                merged[sub_account_id] = msgspec.structs.replace(owner, scenarios=scenarios)
        for sub_account_id, push in await self._store.push_configs():
            if (owner := merged.get(sub_account_id)) is not None:
                merged[sub_account_id] = msgspec.structs.replace(owner, recording_push=push)
        for sub_account_id, menu in await self._store.menus():
            if (owner := merged.get(sub_account_id)) is not None:
                menus = {menu.name: menu, **_without(owner.menus, menu)}
                merged[sub_account_id] = msgspec.structs.replace(owner, menus=menus)
        await self._read_numbers(merged)
        self._keys = {**dict(await self._store.keys()), **self._keys_of_file}
        self._sub_accounts = merged
        self._listed = tuple(merged.values())

    async def _read_numbers(self, merged: dict[str, SubAccount]) -> None:
        assigned: dict[str, list[VirtualNumber]] = {}
        for sub_account_id, number in await self._store.assigned_numbers():
            if self._numbers_of_file.get(number.msisdn, sub_account_id) == sub_account_id:
                assigned.setdefault(sub_account_id, []).append(number)
        now = self._clock.now()
        self._numbers_of = now.date()
        for sub_account_id, owner in merged.items():
            numbers = _numbers(owner.numbers, assigned.get(sub_account_id, ()), now)
            if numbers != owner.numbers:
                merged[sub_account_id] = msgspec.structs.replace(owner, numbers=numbers)


def _sub_account(entry: config.SubAccountSection) -> SubAccount:
    return SubAccount(
        sub_account_id=entry.id,
        account_id=entry.account,
        numbers=tuple(_number(number) for number in entry.numbers),
        caller_ids=frozenset(entry.caller_ids),
        coverage=entry.coverage,
        max_calls=entry.max_calls,
        cps=entry.cps,
        withheld_caller_id=entry.withheld_caller_id,
        dtmf_event_data=entry.dtmf_event_data,
        budget=budget_of(entry.daily_minutes, entry.daily_cost),
        voice_characters_per_day=entry.voice_characters_per_day,
        calling_hours=calling_hours(entry.calling_hours, OutsideHours(entry.outside_hours)),
        webhooks={WebhookType(webhook.type): _webhook(webhook) for webhook in entry.webhooks},
        scenarios={scenario.name: _scenario(scenario) for scenario in entry.scenarios},
        menus={menu.name: _menu(menu) for menu in entry.menus},
        opt_out=_opt_out(entry.opt_out),
        last_resort=None if entry.last_resort is None else _last_resort(entry.last_resort),
    )


def _number(entry: config.Number) -> VirtualNumber:
    members = msgspec.structs.asdict(entry)
    for name in ("rental_price", "incoming_rate"):
        members[name] = Decimal(members[name]) if members[name] is not None else None
    if entry.expires is not None:
        members["expires"] = date.fromisoformat(entry.expires)
    return VirtualNumber(**members)


def _numbers(
    own: Sequence[VirtualNumber], assigned: Sequence[VirtualNumber], now: datetime
) -> tuple[VirtualNumber, ...]:
    """A sub-account's numbers; an assigned one replaces its own entry, an expired one is not active."""
    numbers = {number.msisdn: number for number in (*own, *assigned)}
    return tuple(
        msgspec.structs.replace(number, active=False) if is_expired(number, now) else number
        for number in numbers.values()
    )


def _without(menus: Mapping[str, Menu], stored: Menu) -> dict[str, Menu]:
    """The other menus; a stored one takes its numbers over from them."""
    return {
        name: msgspec.structs.replace(menu, numbers=menu.numbers - stored.numbers)
        for name, menu in menus.items()
        if name != stored.name
    }


def _menu(entry: config.MenuFile) -> Menu:
    try:
        return menu_of_text(
            entry.name, Path(entry.file).read_text("utf-8"), frozenset(entry.numbers)
        )
    except InvalidMenu as error:
        raise ValueError(f"{entry.file}: {error}") from None


def _last_resort(file: str) -> str:
    try:
        return last_resort_of_text(Path(file).read_text("utf-8"))
    except InvalidLastResort as error:
        raise ValueError(f"{file}: {error}") from None


def _opt_out(entry: config.OptOutSection | None) -> OptOutSettings | None:
    return None if entry is None else OptOutSettings(**msgspec.structs.asdict(entry))


def _webhook(entry: config.SubAccountWebhook) -> Webhook:
    return Webhook(**{**msgspec.structs.asdict(entry), "type": WebhookType(entry.type)})


def _scenario(entry: config.ScenarioFile) -> Scenario:
    return Scenario(
        name=entry.name,
        callflow=Path(entry.file).read_text("utf-8"),
        parameters=tuple(
            msgspec.convert(parameter, ScenarioParameter, from_attributes=True)
            for parameter in entry.parameters
        ),
    )


def _digest(configured: str, environ: Mapping[str, str], where: str) -> bytes:
    try:
        return config.api_key_digest(configured, environ)
    except KeyError as error:
        raise ValueError(f"{where}: the variable {error.args[0]} is not set") from None


def _file_keys(settings: config.Config, environ: Mapping[str, str]) -> dict[bytes, KeyGrant]:
    """The file's keys. A key listed under several sub-accounts opens all of them."""
    keys: dict[bytes, KeyGrant] = {}
    for entry in settings.subaccounts:
        where = f"subaccounts.{entry.id}.api_keys"
        for configured in entry.api_keys:
            digest = _digest(configured, environ, where)
            known = keys.get(digest)
            if known is not None and known.account_id != entry.account:
                raise ValueError(f"{where}: the same key stands under another account")
            opens = frozenset() if known is None else known.sub_account_ids or frozenset()
            keys[digest] = KeyGrant(
                key_id=f"file:{digest.hex()[:12]}",
                account_id=entry.account,
                sub_account_ids=opens | {entry.id},
            )
    return keys


def _admin_keys(settings: config.Config, environ: Mapping[str, str]) -> frozenset[bytes]:
    return frozenset(_digest(key, environ, "admin.api_keys") for key in settings.admin.api_keys)
