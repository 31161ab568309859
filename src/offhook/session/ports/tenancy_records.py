"""The part of the store for tenants: sub-accounts, webhooks, scenarios, menus and API keys."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime

from offhook.session.menus import Menu
from offhook.session.ports.record import KeyRecord
from offhook.session.tenancy import KeyGrant, PushConfig, Scenario, SubAccount, Webhook, WebhookType


class Tenancy(ABC):
    """Stored sub-accounts, webhooks, scenarios and API keys."""

    @abstractmethod
    async def sub_accounts(self) -> Sequence[SubAccount]:
        """All stored sub-accounts with numbers, webhooks and scenarios."""

    @abstractmethod
    async def put_sub_account(self, sub_account: SubAccount) -> None:
        """Create or replace."""

    @abstractmethod
    async def delete_sub_account(self, sub_account_id: str) -> bool:
        """Delete it and what is stored of its numbers. False: there was none."""

    @abstractmethod
    async def put_webhook(self, sub_account_id: str, webhook: Webhook) -> None:
        """Create or replace the webhook of its type, also for a sub-account of the file."""

    @abstractmethod
    async def delete_webhook(self, sub_account_id: str, type_: WebhookType) -> bool:
        """False: there was none."""

    @abstractmethod
    async def webhooks(self) -> Sequence[tuple[str, Webhook]]:
        """All stored webhooks with their sub-account's id."""

    @abstractmethod
    async def put_scenario(self, sub_account_id: str, scenario: Scenario) -> None:
        """Create or replace a scenario, also for a sub-account of the file."""

    @abstractmethod
    async def delete_scenario(self, sub_account_id: str, name: str) -> bool:
        """False: there was none."""

    @abstractmethod
    async def scenarios(self) -> Sequence[tuple[str, Scenario]]:
        """All scenarios stored with :meth:`put_scenario`, with their sub-account's id."""

    @abstractmethod
    async def put_push_config(self, sub_account_id: str, config: PushConfig) -> None:
        """Create or replace a sub-account's push configuration."""

    @abstractmethod
    async def delete_push_config(self, sub_account_id: str) -> bool:
        """False: there was none."""

    @abstractmethod
    async def push_configs(self) -> Sequence[tuple[str, PushConfig]]:
        """All of them with their sub-account's id."""

    @abstractmethod
    async def put_menu(self, sub_account_id: str, menu: Menu) -> None:
        """Create or replace a stored menu, also for a sub-account of the file."""

    @abstractmethod
    async def delete_menu(self, sub_account_id: str, name: str) -> bool:
        """False: there was none."""

    @abstractmethod
    async def menus(self) -> Sequence[tuple[str, Menu]]:
        """All menus stored with :meth:`put_menu`, with their sub-account's id."""

    @abstractmethod
    async def keys(self) -> Sequence[tuple[bytes, KeyGrant]]:
        """All unexpired, unrevoked keys: SHA-256 of the key, and what it opens."""

    @abstractmethod
    async def put_key(self, digest: bytes, grant: KeyGrant, name: str, now: datetime) -> None:
        """Store a key's hash."""

    @abstractmethod
    async def revoke_key(self, key_id: str, now: datetime) -> bool:
        """False: there was none."""

    @abstractmethod
    async def list_keys(self) -> Sequence[KeyRecord]:
        """Every key, oldest first, also expired and revoked ones."""

    @abstractmethod
    async def touch_keys(self, used: Mapping[str, datetime]) -> None:
        """Record when keys were last used (batched by the caller)."""

    @abstractmethod
    async def tenancy_version(self) -> int:
        """Grows with every change of accounts, keys, webhooks or scenarios."""
