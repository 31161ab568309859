"""Stored sub-accounts, webhooks, scenarios and API keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from sqlalchemy import delete, or_, select, update

from offhook.session.menus import Menu
from offhook.session.ports.record import KeyRecord
from offhook.session.ports.tenancy_records import Tenancy
from offhook.session.tenancy import KeyGrant, PushConfig, Scenario, SubAccount, Webhook, WebhookType
from offhook.store import schema
from offhook.store.documents import (
    encode,
    from_micros,
    micros,
    optional_from_micros,
    optional_micros,
)
from offhook.store.rows import Row
from offhook.store.statements import Statements


class SqlTenancy(Statements, Tenancy):
    """Keeps sub-accounts, webhooks, scenarios and keys as JSON documents."""

    async def sub_accounts(self) -> Sequence[SubAccount]:
        rows = await self._read(select(schema.sub_accounts.c.document))
        return [msgspec.json.decode(row["document"], type=SubAccount) for row in rows]

    async def put_sub_account(self, sub_account: SubAccount) -> None:
        values = {
            "sub_account_id": sub_account.sub_account_id,
            "document": encode(sub_account),
        }
        await self._write(
            self._upsert(schema.sub_accounts, ["sub_account_id"], values), self._next_version()
        )

    async def delete_sub_account(self, sub_account_id: str) -> bool:
        t = schema.sub_accounts
        gone = delete(t).where(t.c.sub_account_id == sub_account_id).returning(t.c.sub_account_id)
        of_its_numbers = (schema.numbers, schema.number_states, schema.number_receivers)
        found, *_ = await self._write(
            gone,
            *(delete(n).where(n.c.sub_account_id == sub_account_id) for n in of_its_numbers),
            self._next_version(),
        )
        return bool(found)

    async def put_webhook(self, sub_account_id: str, webhook: Webhook) -> None:
        values = {
            "sub_account_id": sub_account_id,
            "type": webhook.type.value,
            "document": encode(webhook),
        }
        await self._write(
            self._upsert(schema.webhooks, ["sub_account_id", "type"], values),
            self._next_version(),
        )

    async def delete_webhook(self, sub_account_id: str, type_: WebhookType) -> bool:
        t = schema.webhooks
        gone = delete(t).where(t.c.sub_account_id == sub_account_id, t.c.type == type_.value)
        return await self._tenancy_changed(gone, t.c.type)

    async def webhooks(self) -> Sequence[tuple[str, Webhook]]:
        t = schema.webhooks
        rows = await self._read(select(t.c.sub_account_id, t.c.document))
        return [
            (row["sub_account_id"], msgspec.json.decode(row["document"], type=Webhook))
            for row in rows
        ]

    async def put_scenario(self, sub_account_id: str, scenario: Scenario) -> None:
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
        t = schema.scenarios
        gone = delete(t).where(t.c.sub_account_id == sub_account_id, t.c.name == name)
        return await self._tenancy_changed(gone, t.c.name)

    async def scenarios(self) -> Sequence[tuple[str, Scenario]]:
        t = schema.scenarios
        rows = await self._read(select(t.c.sub_account_id, t.c.document))
        return [
            (row["sub_account_id"], msgspec.json.decode(row["document"], type=Scenario))
            for row in rows
        ]

    async def put_push_config(self, sub_account_id: str, config: PushConfig) -> None:
        values = {"sub_account_id": sub_account_id, "document": encode(config)}
        await self._write(
            self._upsert(schema.recording_pushes, ["sub_account_id"], values),
            self._next_version(),
        )

    async def delete_push_config(self, sub_account_id: str) -> bool:
        pushes = schema.recording_pushes
        gone = delete(pushes).where(pushes.c.sub_account_id == sub_account_id)
        return await self._tenancy_changed(gone, pushes.c.sub_account_id)

    async def push_configs(self) -> Sequence[tuple[str, PushConfig]]:
        pushes = schema.recording_pushes
        rows = await self._read(select(pushes.c.sub_account_id, pushes.c.document))
        return [
            (row["sub_account_id"], msgspec.json.decode(row["document"], type=PushConfig))
            for row in rows
        ]

    async def put_menu(self, sub_account_id: str, menu: Menu) -> None:
        values = {"sub_account_id": sub_account_id, "name": menu.name, "document": encode(menu)}
        await self._write(
            self._upsert(schema.menus, ["sub_account_id", "name"], values), self._next_version()
        )

    async def delete_menu(self, sub_account_id: str, name: str) -> bool:
        t = schema.menus
        gone = delete(t).where(t.c.sub_account_id == sub_account_id, t.c.name == name)
        return await self._tenancy_changed(gone, t.c.name)

    async def menus(self) -> Sequence[tuple[str, Menu]]:
        t = schema.menus
        rows = await self._read(
            select(t.c.sub_account_id, t.c.document).order_by(t.c.sub_account_id, t.c.name)
        )
        return [
            (row["sub_account_id"], msgspec.json.decode(row["document"], type=Menu)) for row in rows
        ]

    async def keys(self) -> Sequence[tuple[bytes, KeyGrant]]:
        t = schema.api_keys
        now = micros(datetime.now(UTC))
        rows = await self._read(
            select(t.c.digest, t.c.document).where(
                t.c.revoked_at.is_(None), or_(t.c.expires_at.is_(None), t.c.expires_at > now)
            )
        )
        return [
            (bytes(row["digest"]), msgspec.json.decode(row["document"], type=KeyGrant))
            for row in rows
        ]

    async def put_key(self, digest: bytes, grant: KeyGrant, name: str, now: datetime) -> None:
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
        t = schema.api_keys
        revoked = (
            update(t)
            .where(t.c.key_id == key_id, t.c.revoked_at.is_(None))
            .values(revoked_at=micros(now))
        )
        return await self._tenancy_changed(revoked, t.c.key_id)

    async def list_keys(self) -> Sequence[KeyRecord]:
        t = schema.api_keys
        columns = (t.c.name, t.c.created_at, t.c.last_used_at, t.c.revoked_at, t.c.document)
        rows = await self._read(select(*columns).order_by(t.c.created_at, t.c.key_id))
        return [_key_record(row) for row in rows]

    async def touch_keys(self, used: Mapping[str, datetime]) -> None:
        t = schema.api_keys
        if used:
            await self._write(
                *(
                    update(t).where(t.c.key_id == key_id).values(last_used_at=micros(at))
                    for key_id, at in used.items()
                )
            )

    async def tenancy_version(self) -> int:
        rows = await self._read_named("tenancy_version")
        return rows[0]["version"] if rows else 0


def _key_record(row: Row) -> KeyRecord:
    return KeyRecord(
        grant=msgspec.json.decode(row["document"], type=KeyGrant),
        name=row["name"],
        created_at=from_micros(row["created_at"]),
        last_used_at=optional_from_micros(row["last_used_at"]),
        revoked_at=optional_from_micros(row["revoked_at"]),
    )
