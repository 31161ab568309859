"""Uploads finished recordings, each until it is there or a day has passed.

As webhook deliveries, recordings are leased from the store: a process that dies delays an upload by the lease
and loses nothing. An upload that was cut off goes on where it stopped, also in another process.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec

from offhook.aio import end_all, wait_or
from offhook.clock import Clock
from offhook.faults import FaultLog
from offhook.recording.container import BadRecording
from offhook.recording.push.upload import Upload, Uploader, UploadFailed
from offhook.recording.shelf import Shelf
from offhook.recording.storage import RecordingStorage
from offhook.session.ports.record import StoreUnavailable
from offhook.session.ports.recording import RecordingRecord, RecordingState
from offhook.session.ports.stores import Store
from offhook.session.ports.webhooks import RecordingReports
from offhook.session.tenancy import PushConfig, PushProtocol

log = logging.getLogger(__name__)
faults = FaultLog(log)

POLL: Final = 5.0
LEASE: Final = 120.0
"""Seconds; renewed while an upload goes on."""
_RENEW: Final = 40.0
MOST_UPLOADS: Final = 8
"""Uploads of one process at a time."""
FIRST_DELAY: Final = 5.0
LONGEST_DELAY: Final = 3600.0


def delay(attempts: int, luck: float) -> float:
    """Seconds until the next attempt after ``attempts`` that failed: doubling from 5 s up to an hour, half of
    it at random (``luck``, 0..1)."""
    doubled = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(attempts - 1, 20))
    return doubled * (0.5 + 0.5 * luck)


class Pusher:
    """Uploads until cancelled. One per voice process; any number may share a folder."""

    def __init__(
        self,
        *,
        storage: RecordingStorage,
        shelf: Shelf,
        store: Store,
        reports: RecordingReports,
        pushes: Callable[[str], PushConfig | None],
        uploaders: Mapping[PushProtocol, Uploader],
        clock: Clock,
        on_outbox: Callable[[], None],
    ) -> None:
        """``pushes`` tells where a sub-account's recordings go; ``on_outbox`` is called when a webhook is to
        be sent."""
        self._storage = storage
        self._shelf = shelf
        self._store = store
        self._reports = reports
        self._pushes = pushes
        self._uploaders = uploaders
        self._clock = clock
        self._on_outbox = on_outbox
        self._wake = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Look for recordings now."""
        self._wake.set()

    async def run(self) -> None:
        """Upload until cancelled. What is under way then is tried again when its lease is over."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                for record in await self._leased():
                    task = group.create_task(self._upload(record))
                    self._running.add(task)
                    task.add_done_callback(self._done)
                await wait_or(self._wake.wait(), POLL)

    async def _leased(self) -> Sequence[RecordingRecord]:
        room = MOST_UPLOADS - len(self._running)
        if room <= 0 or not self._storage.exists():
            return ()
        try:
            return await self._store.lease_recordings(
                self._storage.storage_id, self._clock.now(), lease=LEASE, limit=room
            )
        except StoreUnavailable as error:
            log.warning("uploads of recordings wait: the store is unavailable (%s)", error)
            return ()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()

    async def _upload(self, record: RecordingRecord) -> None:
        """One attempt, and its result in the store."""
        attempt = _Attempt(record, self._store, self._clock)
        try:
            settled = await self._attempt(attempt)
            at = self._clock.now()
            outbox = self._reports.recording_status(settled, at)
            await self._store.put_recording(settled, outbox)
            if settled.state is RecordingState.UPLOADED:
                await asyncio.to_thread(self._shelf.erase, settled)
            elif settled.state is RecordingState.FAILED:
                await self._abandon(settled)
            if outbox:
                self._on_outbox()
        except StoreUnavailable as error:
            log.warning("recording %s: its upload is tried again: %s", record.recording_id, error)
        except Exception:
            faults.report(f"uploading recording {record.recording_id}")

    async def _attempt(self, attempt: _Attempt) -> RecordingRecord:
        """Upload; returns the recording as it stands then."""
        record = attempt.record
        config = self._pushes(record.sub_account_id)
        if config is None:
            return msgspec.structs.replace(record, state=RecordingState.KEPT, next_at=None)
        try:
            file = await asyncio.to_thread(self._shelf.open, record)
        except BadRecording as error:
            return self._failed(attempt, str(error))
        if file is None:
            failed = RecordingState.FAILED
            return msgspec.structs.replace(record, state=failed, detail="its file is gone")
        try:
            order = Upload(
                config=config,
                name=record.path,
                source=file,
                progress=record.progress,
                note=attempt.note,
                pin=lambda key: self._pin(record.sub_account_id, config, key),
            )
            location = await attempt.leased(self._uploaders[config.protocol].upload(order))
        except UploadFailed as error:
            return self._failed(attempt, str(error))
        except BadRecording as error:
            return self._failed(attempt, str(error))
        finally:
            await asyncio.to_thread(file.close)
        log.info("recording %s is uploaded", record.recording_id)
        return msgspec.structs.replace(
            attempt.record,
            state=RecordingState.UPLOADED,
            location=location,
            detail="",
            attempts=attempt.record.attempts + 1,
            next_at=None,
            progress="",
        )

    async def _abandon(self, record: RecordingRecord) -> None:
        config = self._pushes(record.sub_account_id)
        if config is not None and record.progress:
            uploader = self._uploaders[config.protocol]
            await uploader.abandon(config, record.path, record.progress)

    def _failed(self, attempt: _Attempt, why: str) -> RecordingRecord:
        """The recording after an attempt that failed: to be tried again, or given up."""
        record, now = attempt.record, self._clock.now()
        attempts = record.attempts + 1
        wait = delay(attempts, random.random())  # noqa: S311 (jitter, not a secret)
        next_at = now + timedelta(seconds=wait)
        gives_up = record.give_up_at is not None and next_at >= record.give_up_at
        log.warning(
            "recording %s of %s is not uploaded: %s; %s",
            record.recording_id,
            record.sub_account_id,
            why,
            "given up" if gives_up else f"next attempt in {wait:.0f} s",
        )
        return msgspec.structs.replace(
            record,
            state=RecordingState.FAILED if gives_up else RecordingState.WAITING,
            detail=why,
            attempts=attempts,
            next_at=None if gives_up else next_at,
        )

    async def _pin(self, sub_account_id: str, config: PushConfig, host_key: str) -> None:
        """Trust this key from now on. Raises :class:`UploadFailed` if that cannot be stored."""
        log.info("the SFTP server of %s is trusted by its first host key", sub_account_id)
        try:
            pinned = msgspec.structs.replace(config, host_key=host_key)
            await self._store.put_push_config(sub_account_id, pinned)
        except StoreUnavailable as error:
            raise UploadFailed(f"its host key cannot be kept: {error}") from error


class _Attempt:
    """One attempt: keeps the lease, and what the next attempt needs."""

    def __init__(self, record: RecordingRecord, store: Store, clock: Clock) -> None:
        self.record = record
        self._store = store
        self._clock = clock
        self._saving = asyncio.Lock()

    async def note(self, progress: str) -> None:
        """Keep ``progress``. Raises :class:`UploadFailed` if that cannot be stored."""
        try:
            await self._save(progress)
        except StoreUnavailable as error:
            raise UploadFailed(f"its progress cannot be kept: {error}") from error

    async def leased(self, uploading: Coroutine[Any, Any, str]) -> str:
        """The result of ``uploading``; the lease is renewed meanwhile."""
        renewing = asyncio.create_task(self._renew())
        try:
            return await uploading
        finally:
            await end_all(renewing)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEW)
            try:
                await self._save(self.record.progress)
            except StoreUnavailable as error:
                log.warning("the lease of an upload is not renewed: %s", error)

    async def _save(self, progress: str) -> None:
        async with self._saving:
            until = self._clock.now() + timedelta(seconds=LEASE)
            changed = msgspec.structs.replace(self.record, progress=progress, next_at=until)
            await self._store.put_recording(changed)
            self.record = changed
