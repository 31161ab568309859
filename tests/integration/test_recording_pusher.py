"""From the files of a call to a finished upload: mixing, leases, retries, retention, a full disk."""

from __future__ import annotations

import asyncio
import io
import resource
import signal
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
import soundfile
from tests.support.stores import NOW
from tests.support.tape import RATE, Sound, Tape, heard, level
from tests.support.waiting import Changes

from offhook.clock import Clock
from offhook.media.tap_frames import TapFrameKind, end_frame, frame
from offhook.negotiated import Codec
from offhook.recording.container import Seal
from offhook.recording.mix_order import AudioFormat
from offhook.recording.push.upload import Upload, Uploader, UploadFailed
from offhook.recording.pusher import Pusher, delay
from offhook.recording.recorder import DiskRecorder
from offhook.recording.retention import RecordingRetention
from offhook.recording.sealing import AesSeal
from offhook.recording.shelf import Shelf
from offhook.recording.storage import RecordingStorage
from offhook.recording.workshop import MixSettings, Workshop
from offhook.session.ports.record import OutboxType
from offhook.session.ports.recording import AudioTap, RecordingRecord, RecordingState
from offhook.session.ports.tenants import SubAccounts
from offhook.session.tenancy import (
    PushConfig,
    PushProtocol,
    SubAccount,
    Webhook,
    WebhookType,
)
from offhook.store.memory import MemoryStore
from offhook.webhooks.reports import WebhookReports

PUSH = PushConfig(protocol=PushProtocol.SFTP, host="x", username="u", password="p")
KEY = bytes(range(32))


class HandClock(Clock):
    """A clock that tests set."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


class Courier(Uploader, Changes):
    """Uploads into memory, after as many failures as a test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.failures = 0
        self.files: dict[str, bytes] = {}
        self.progress: list[str] = []
        self.abandoned: list[tuple[str, str]] = []

    async def upload(self, order: Upload) -> str:
        self.progress.append(order.progress)
        try:
            if self.failures:
                self.failures -= 1
                await order.note(f"attempt {len(self.progress)}")
                raise UploadFailed("the server answered 503")
            source = order.source
            self.files[order.name] = await asyncio.to_thread(source.read, 0, source.size)
            return f"sftp://x/{order.name}"
        finally:
            self.changed()

    async def abandon(self, config: PushConfig, name: str, progress: str) -> None:
        self.abandoned.append((name, progress))


class Site(SubAccounts):
    """A folder of recordings with everything that works on it, stepped by hand."""

    def __init__(self, folder: Path, *, key: bytes | None = None, audio: str = "wav") -> None:
        self.clock = HandClock()
        self.store = MemoryStore()
        self.push: PushConfig | None = PUSH
        self.seal: Seal | None = AesSeal(key) if key else None
        self.storage = RecordingStorage(folder)
        self.shelf = Shelf(self.storage, self.seal)
        self.courier = Courier()
        reports = WebhookReports(self)
        self.workshop = Workshop(
            storage=self.storage,
            store=self.store,
            reports=reports,
            pushes=lambda _owner: self.push,
            settings=MixSettings(format=AudioFormat(audio), channels=2, key=key),
            seal=self.seal,
            clock=self.clock,
            ready=lambda: None,
        )
        self.pusher = Pusher(
            storage=self.storage,
            shelf=self.shelf,
            store=self.store,
            reports=reports,
            pushes=lambda _owner: self.push,
            uploaders=dict.fromkeys(PushProtocol, self.courier),
            clock=self.clock,
            on_outbox=lambda: None,
        )

    def sub_account(self, sub_account_id: str) -> SubAccount:
        hook = Webhook(type=WebhookType.VRU, url="https://c.example/")
        return SubAccount(
            sub_account_id=sub_account_id, account_id="a", webhooks={WebhookType.VRU: hook}
        )

    def sub_accounts(self) -> list[SubAccount]:
        return []

    def left(self, tape: Tape) -> Path:
        """A crash has left this recording in the folder."""
        path = self.storage.directory / "live" / f"{tape.beginning.recording_id}.frames"
        assert self.storage.storage_id
        path.write_bytes(tape.octets())
        return path

    async def record(self) -> RecordingRecord:
        """The recording, as the store has it."""
        found = await self.store.recording("0193-rec")
        assert found is not None
        return found

    async def told(self) -> list[str]:
        """What the customer was told, by status."""
        sent = await self.store.deliveries("0193-ses")
        assert {each.type for each in sent} <= {OutboxType.VRU}
        return [msgspec.json.decode(each.payload)["payload"]["status"] for each in sent]

    def sound(self, octets: bytes) -> Sound:
        sound, rate = soundfile.read(io.BytesIO(octets), dtype="int16", always_2d=True)
        assert rate == RATE
        found: Sound = sound
        return found


def two_sides(seal: Seal | None = None) -> Tape:
    tape = Tape(seal)
    tape.says(0, 600, 0.5, 1.5)
    tape.says(1, 1000, 1.0, 2.0, ssrc=2)
    return tape


@pytest.mark.parametrize("audio", AudioFormat)
async def test_each_format_holds_what_was_said_at_its_time(tmp_path: Path, audio: str) -> None:
    site = Site(tmp_path, audio=audio)
    site.push = None
    tape = two_sides()
    tape.end(2.5)
    frames = site.left(tape)
    assert await site.workshop.mix_all() == 1
    record = await site.record()
    assert record.state is RecordingState.KEPT
    assert record.duration == 2.5
    assert record.file_name == f"0193-rec_20261128T120000Z.{AudioFormat(audio).value}"
    assert not frames.exists()
    sound = site.sound(site.storage.path_of(record).read_bytes())
    assert len(sound) / RATE == pytest.approx(2.5, abs=0.12)
    assert heard(sound[:, 0], 600) == [pytest.approx((0.5, 1.5), abs=0.025)]
    assert heard(sound[:, 1], 1000) == [pytest.approx((1.0, 2.0), abs=0.025)]
    assert level(sound[6000:10000, 0], 600) == pytest.approx(8000, rel=0.05)
    assert await site.told() == ["UPLOAD_COMPLETED"]


async def test_an_encrypted_recording_is_never_plain_on_the_disk(tmp_path: Path) -> None:
    site = Site(tmp_path, key=KEY)
    site.push = None
    tape = two_sides(site.seal)
    tape.end(2.5)
    site.left(tape)
    assert await site.workshop.mix_all() == 1
    record = await site.record()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            octets = path.read_bytes()
            assert b"RIFF" not in octets, path
            assert b"0193-ses" not in octets, path
    file = site.shelf.open(record)
    assert file is not None
    sound = site.sound(file.read(0, file.size))
    file.close()
    assert heard(sound[:, 0], 600) == [pytest.approx((0.5, 1.5), abs=0.025)]


async def test_an_upload_is_tried_again_with_what_the_last_attempt_noted(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.courier.failures = 1
    site.left(two_sides())
    await site.workshop.mix_all()
    assert await site.told() == []
    await pushed(site, 1)
    record = await site.record()
    assert record.state is RecordingState.WAITING
    assert record.detail == "the server answered 503"
    assert record.next_at is not None
    assert timedelta(seconds=2) <= record.next_at - site.clock.at <= timedelta(seconds=5)
    assert site.storage.path_of(record).exists()
    site.clock.at = record.next_at
    await pushed(site, 2)
    record = await site.record()
    assert site.courier.progress == ["", "attempt 1"]
    assert record.state is RecordingState.UPLOADED
    assert record.location == f"sftp://x/{record.path}"
    assert not site.storage.path_of(record).exists()
    assert await site.told() == ["UPLOAD_COMPLETED"]


async def test_after_a_day_an_upload_is_given_up_and_the_file_stays(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.courier.failures = 99
    site.left(two_sides())
    await site.workshop.mix_all()
    site.clock.at += timedelta(hours=23, minutes=59, seconds=59)
    await pushed(site, 1)
    record = await site.record()
    assert record.state is RecordingState.FAILED
    assert site.storage.path_of(record).exists()
    assert await site.told() == ["UPLOAD_FAILED"]


async def test_what_is_given_up_is_removed_where_it_was_begun(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.courier.failures = 99
    site.left(two_sides())
    await site.workshop.mix_all()
    await pushed(site, 1)
    assert site.courier.abandoned == [], "it is tried again"
    site.clock.at += timedelta(days=1)
    await pushed(site, 2)
    record = await site.record()
    assert record.state is RecordingState.FAILED
    assert site.courier.abandoned == [(record.path, "attempt 2")]


async def test_two_processes_share_a_folder_and_each_recording_is_finished_once(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path)
    expected = []
    for number in range(12):
        tape = two_sides()
        recording_id = f"0193-rec{number:02}"
        tape.beginning = msgspec.structs.replace(tape.beginning, recording_id=recording_id)
        tape.end(2.5)
        site.left(tape)
        expected.append(f"{recording_id} {RecordingState.KEPT}")
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.support.mixer_process", str(tmp_path)),
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(2)
    ]
    told = [(await process.communicate())[0].decode().splitlines() for process in processes]
    assert sorted(told[0] + told[1]) == expected
    assert all(told), "both had a part in it"
    assert len(list((tmp_path / "files").rglob("*.wav"))) == len(expected)
    assert list(site.storage.left()) == []


async def test_without_a_push_configuration_a_waiting_recording_stays_here(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.left(two_sides())
    await site.workshop.mix_all()
    site.push = None
    running = asyncio.create_task(site.pusher.run())
    async with asyncio.timeout(20):
        while (await site.record()).state is RecordingState.WAITING:
            await asyncio.sleep(0.01)
    running.cancel()
    assert (await site.record()).state is RecordingState.KEPT
    assert await site.told() == ["UPLOAD_COMPLETED"]


def test_retries_begin_after_seconds_and_end_with_hours() -> None:
    assert [delay(attempts, 1.0) for attempts in (1, 2, 3, 30)] == [5, 10, 20, 3600]
    assert delay(1, 0.0) == 2.5


async def test_what_is_no_recording_is_put_aside_and_the_others_are_mixed(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.left(two_sides())
    bad = tmp_path / "live" / "0000-bad.frames"
    bad.write_bytes(b"hello")
    await site.workshop.mix_all()
    assert bad.with_suffix(".bad").read_bytes() == b"hello"
    assert (await site.record()).state is RecordingState.WAITING


async def test_old_recordings_are_deleted_with_their_files(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.push = None
    site.left(two_sides())
    await site.workshop.mix_all()
    record = await site.record()
    retention = RecordingRetention(
        storage=site.storage, shelf=site.shelf, store=site.store, clock=site.clock
    )
    site.clock.at = record.started_at + timedelta(days=29)
    assert await retention.delete_old() == 0
    site.clock.at = record.started_at + timedelta(days=31)
    assert await retention.delete_old() == 1
    assert not site.storage.path_of(record).parent.exists()
    assert await site.store.recording("0193-rec") is None


class Speaker(AudioTap):
    """A leg that says something each time it is asked."""

    def __init__(self) -> None:
        self.number = 0
        self.stopped = False

    def take(self) -> bytes:
        made = []
        for _ in range(12):
            at = time.monotonic()
            self.number += 1
            octets = bytes([self.number % 100]) * 160
            made.append(frame(TapFrameKind.RECEIVED, Codec.PCMU, 1, 160 * self.number, at, octets))
        if self.stopped:
            made.append(end_frame(time.monotonic()))
        return b"".join(made)

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def small_disk() -> Iterator[None]:
    """Files of this process may not grow past 20 KB: a write fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_costs_what_cannot_be_written_and_nothing_else(
    tmp_path: Path, small_disk: None, caplog: pytest.LogCaptureFixture
) -> None:
    over = asyncio.Event()
    storage = RecordingStorage(tmp_path)
    recorder = DiskRecorder(storage, seal=None, begun=lambda _it: None, ended=over.set)
    recorder.start()
    recording = recorder.begin("s", "acme", NOW)
    assert recording is not None
    speaker = Speaker()
    recording.add(speaker)
    async with asyncio.timeout(20):
        while speaker.number < 300:
            await asyncio.sleep(0.05)
    recording.end()
    await asyncio.wait_for(over.wait(), 10)
    await recorder.close()
    (path,) = storage.left()
    assert 10_000 < path.stat().st_size <= 20_000
    assert "cannot be written" in caplog.text
    resource.setrlimit(resource.RLIMIT_FSIZE, (-1, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    site = Site(tmp_path)
    await site.workshop.mix_all()
    found = await site.store.recording(recording.recording_id)
    assert found is not None
    assert found.duration > 0.2


async def pushed(site: Site, attempts: int) -> None:
    """Let the pusher run until so many attempts were made and their results are stored."""
    running = asyncio.create_task(site.pusher.run())
    await site.courier.wait_for(lambda: len(site.courier.progress) == attempts, 20)
    async with asyncio.timeout(20):
        while (await site.record()).attempts < attempts:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait([running])
