"""The recordings of a voice process: recorder, mixing, uploads, retention, put together by configuration."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import final

from offhook.clock import Clock
from offhook.config import Config
from offhook.config.recording_key import encryption_key
from offhook.faults import FaultLog
from offhook.net.http_client import HttpClient
from offhook.net.outgoing_errors import OutgoingError
from offhook.recording.container import Beginning, Seal
from offhook.recording.mix_order import AudioFormat
from offhook.recording.push.s3 import S3Uploader, s3_origin
from offhook.recording.push.upload import Upload, Uploader, UploadFailed
from offhook.recording.pusher import Pusher
from offhook.recording.recorder import DiskRecorder
from offhook.recording.retention import RecordingRetention
from offhook.recording.shelf import Shelf
from offhook.recording.storage import RecordingStorage
from offhook.recording.workshop import MixSettings, Workshop
from offhook.session.ports.record import StoreUnavailable
from offhook.session.ports.recording import RecordingRecord, RecordingState
from offhook.session.ports.stores import Store
from offhook.session.ports.webhooks import RecordingReports
from offhook.session.tenancy import DEFAULT_PORTS, PushConfig, PushProtocol, SubAccount

log = logging.getLogger(__name__)
faults = FaultLog(log)

MOST_UNLISTED = 4096
"""Recordings that wait to be listed while the store is slow; more are listed once they are mixed."""
MISSING_EXTRA = 'this server lacks the extra "recordings": pip install "offhook[recordings]"'


@final
class _NotInstalled(Uploader):
    """Stands for an uploader whose library is not installed."""

    async def upload(self, order: Upload) -> str:
        raise UploadFailed(MISSING_EXTRA)


def seal_of(key: bytes | None) -> Seal | None:
    """What encrypts recordings. Raises ``ValueError`` without the extra."""
    if key is None:
        return None
    try:
        from offhook.recording.sealing import AesSeal
    except ImportError:
        raise ValueError(f"recording.encryption_key: {MISSING_EXTRA}") from None
    return AesSeal(key)


def shelf_of(config: Config) -> Shelf:
    """The finished recordings of this machine. Raises ``ValueError``."""
    seal = seal_of(encryption_key(config.recording))
    return Shelf(RecordingStorage(Path(config.recording.folder)), seal)


class RecordingDuties:
    """Everything a voice process does for recordings."""

    def __init__(
        self,
        *,
        config: Config,
        store: Store,
        reports: RecordingReports,
        sub_account: Callable[[str], SubAccount | None],
        clock: Clock,
        wake_outbox: Callable[[], None],
    ) -> None:
        """Raises ``ValueError`` with a text for the operator."""
        section = config.recording
        self._section = section
        self._store = store
        self._reports = reports
        self._sub_account = sub_account
        self._clock = clock
        self._wake_outbox = wake_outbox
        self._key = encryption_key(section)
        self._seal = seal_of(self._key)
        self._storage = RecordingStorage(Path(section.folder))
        self._shelf = Shelf(self._storage, self._seal)
        self._client = HttpClient(allow_private=section.allow_private)
        self._pusher = self._make_pusher()
        self._workshop = self._make_workshop()
        self._retention = RecordingRetention(
            storage=self._storage, shelf=self._shelf, store=store, clock=clock
        )
        self._retention.keep_days = config.retention.recordings or section.keep_days
        self._begun: asyncio.Queue[Beginning] = asyncio.Queue(MOST_UNLISTED)
        self.recorder = DiskRecorder(
            self._storage,
            seal=self._seal,
            begun=self._list,
            ended=self._workshop.wake,
        )

    def _make_pusher(self) -> Pusher:
        allow_private = self._section.allow_private
        return Pusher(
            storage=self._storage,
            shelf=self._shelf,
            store=self._store,
            reports=self._reports,
            pushes=self._push_of,
            uploaders=uploaders(self._client, self._clock, allow_private=allow_private),
            clock=self._clock,
            on_outbox=self._wake_outbox,
        )

    def _make_workshop(self) -> Workshop:
        section = self._section
        return Workshop(
            storage=self._storage,
            store=self._store,
            reports=self._reports,
            pushes=self._push_of,
            settings=MixSettings(
                format=AudioFormat(section.format),
                channels=2 if section.channels == "stereo" else 1,
                key=self._key,
                give_up_after=section.push_retry,
            ),
            seal=self._seal,
            clock=self._clock,
            ready=self._mixed,
        )

    def _push_of(self, sub_account_id: str) -> PushConfig | None:
        owner = self._sub_account(sub_account_id)
        return owner.recording_push if owner is not None else None

    def _list(self, beginning: Beginning) -> None:
        """A recording has begun: have it listed, if not too many wait for that already."""
        if not self._begun.full():
            self._begun.put_nowait(beginning)

    def _mixed(self) -> None:
        """A recording is mixed: upload it, or send its webhook."""
        self._pusher.wake()
        self._wake_outbox()

    async def open(self, stack: AsyncExitStack) -> None:
        """Start; what runs ends with the stack."""
        self.recorder.start()
        stack.push_async_callback(self._client.close)
        stack.push_async_callback(self.recorder.close)

    async def run(self) -> None:
        """Mix, upload and delete until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._note_begun())
            group.create_task(self._workshop.run())
            group.create_task(self._pusher.run())
            group.create_task(self._retention.run())

    async def _note_begun(self) -> None:
        """Let the store know of recordings that run, so that customers see them. The file is what counts."""
        while True:
            beginning = await self._begun.get()
            record = RecordingRecord(
                recording_id=beginning.recording_id,
                session_id=beginning.session_id,
                sub_account_id=beginning.sub_account_id,
                started_at=beginning.started_at,
                state=RecordingState.LIVE,
                storage=self._storage.storage_id,
            )
            try:
                await self._store.add_recording(record)
            except StoreUnavailable as error:
                log.warning("recording %s is not listed yet: %s", record.recording_id, error)
            except Exception:
                faults.report("listing a recording")


async def push_problem(client: HttpClient, config: PushConfig) -> str | None:
    """Why recordings cannot be uploaded there; None: it seems fine. ``client`` judges the address."""
    if config.protocol is PushProtocol.S3:
        url = s3_origin(config)
    else:
        host = f"[{config.host}]" if ":" in config.host else config.host
        url = f"https://{host}:{config.port or DEFAULT_PORTS[config.protocol]}"
    try:
        await client.validate_url(url)
    except OutgoingError as error:
        return f"host: {error}"
    return None


def uploaders(
    client: HttpClient, clock: Clock, *, allow_private: bool
) -> dict[PushProtocol, Uploader]:
    """One uploader per protocol; without the extra ``recordings`` only S3 works."""
    made: dict[PushProtocol, Uploader] = dict.fromkeys(PushProtocol, _NotInstalled())
    made[PushProtocol.S3] = S3Uploader(client, clock)
    try:
        from offhook.recording.push.ftp import FtpUploader
        from offhook.recording.push.sftp import SftpUploader
    except ImportError:
        return made
    ftp = FtpUploader(allow_private=allow_private)
    made |= {PushProtocol.FTP: ftp, PushProtocol.FTPS: ftp}
    made[PushProtocol.SFTP] = SftpUploader(allow_private=allow_private)
    return made
