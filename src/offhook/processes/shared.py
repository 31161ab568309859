"""Parts that several roles need: the store, the fabric, a directory that is kept up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import NamedTuple

from offhook.aio import wait_or
from offhook.config import Config
from offhook.fabric.local import LocalFabric
from offhook.fabric.memory import MemoryFabric
from offhook.net.http_client import HttpClient
from offhook.processes.operator_notes import OperatorNotes
from offhook.processes.role_context import RoleContext
from offhook.reporting.spending_watch import SpendingWatch
from offhook.session.ports.fabric import Fabric
from offhook.session.ports.stores import Store
from offhook.session.tenancy import SubAccount
from offhook.store import open_store
from offhook.store.directory import Directory


class Foundation(NamedTuple):
    """What every role stands on."""

    store: Store
    fabric: Fabric
    directory: Directory
    """Not read yet."""


async def open_foundation(context: RoleContext, stack: AsyncExitStack) -> Foundation:
    """Open the store and the fabric; ``stack`` closes them."""
    store = await _open_record(context, stack)
    fabric = await open_fabric(context, stack)
    return Foundation(store, fabric, Directory(context.config, store, clock=context.clock))


def open_notes(stack: AsyncExitStack, store: Store, *, process: str, node: str) -> OperatorNotes:
    """The notes for the operator; the last ones are saved when the process ends."""
    notes = OperatorNotes(store, process=process, node=node)
    stack.enter_context(notes.listening())
    stack.push_async_callback(notes.save)
    return notes


async def _open_record(context: RoleContext, stack: AsyncExitStack) -> Store:
    """The store; an embedded one is upgraded on the way, another must be current."""
    store = open_store(context.config.database.url)
    await store.open()
    stack.push_async_callback(store.close)
    asked_at = context.clock.monotonic()
    context.clock.follow(await store.time(), asked_at)
    return store


async def open_fabric(context: RoleContext, stack: AsyncExitStack) -> Fabric:
    """NATS when configured, else the machine's hub, else memory."""
    fabric: Fabric
    if context.config.cluster.nats is not None:
        from offhook.fabric.nats import NatsFabric

        fabric = NatsFabric(context.config.cluster.nats)
    elif context.supervisor.fabric is not None:
        fabric = LocalFabric(context.supervisor.fabric)
    else:
        fabric = MemoryFabric()
    await fabric.start()
    stack.push_async_callback(fabric.close)
    return fabric


def follow_reloads(context: RoleContext, webhooks: HttpClient, files: HttpClient | None) -> None:
    """Let ``[webhooks]`` of a reload apply to the clients for webhooks and for audio files."""

    def reload(config: Config) -> None:
        section = config.webhooks
        private, loopback = section.opens_private, section.opens_loopback
        webhooks.allow(private=private, loopback=loopback, http=section.allow_http)
        if files is not None:
            files.allow(private=private, loopback=loopback)

    context.reloads.append(reload)


def spending_watch(
    context: RoleContext,
    store: Store,
    directory: Directory,
    on_alert: Callable[[SubAccount, Decimal], None] = lambda _owner, _part: None,
) -> SpendingWatch:
    """The spending of today, which follows a reload of ``[rates]``."""
    currency = context.config.rates.currency

    def reload(config: Config) -> None:
        nonlocal currency
        currency = config.rates.currency

    context.reloads.append(reload)
    return SpendingWatch(
        store,
        directory.sub_accounts,
        context.clock,
        currency=lambda: currency,
        on_alert=on_alert,
    )


async def keep_directory_fresh(directory: Directory, fabric: Fabric) -> None:
    """Read accounts, keys and webhooks again when they change, until cancelled."""
    changed = asyncio.Event()
    unsubscribe = fabric.subscribe("tenancy", lambda _topic, _message: changed.set())
    try:
        while True:
            await wait_or(changed.wait(), 1.0)
            changed.clear()
            await directory.refresh()
    finally:
        unsubscribe()
