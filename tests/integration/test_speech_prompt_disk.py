"""Prompts that all processes of a machine share: one of each, whole or not at all, within a limit."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from tests.support.prompt_writer import KEY, LIMIT, OWNER, SOUND

from offhook.negotiated import Codec
from offhook.session.ports.speech import Urgency
from offhook.speech.cache import PromptCache, PromptMaking
from offhook.speech.prompt import G711Prompt
from offhook.speech.prompt_disk import PromptDisk
from offhook.speech.prompt_file import HEAD, Key, key_of
from offhook.speech.prompt_store import PromptDetails, PromptStore


class Time:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


New = Callable[..., PromptStore]


@pytest.fixture
async def new(tmp_path: Path, time: Time) -> AsyncIterator[New]:
    """Makes stores over one folder, each like another process."""
    stores: list[PromptStore] = []

    def new(limit: int = LIMIT) -> PromptStore:
        disk = PromptDisk(tmp_path / "cache", limit=limit, clock=time)
        stores.append(PromptStore(disk=disk))
        return stores[-1]

    yield new
    for store in stores:
        await store.close()


async def keep(
    store: PromptStore, key: Key = KEY, octets: bytes = SOUND, owner: str = OWNER
) -> G711Prompt:
    return await store.keep([(octets, len(octets))], owner=owner, sound=PromptDetails(key))


async def find(store: PromptStore, key: Key = KEY, owner: str = OWNER) -> G711Prompt | None:
    async with store.claim(key, owner) as prompt:
        return prompt


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "locks"]


@asynccontextmanager
async def process(folder: Path, how: str) -> AsyncIterator[asyncio.subprocess.Process]:
    program = [sys.executable, "-m", "tests.support.prompt_writer", str(folder / "cache"), how]
    running = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


async def line(running: asyncio.subprocess.Process) -> str:
    assert running.stdout is not None
    return (await asyncio.wait_for(running.stdout.readline(), 30)).decode().strip()


async def test_what_one_process_made_another_finds(new: New) -> None:
    made = await keep(new())
    found = await find(new())
    assert found is not None
    assert found.encoded(Codec.PCMU) == made.encoded(Codec.PCMU) == SOUND[: len(SOUND) // 2]
    assert found.encoded(Codec.PCMA) == SOUND[len(SOUND) // 2 :]
    assert found.encoded(Codec.PCMU).readonly


async def test_a_remark_and_the_end_of_life_are_found_too(new: New, time: Time) -> None:
    store = new()
    sound = PromptDetails(KEY, expires=time.now + 3600, remark="ends early, after 3 s: «Ärger»")
    await store.keep([(SOUND, len(SOUND))], owner=OWNER, sound=sound)
    time.now += 3599
    found = await find(new())
    assert found is not None
    assert (found.remark, found.expires) == (sound.remark, sound.expires)
    time.now += 1
    assert await find(new()) is None


@pytest.mark.parametrize("other", ["speed", "text", "voice", "engine", "version", "order"])
def test_everything_that_decides_the_sound_is_in_the_key(other: str) -> None:
    usual: dict[str, str | float] = {
        "engine": "e",
        "version": "1",
        "voice": "v",
        "speed": 1.0,
        "text": "Hello.",
    }
    changed = {**usual, other: 1.5} if other == "speed" else {**usual, other: "another"}
    if other == "order":
        changed = {**usual, "engine": "1", "version": "e"}
    assert key_of(*changed.values()) != key_of(*usual.values())
    assert key_of("ab", "c") != key_of("a", "bc")
    assert key_of("\ud800") != key_of("?")


async def test_killed_in_the_middle_of_a_write_a_process_leaves_no_prompt(
    new: New, tmp_path: Path
) -> None:
    async with process(tmp_path, "half") as writer:
        assert [await line(writer), await line(writer)] == ["making", "half"]
        (left,) = files(tmp_path)
        assert left.stat().st_size > HEAD
        writer.kill()
        await writer.wait()
    store = new()
    assert await find(store) is None
    prompt = await keep(store)
    assert prompt.encoded(Codec.PCMU) == SOUND[: len(SOUND) // 2]
    assert await find(new()) is not None


async def test_what_a_killed_process_left_is_swept_away_later(new: New, tmp_path: Path) -> None:
    async with process(tmp_path, "half") as writer:
        assert [await line(writer), await line(writer)] == ["making", "half"]
    (left,) = files(tmp_path)
    await keep(new())
    assert left.exists(), "another process may be writing it"
    os.utime(left, (0, 0))
    await keep(new(), key_of("another"))
    assert not left.exists()
    assert len(files(tmp_path)) == 2


async def test_two_processes_that_want_one_prompt_make_it_once(tmp_path: Path) -> None:
    async with process(tmp_path, "whole") as one, process(tmp_path, "whole") as other:
        told = sorted([await line(one), await line(other), await line(one), await line(other)])
        assert told == ["found", "making", "same", "same"]
    assert len(files(tmp_path)) == 1


async def test_who_waits_for_a_killed_process_makes_the_prompt(new: New, tmp_path: Path) -> None:
    async with process(tmp_path, "claim") as maker:
        assert await line(maker) == "making"
        waiting = asyncio.create_task(find(new()))
        done, _ = await asyncio.wait({waiting}, timeout=0.2)
        assert not done, "the other process still makes it"
        maker.kill()
        async with asyncio.timeout(10):
            assert await waiting is None


async def test_owners_do_not_wait_for_each_other(new: New) -> None:
    """One owner's place in the line of an engine may be far behind."""
    async with new().claim(KEY, "greedy"):
        async with asyncio.timeout(10):
            assert await find(new(), owner="modest") is None


async def test_writing_the_same_prompt_twice_does_no_harm(new: New, tmp_path: Path) -> None:
    first, second = await asyncio.gather(keep(new()), keep(new()))
    assert bytes(first.encoded(Codec.PCMA)) == bytes(second.encoded(Codec.PCMA))
    assert len(files(tmp_path)) == 1


async def test_one_copy_of_a_prompt_serves_every_call(new: New) -> None:
    store = new()
    prompt = await keep(store)
    assert prompt.encoded(Codec.PCMU) is prompt.encoded(Codec.PCMU)


@pytest.mark.parametrize("damage", ["cut", "longer", "sound", "head", "remark", "empty", "zeros"])
async def test_a_damaged_file_is_made_again(new: New, tmp_path: Path, damage: str) -> None:
    store = new()
    sound = PromptDetails(KEY, remark="ends early")
    await store.keep([(SOUND, len(SOUND))], owner=OWNER, sound=sound)
    gc.collect()
    (path,) = files(tmp_path)
    whole = path.read_bytes()
    changed = {
        "cut": whole[:-1],
        "longer": whole + b"x",
        "sound": whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:],
        "head": whole[:24] + bytes([whole[24] ^ 1]) + whole[25:],
        "remark": whole[:-1] + b"x",
        "empty": b"",
        "zeros": bytes(len(whole)),
    }[damage]
    path.write_bytes(changed)
    assert await find(store) is None
    assert files(tmp_path) == [], "so that it is not read again"
    await keep(store)
    assert await find(new()) is not None


async def test_the_folder_stays_within_its_limit(new: New, tmp_path: Path) -> None:
    limit = 10 * len(SOUND)
    store = new(limit)
    for number in range(50):
        await keep(store, key_of(number))
        assert sum(path.stat().st_size for path in files(tmp_path)) <= limit + len(SOUND)
    assert await find(store, key_of(49)) is not None
    assert await find(store, key_of(0)) is None


async def test_the_least_recently_used_leaves_first(new: New, tmp_path: Path) -> None:
    store = new(10 * len(SOUND))
    for number in range(9):
        await keep(store, key_of(number))
        (path,) = set(files(tmp_path)) - {p for p in files(tmp_path) if p.stat().st_mtime < 2000}
        os.utime(path, (1000 + number, 1000 + number))
    assert await find(store, key_of(0)) is not None
    for number in range(9, 12):
        await keep(store, key_of(number))
    assert await find(store, key_of(0)) is not None
    assert await find(store, key_of(1)) is None


async def test_an_owner_with_many_prompts_drives_out_its_own(new: New) -> None:
    store = new(20 * len(SOUND))
    await keep(store, key_of("modest"), owner="modest")
    for number in range(60):
        await keep(store, key_of(number), owner="greedy")
    assert await find(store, key_of("modest"), owner="modest") is not None


async def test_a_prompt_that_plays_outlives_its_file(new: New, tmp_path: Path) -> None:
    store = new(4 * len(SOUND))
    playing = (await keep(store, octets=bytes(reversed(SOUND)))).encoded(Codec.PCMU)
    for number in range(20):
        await keep(store, key_of(number))
    assert await find(store) is None
    for path in files(tmp_path):
        path.unlink()
    assert playing == bytes(reversed(SOUND))[: len(SOUND) // 2]


async def test_a_folder_that_others_can_write_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o777)
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(PermissionError, match="others may write"):
        PromptDisk(tmp_path / "open", limit=LIMIT)


async def test_a_thousand_calls_at_once_make_a_prompt_once(new: New) -> None:
    made = 0

    async def make(store: PromptStore, _making: PromptMaking) -> G711Prompt:
        nonlocal made
        async with store.claim(KEY, OWNER) as prompt:
            if prompt is not None:
                return prompt
            made += 1
            return await keep(store)

    workers = [new(), new()]
    caches = [PromptCache(max_bytes=LIMIT, clock=lambda: 0.0) for _ in workers]
    prompts = await asyncio.gather(
        *(
            caches[call % 2].get(KEY, partial(make, workers[call % 2]), owner=OWNER)
            for call in range(1000)
        )
    )
    assert made == 1
    assert len({id(prompt) for prompt in prompts}) == 2, "one for each process"
    for cache in caches:
        await cache.close()


async def test_a_prompt_that_the_full_disk_does_not_take_is_made_for_this_process_alone(
    new: New, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_disk: PromptDisk) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    store = new()
    with monkeypatch.context() as broken:
        broken.setattr(PromptDisk, "create", full)
        prompts = [await keep(store), await keep(store)]
    for prompt in prompts:
        assert prompt.encoded(Codec.PCMU) == SOUND[: len(SOUND) // 2]
    assert files(tmp_path / "cache") == []
    assert len([line for line in caplog.messages if "not shared" in line]) == 1
    await keep(store)
    assert len(files(tmp_path / "cache")) == 1


async def test_for_first_words_another_process_is_not_waited_for_long(
    new: New, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There it may be the least urgent of many."""
    monkeypatch.setattr("offhook.speech.prompt_store._PATIENCE_NOW", 0.05)
    async with new().claim(KEY, OWNER) as nothing, asyncio.timeout(10):
        assert nothing is None
        async with new().claim(KEY, OWNER, lambda: Urgency.NOW) as prompt:
            assert prompt is None, "it is made here as well"
