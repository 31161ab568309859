"""Copies the record, and prepares a restored one.

A record that comes back from a backup is old. Sessions that waited when the backup was made were dialled
since then, and campaigns went on. So in a restored record nothing waits: those sessions end ``ERROR`` -2001,
as after a crash between claim and INVITE (``spec/execution.md``), and running campaigns are paused. Sessions
that ran are ended by the next start, as those of any dead node. ``offhook backup`` prepares its copy so; a
restored dump of PostgreSQL is prepared by ``offhook db restored``.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from offhook.clock import SystemClock
from offhook.codes import RuntimeCode, SessionStatus
from offhook.commands.common import CommandError, why_not
from offhook.commands.key_admin import with_store
from offhook.config import Config as Settings
from offhook.session import states
from offhook.session.campaign import CampaignOrder, CampaignState
from offhook.session.ports.record import DEAD_AFTER, SessionFilter
from offhook.session.ports.stores import Store
from offhook.session.session import SessionError
from offhook.store.database_urls import is_sqlite, sqlite_path
from offhook.store.directory import Directory
from offhook.webhooks.reports import WebhookReports

PAGE = 200
WHY = SessionError(code=RuntimeCode.INTERNAL, detail="it waited when the backup was made")


class Prepared(NamedTuple):
    """What was done to a record so that it may be used again."""

    sessions: int
    """Sessions that waited, and have ended now."""
    campaigns: int
    """Campaigns that ran, and are paused now."""

    @property
    def text(self) -> str:
        """For people."""
        return f"{self.sessions} waiting sessions end ERROR -2001, {self.campaigns} campaigns are paused"


def copy_database(settings: Settings, file: Path) -> Prepared:
    """Copy the SQLite database into a new file, prepared. Raises :class:`CommandError`."""
    if not is_sqlite(settings.database.url):
        raise CommandError(
            "the database is PostgreSQL: back it up with pg_dump, and run "
            "`offhook db restored` on a restored one before a server uses it"
        )
    source = sqlite_path(settings.database.url)
    if not source.exists():
        raise CommandError(f"there is no database {source}")
    if file.exists():
        raise CommandError(f"{file} exists already: give another name, or remove it")
    part = file.with_name(file.name + ".part")
    try:
        _copy(source, part)
        prepared = _prepare_copy(settings, part)
        _finish(part, file)
    except (OSError, sqlite3.Error) as error:
        raise CommandError(f"{file} was not written: {why_not(error)}") from None
    finally:
        for leftover in (part, Path(f"{part}-wal"), Path(f"{part}-shm")):
            leftover.unlink(missing_ok=True)
    return prepared


def prepare(settings: Settings) -> Prepared:
    """End what waits in the configured database. Raises :class:`CommandError` while a server uses it."""

    async def work(store: Store) -> Prepared:
        if await _alive(store):
            # A dump of a moment ago holds heartbeats, too; only those of a server go on.
            await asyncio.sleep(DEAD_AFTER.total_seconds())
        for name in await _alive(store):
            raise CommandError(f"{name} uses this database: stop it first")
        return await _end_what_waits(settings, store, SystemClock().now())

    return with_store(settings, work)


async def _alive(store: Store) -> list[str]:
    """The nodes whose heartbeat is young."""
    now = SystemClock().now()
    return [
        node.name
        for node in (await store.installation()).nodes
        if node.heartbeat_at is not None and now - node.heartbeat_at < DEAD_AFTER
    ]


def _copy(source: Path, target: Path) -> None:
    """One consistent copy. In WAL mode a reader makes no writer wait."""
    descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    os.close(descriptor)
    uri = f"file:{quote(str(source.absolute()))}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
        (answer,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if answer != "ok":
        raise CommandError(f"the database {source} is damaged: {answer}")


def _prepare_copy(settings: Settings, part: Path) -> Prepared:
    database = msgspec.structs.replace(settings.database, url=f"sqlite:///{part.absolute()}")
    of_copy = msgspec.structs.replace(settings, database=database)
    now = SystemClock().now()

    async def work(store: Store) -> Prepared:
        return await _end_what_waits(of_copy, store, now)

    return with_store(of_copy, work)


def _finish(part: Path, file: Path) -> None:
    """Everything into the one file, on the disk, under its name."""
    with closing(sqlite3.connect(part)) as copy:
        copy.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    descriptor = os.open(part, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.rename(file)


async def _end_what_waits(settings: Settings, store: Store, now: datetime) -> Prepared:
    directory = Directory(settings, store)
    await directory.refresh()
    reports = WebhookReports(directory)
    sessions = 0
    cursor: str | None = None
    while True:
        waiting, cursor = await store.every_session(
            SessionFilter(status=SessionStatus.QUEUED), cursor=cursor, limit=PAGE
        )
        for session in waiting:
            ended = states.fail(session, WHY, now)
            outbox = reports.session_ended(ended)
            sessions += await store.cancel_queued(ended, [states.ended(ended)], outbox)
        if cursor is None:
            break
    campaigns = 0
    for owner in directory.sub_accounts():
        campaigns += await _pause_campaigns(store, owner.sub_account_id, now)
    return Prepared(sessions=sessions, campaigns=campaigns)


async def _pause_campaigns(store: Store, sub_account_id: str, now: datetime) -> int:
    paused = 0
    cursor: str | None = None
    while True:
        found, cursor = await store.campaigns(sub_account_id, cursor=cursor, limit=PAGE)
        for campaign in found:
            if campaign.state is CampaignState.RUNNING:
                order = CampaignOrder.PAUSE
                paused += await store.order_campaign(campaign, order, now) is not None
        if cursor is None:
            return paused
