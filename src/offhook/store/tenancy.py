"""Stored sub-accounts, webhooks, scenarios and API keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import delete, or_, select, update

from offhook.session.tenancy import KeyGrant, Scenario, SubAccount, Webhook
from offhook.store import schema
from offhook.store.core import CoreCalls
from offhook.store.documents import (
    encode,
    from_micros,
    micros,
    optional_from_micros,
    optional_micros,
)


class TenancyCalls(CoreCalls):
    """The calls of :class:`.interface.Store` about who may do what."""

    async def sub_accounts(self) -> Sequence[SubAccount]:
        """See :meth:`.interface.Store.sub_accounts`."""
        rows = await self._read(select(schema.sub_accounts.c.document))
        return [msgspec.json.decode(row[0], type=SubAccount) for row in rows]

    async def put_sub_account(self, sub_account: SubAccount) -> None:
        """See :meth:`.interface.Store.put_sub_account`."""
        values = {
            "sub_account_id": sub_account.sub_account_id,
            "document": encode(sub_account),
        }
        await self._write(
            self._upsert(schema.sub_accounts, ["sub_account_id"], values), self._next_version()
        )

    async def delete_sub_account(self, sub_account_id: str) -> bool:
        """See :meth:`.interface.Store.delete_sub_account`."""
        t = schema.sub_accounts
        return await self._changed(
            delete(t).where(t.c.sub_account_id == sub_account_id), t.c.sub_account_id, version=True
        )

    async def put_webhook(self, sub_account_id: str, webhook: Webhook) -> None:
        """See :meth:`.interface.Store.put_webhook`."""
        values = {
            "sub_account_id": sub_account_id,
            "type": webhook.type.value,
            "document": encode(webhook),
        }
        await self._write(
            self._upsert(schema.webhooks, ["sub_account_id", "type"], values),
            self._next_version(),
        )

    async def delete_webhook(self, sub_account_id: str, type_: str) -> bool:
        """See :meth:`.interface.Store.delete_webhook`."""
        t = schema.webhooks
        gone = delete(t).where(t.c.sub_account_id == sub_account_id, t.c.type == type_)
        return await self._changed(gone, t.c.type, version=True)

    async def webhooks(self) -> Sequence[tuple[str, Webhook]]:
        """See :meth:`.interface.Store.webhooks`."""
        t = schema.webhooks
        rows = await self._read(select(t.c.sub_account_id, t.c.document))
        return [(row[0], msgspec.json.decode(row[1], type=Webhook)) for row in rows]

    async def put_scenario(self, sub_account_id: str, scenario: Scenario) -> None:
        """See :meth:`.interface.Store.put_scenario`."""
        values = {
            "sub_account_id": sub_account_id,
            "name": scenario.name,
            "document": encode(scenario),
        }
        await self._write(
            self._upsert(schema.scenarios, ["sub_account_id", "name"], values),
            self._next_version(),
        )

    async def delete_scenario(self, sub_account_id: str, name: str) -> bool:
        """See :meth:`.interface.Store.delete_scenario`."""
        t = schema.scenarios
        gone = delete(t).where(t.c.sub_account_id == sub_account_id, t.c.name == name)
        return await self._changed(gone, t.c.name, version=True)

    async def scenarios(self) -> Sequence[tuple[str, Scenario]]:
        """See :meth:`.interface.Store.scenarios`."""
        t = schema.scenarios
        rows = await self._read(select(t.c.sub_account_id, t.c.document))
        return [(row[0], msgspec.json.decode(row[1], type=Scenario)) for row in rows]

    async def keys(self) -> Sequence[tuple[bytes, KeyGrant]]:
        """See :meth:`.interface.Store.keys`."""
        t = schema.api_keys
        now = micros(datetime.now(UTC))
        rows = await self._read(
            select(t.c.digest, t.c.document).where(
                t.c.revoked_at.is_(None), or_(t.c.expires_at.is_(None), t.c.expires_at > now)
            )
        )
        return [(bytes(row[0]), msgspec.json.decode(row[1], type=KeyGrant)) for row in rows]

    async def put_key(self, digest: bytes, grant: KeyGrant, name: str, now: datetime) -> None:
        """See :meth:`.interface.Store.put_key`."""
        values = {
            "key_id": grant.key_id,
            "digest": digest,
            "name": name,
            "document": encode(grant),
            "created_at": micros(now),
            "expires_at": optional_micros(grant.expires_at),
        }
        await self._write(self._upsert(schema.api_keys, ["key_id"], values), self._next_version())

    async def revoke_key(self, key_id: str, now: datetime) -> bool:
        """See :meth:`.interface.Store.revoke_key`."""
        t = schema.api_keys
        revoked = (
            update(t)
            .where(t.c.key_id == key_id, t.c.revoked_at.is_(None))
            .values(revoked_at=micros(now))
        )
        return await self._changed(revoked, t.c.key_id, version=True)

    async def list_keys(self) -> Sequence[dict[str, Any]]:
        """See :meth:`.interface.Store.list_keys`."""
        t = schema.api_keys
        columns = (t.c.name, t.c.created_at, t.c.last_used_at, t.c.revoked_at, t.c.document)
        rows = await self._read(select(*columns).order_by(t.c.created_at, t.c.key_id))
        return [_key_view(row) for row in rows]

    async def touch_keys(self, used: dict[str, datetime]) -> None:
        """See :meth:`.interface.Store.touch_keys`."""
        t = schema.api_keys
        if used:
            await self._write(
                *(
                    update(t).where(t.c.key_id == key_id).values(last_used_at=micros(at))
                    for key_id, at in used.items()
                )
            )

    async def tenancy_version(self) -> int:
        """See :meth:`.interface.Store.tenancy_version`."""
        t = schema.versions
        rows = await self._read(select(t.c.version).where(t.c.name == "tenancy"))
        return rows[0][0] if rows else 0


def _key_view(row: Sequence[Any]) -> dict[str, Any]:
    grant = msgspec.json.decode(row[4], type=KeyGrant)
    return {
        "id": grant.key_id,
        "name": row[0],
        "account": grant.account_id,
        "subAccounts": None if grant.sub_account_ids is None else sorted(grant.sub_account_ids),
        "scopes": sorted(grant.scopes),
        "created": from_micros(row[1]),
        "expires": grant.expires_at,
        "lastUsed": optional_from_micros(row[2]),
        "revoked": optional_from_micros(row[3]),
    }
