"""Sub-accounts, webhooks, scenarios and keys in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from offhook.session.menus import Menu
from offhook.session.ports.record import (
    KeyRecord,
)
from offhook.session.ports.tenancy_records import Tenancy
from offhook.session.tenancy import KeyGrant, PushConfig, Scenario, SubAccount, Webhook, WebhookType
from offhook.store.memory.memory_records import (
    MemoryPart,
)


class MemoryTenancy(MemoryPart, Tenancy):
    """Keeps what the API and the commands configure."""

    async def sub_accounts(self) -> Sequence[SubAccount]:
        return list(self._data.sub_accounts.values())

    async def put_sub_account(self, sub_account: SubAccount) -> None:
        self._data.sub_accounts[sub_account.sub_account_id] = sub_account
        self._data.tenancy_version += 1

    async def delete_sub_account(self, sub_account_id: str) -> bool:
        self._data.forget_numbers(sub_account_id)
        return self._gone(self._data.sub_accounts.pop(sub_account_id, None))

    async def put_webhook(self, sub_account_id: str, webhook: Webhook) -> None:
        self._data.webhooks[sub_account_id, webhook.type.value] = webhook
        self._data.tenancy_version += 1

    async def delete_webhook(self, sub_account_id: str, type_: WebhookType) -> bool:
        return self._gone(self._data.webhooks.pop((sub_account_id, type_.value), None))

    async def webhooks(self) -> Sequence[tuple[str, Webhook]]:
        return [(owner, webhook) for (owner, _), webhook in self._data.webhooks.items()]

    async def put_scenario(self, sub_account_id: str, scenario: Scenario) -> None:
        self._data.scenarios[sub_account_id, scenario.name] = scenario
        self._data.tenancy_version += 1

    async def delete_scenario(self, sub_account_id: str, name: str) -> bool:
        return self._gone(self._data.scenarios.pop((sub_account_id, name), None))

    async def scenarios(self) -> Sequence[tuple[str, Scenario]]:
        return [(owner, scenario) for (owner, _), scenario in self._data.scenarios.items()]

    async def put_push_config(self, sub_account_id: str, config: PushConfig) -> None:
        self._data.push_configs[sub_account_id] = config
        self._data.tenancy_version += 1

    async def delete_push_config(self, sub_account_id: str) -> bool:
        self._data.tenancy_version += 1
        return self._data.push_configs.pop(sub_account_id, None) is not None

    async def push_configs(self) -> Sequence[tuple[str, PushConfig]]:
        return list(self._data.push_configs.items())

    async def put_menu(self, sub_account_id: str, menu: Menu) -> None:
        self._data.menus[sub_account_id, menu.name] = menu
        self._data.tenancy_version += 1

    async def delete_menu(self, sub_account_id: str, name: str) -> bool:
        return self._gone(self._data.menus.pop((sub_account_id, name), None))

    async def menus(self) -> Sequence[tuple[str, Menu]]:
        return [(owner, menu) for (owner, _), menu in sorted(self._data.menus.items())]

    def _gone(self, removed: object | None) -> bool:
        self._data.tenancy_version += 1
        return removed is not None

    async def keys(self) -> Sequence[tuple[bytes, KeyGrant]]:
        now = datetime.now(UTC)
        return [
            (digest, key.grant)
            for digest, key in self._data.api_keys.values()
            if key.revoked_at is None
            and (key.grant.expires_at is None or key.grant.expires_at > now)
        ]

    async def put_key(self, digest: bytes, grant: KeyGrant, name: str, now: datetime) -> None:
        made = KeyRecord(grant=grant, name=name, created_at=now, last_used_at=None, revoked_at=None)
        self._data.api_keys[grant.key_id] = (digest, made)
        self._data.tenancy_version += 1

    async def revoke_key(self, key_id: str, now: datetime) -> bool:
        stored = self._data.api_keys.get(key_id)
        if stored is None or stored[1].revoked_at is not None:
            return self._gone(None)
        self._change_key(key_id, revoked_at=now)
        return self._gone(stored)

    async def list_keys(self) -> Sequence[KeyRecord]:
        keys = [key for _, key in self._data.api_keys.values()]
        return sorted(keys, key=lambda each: (each.created_at, each.grant.key_id))

    async def touch_keys(self, used: Mapping[str, datetime]) -> None:
        for key_id, at in used.items():
            if key_id in self._data.api_keys:
                self._change_key(key_id, last_used_at=at)

    def _change_key(self, key_id: str, **changes: datetime) -> None:
        digest, key = self._data.api_keys[key_id]
        self._data.api_keys[key_id] = (digest, msgspec.structs.replace(key, **changes))

    async def tenancy_version(self) -> int:
        return self._data.tenancy_version
