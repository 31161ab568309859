"""Usage, as ``offhook usage`` reads it from the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from offhook.commands.configured import configuration_with_database
from offhook.commands.key_admin import with_store
from offhook.session.ports.metering import UsageRecord
from offhook.session.ports.stores import Store


def read(
    config_path: str | None, first: date, last: date, sub_account_id: str | None
) -> Sequence[UsageRecord]:
    """The usage of these days. Raises :class:`.CommandError` where the database is away."""

    async def work(store: Store) -> Sequence[UsageRecord]:
        return await store.usage(first, last, sub_account_id=sub_account_id)

    return with_store(configuration_with_database(config_path), work)
