"""API keys, as ``offhook keys`` makes, lists and revokes them in the database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from offhook.clock import SystemClock, iso_milliseconds, iso_seconds, new_id
from offhook.commands.common import CommandError
from offhook.commands.configured import configuration_with_database, database_name
from offhook.config import Config
from offhook.session.api_keys import key_digest, new_api_key
from offhook.session.ports.record import KeyRecord, StoreUnavailable
from offhook.session.ports.stores import Store
from offhook.session.scopes import ALL_SCOPES, Scope
from offhook.session.tenancy import KeyGrant
from offhook.store import open_store, upgrade

TIMEOUT = 30.0
"""Seconds for one command's work in the database."""
_Result = TypeVar("_Result")


class KeyAdminError(CommandError):
    """The key cannot be made as asked; the text says why."""


def create(
    config_path: str | None,
    *,
    account: str,
    sub_accounts: Sequence[str] = (),
    scopes: Sequence[str] = (),
    name: str = "",
    days: int | None = None,
) -> dict[str, Any]:
    """Store a new key: ``id``, ``apiKey`` (shown only here) and what it opens."""
    config = configuration_with_database(config_path)
    for scope in scopes:
        if scope not in tuple(Scope):
            raise KeyAdminError(f"there is no scope {scope!r}: {', '.join(Scope)}")
    if days is not None and not 1 <= days <= 36_500:
        raise KeyAdminError("--days: expected 1 or more")
    now = SystemClock().now()
    grant = KeyGrant(
        key_id=new_id(),
        account_id=account,
        sub_account_ids=frozenset(sub_accounts) or None,
        scopes=frozenset(scopes or (ALL_SCOPES,)),
        expires_at=now + timedelta(days=days) if days is not None else None,
    )
    key = new_api_key()

    async def put(store: Store) -> None:
        await _check_owner(config, store, account, sub_accounts)
        await store.put_key(key_digest(key), grant, name, now)

    with_store(config, put)
    return {
        "id": grant.key_id,
        "apiKey": key,
        "account": account,
        "subAccounts": sorted(sub_accounts) or None,
        "scopes": sorted(grant.scopes),
        "expires": iso_seconds(grant.expires_at) if grant.expires_at else None,
    }


def listed(config_path: str | None) -> list[dict[str, Any]]:
    """Every key of the database, without its secret."""

    async def read(store: Store) -> list[dict[str, Any]]:
        return [_shown(key) for key in await store.list_keys()]

    return with_store(configuration_with_database(config_path), read)


def _shown(key: KeyRecord) -> dict[str, Any]:
    grant = key.grant
    return {
        "id": grant.key_id,
        "name": key.name,
        "account": grant.account_id,
        "subAccounts": None if grant.sub_account_ids is None else sorted(grant.sub_account_ids),
        "scopes": sorted(grant.scopes),
        "created": _iso(key.created_at),
        "expires": _iso(grant.expires_at),
        "lastUsed": _iso(key.last_used_at),
        "revoked": _iso(key.revoked_at),
    }


def _iso(at: datetime | None) -> str | None:
    return iso_milliseconds(at) if at is not None else None


def revoke(config_path: str | None, key_id: str) -> bool:
    """Make a key invalid; False: there is no such key."""

    async def end(store: Store) -> bool:
        return await store.revoke_key(key_id, SystemClock().now())

    return with_store(configuration_with_database(config_path), end)


async def _check_owner(
    config: Config, store: Store, account: str, sub_accounts: Sequence[str]
) -> None:
    """Refuse a key for an account or sub-account that does not exist: it is a typing mistake."""
    owners = {entry.id: entry.account for entry in config.subaccounts}
    stored = await store.sub_accounts()
    owners.update({entry.sub_account_id: entry.account_id for entry in stored})
    if account not in owners.values():
        known = ", ".join(sorted(set(owners.values()))) or "none"
        raise KeyAdminError(f"there is no account {account!r}; known: {known}")
    for sub_account in sub_accounts:
        if owners.get(sub_account) != account:
            raise KeyAdminError(f"{account!r} has no sub-account {sub_account!r}")


def with_store(config: Config, work: Callable[[Store], Awaitable[_Result]]) -> _Result:
    """Run work on the configured database. Raises :class:`KeyAdminError` where it cannot be used."""
    url = config.database.url

    async def run() -> _Result:
        store = open_store(url)
        async with asyncio.timeout(TIMEOUT):
            await store.open()
            try:
                return await work(store)
            finally:
                await store.close()

    try:
        if url.startswith("sqlite:"):
            upgrade(url)  # as a server does with the embedded database when it starts
        return asyncio.run(run())
    except (StoreUnavailable, TimeoutError) as error:
        why = str(error) or f"it has not answered within {TIMEOUT:.0f} s"
        raise KeyAdminError(f"the database {database_name(url)} cannot be used: {why}") from None
