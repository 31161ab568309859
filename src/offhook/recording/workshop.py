"""Mixes recordings that are over: those of this process, and those that a crash has left in the folder.

Each file with frames that is not locked is mixed by a worker process into a finished file; then the store
learns of it, and only then the frames are deleted. A crash at any point costs another mix.
"""

from __future__ import annotations

import asyncio
import logging
import os
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import IO, Final

import msgspec

from offhook.aio import wait_or
from offhook.clock import Clock
from offhook.faults import FaultLog
from offhook.recording.container import BadRecording, Beginning, ChunkKind, Seal, chunks_of
from offhook.recording.mix_order import AudioFormat, MixAnswer, MixOrder
from offhook.recording.storage import RecordingStorage, file_name
from offhook.session.ports.record import StoreUnavailable
from offhook.session.ports.recording import RecordingRecord, RecordingState, RecordingStore
from offhook.session.ports.webhooks import RecordingReports
from offhook.session.tenancy import PushConfig
from offhook.speech.worker_process import confined_program, end_process, worker_environment

log = logging.getLogger(__name__)
faults = FaultLog(log)

POLL: Final = 5.0
"""Seconds between two looks for what other processes have left."""
_MEMORY: Final = 1 << 30
_FILE_SIZE: Final = 1 << 30
_CPU: Final = 900
_TIMEOUT: Final = 3600.0
"""Seconds for one mix; four hours with two legs take about two minutes of an idle core."""
_PROGRAM: Final = Path(__file__).with_name("mix_worker.py")
_MAX_ANSWER: Final = 4096


PushLookup = Callable[[str], PushConfig | None]
"""The push configuration of a sub-account at this moment."""


class MixSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How recordings are made."""

    format: AudioFormat = AudioFormat.MP3
    channels: int = 1
    key: bytes | None = None
    """Encrypts what is on the disk; 32 octets."""
    give_up_after: float = 86_400.0
    """Seconds for which an upload is tried."""


class Workshop:
    """One per voice process; any number may share a folder. They take different files."""

    def __init__(
        self,
        *,
        storage: RecordingStorage,
        store: RecordingStore,
        reports: RecordingReports,
        pushes: PushLookup,
        settings: MixSettings,
        seal: Seal | None,
        clock: Clock,
        ready: Callable[[], None],
    ) -> None:
        """``pushes`` tells whether a sub-account's recordings are uploaded; ``ready`` is called when
        something is to be uploaded or a webhook to be sent."""
        self._storage = storage
        self._store = store
        self._reports = reports
        self._pushes = pushes
        self._settings = settings
        self._seal = seal
        self._clock = clock
        self._ready = ready
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """A recording is over: look for it now."""
        self._wake.set()

    def use(self, settings: MixSettings) -> None:
        """Mix by these settings from now on."""
        self._settings = settings

    async def run(self) -> None:
        """Mix until cancelled, one recording at a time: calls come first."""
        while True:
            self._wake.clear()
            await self.mix_all()
            await wait_or(self._wake.wait(), POLL)

    async def mix_all(self) -> int:
        """Mix what is there now; returns the number of recordings that are done."""
        done = 0
        for path in await asyncio.to_thread(self._storage.left):
            try:
                done += await self._mix_one(path)
            except StoreUnavailable as error:
                log.warning("recording %s waits: the store is unavailable (%s)", path.stem, error)
            except Exception:
                faults.report(f"mixing recording {path.stem}")
        return done

    async def _mix_one(self, path: Path) -> bool:
        with self._storage.claimed(path) as frames:
            if frames is None:
                return False
            try:
                beginning = _beginning(frames, self._seal)
            except BadRecording as error:
                log.error("recording %s cannot be read, it is put aside: %s", path.stem, error)
                await asyncio.to_thread(self._storage.put_aside, path)
                return True
            record = await self._mixed(frames, beginning)
            if record is None:
                return False
            await self._store.put_recording(
                record, self._reports.recording_status(record, self._clock.now())
            )
            unusable = record.state is RecordingState.UNUSABLE
            done = self._storage.put_aside if unusable else self._storage.discard
            await asyncio.to_thread(done, path)
        self._ready()
        return True

    async def _mixed(self, frames: IO[bytes], beginning: Beginning) -> RecordingRecord | None:
        """The record of the finished file; None: it must be tried again later."""
        settings = self._settings
        pushed = self._pushes(beginning.sub_account_id) is not None
        now = self._clock.now()
        record = RecordingRecord(
            recording_id=beginning.recording_id,
            session_id=beginning.session_id,
            sub_account_id=beginning.sub_account_id,
            started_at=beginning.started_at,
            state=RecordingState.WAITING if pushed else RecordingState.KEPT,
            storage=self._storage.storage_id,
            file_name=file_name(
                beginning.recording_id, beginning.started_at, settings.format.value
            ),
            next_at=now if pushed else None,
            give_up_at=now + timedelta(seconds=settings.give_up_after) if pushed else None,
        )
        part = await asyncio.to_thread(self._storage.part_of, record)
        answer = await self._make(frames, part)
        if answer.again:
            log.error("recording %s waits to be mixed: %s", record.recording_id, answer.problem)
            return None
        if answer.problem:
            log.error("recording %s cannot be mixed: %s", record.recording_id, answer.problem)
            return msgspec.structs.replace(
                record,
                state=RecordingState.UNUSABLE,
                detail=answer.problem,
                next_at=None,
                give_up_at=None,
            )
        await asyncio.to_thread(self._storage.keep, record)
        return msgspec.structs.replace(
            record,
            duration=answer.samples / 8000,
            octets=await asyncio.to_thread(self._storage.size_of, record),
            detail="" if answer.complete else "it was cut off by a crash",
        )

    async def _make(self, frames: IO[bytes], part: Path) -> MixAnswer:
        """Mix and encode into ``part``. With a key the plain sound exists in memory only."""
        key = self._settings.key
        try:
            with await asyncio.to_thread(_output, None if key else part) as output:
                answer = await self._ask(frames, output, key)
                if key is not None and not answer.problem:
                    await asyncio.to_thread(self._seal_into, output, part)
                return answer
        except OSError as error:
            return MixAnswer(problem=f"it cannot be written: {error.strerror}", again=True)

    def _seal_into(self, output: IO[bytes], part: Path) -> None:
        from offhook.recording.sealing import seal_file

        assert self._seal is not None
        output.seek(0)
        with part.open("wb") as target:
            seal_file(output, target, self._seal)

    async def _ask(self, frames: IO[bytes], output: IO[bytes], key: bytes | None) -> MixAnswer:
        """Let a worker mix into ``output``."""
        order = MixOrder(
            frames=frames.fileno(),
            output=output.fileno(),
            format=self._settings.format,
            channels=self._settings.channels,
            key=key,
        )
        argv = confined_program(_PROGRAM, memory=_MEMORY, file_size=_FILE_SIZE, cpu=_CPU)
        worker = await asyncio.create_subprocess_exec(
            *argv,
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=worker_environment(),
            pass_fds=(order.frames, order.output),
        )
        try:
            async with asyncio.timeout(_TIMEOUT):
                told, _ = await worker.communicate(msgspec.json.encode(order))
            return msgspec.json.decode(told[:_MAX_ANSWER], type=MixAnswer)
        except TimeoutError:
            return MixAnswer(problem=f"mixing took more than {_TIMEOUT:g} s")
        except (msgspec.DecodeError, ConnectionError):
            return MixAnswer(problem="the worker died over it")
        finally:
            await end_process(worker)


def _output(path: Path | None) -> IO[bytes]:
    """The empty file to write to; without a path one in memory."""
    if path is None:
        return open(os.memfd_create("recording", os.MFD_CLOEXEC), "w+b")
    return path.open("w+b")


def _beginning(frames: IO[bytes], seal: Seal | None) -> Beginning:
    """The first chunk of a file. Raises :class:`BadRecording`."""
    first = next(chunks_of(frames, seal), None)
    if first is None or first.kind is not ChunkKind.BEGIN:
        raise BadRecording("it holds nothing")
    try:
        return msgspec.json.decode(first.content, type=Beginning)
    except msgspec.MsgspecError as error:
        raise BadRecording(str(error)) from error
