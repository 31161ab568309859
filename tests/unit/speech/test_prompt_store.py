"""Prompts lie in mapped files; their room is shared out, and free again with their last view."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import IO

import pytest

from offhook.negotiated import Codec
from offhook.speech import prompt_store
from offhook.speech.prompt import G711Prompt
from offhook.speech.prompt_disk import StoredPrompt
from offhook.speech.prompt_file import Head
from offhook.speech.prompt_store import NoRoom, PromptStore, Source

ROOM = 16 << 20


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[PromptStore]:
    store = PromptStore(tmp_path, room=ROOM)
    yield store
    await store.close()


def sound(number: int, size: int = 20_000) -> bytes:
    return bytes([number]) * size


async def keep(store: PromptStore, octets: bytes, owner: str = "acme") -> G711Prompt:
    return await store.keep([(octets, len(octets))], owner=owner)


async def test_a_prompt_is_what_was_kept(store: PromptStore) -> None:
    ulaw, alaw = os.urandom(30_001), os.urandom(30_001)
    with store.scratch() as file:
        file.write(ulaw)
        prompt = await store.keep([(file, len(ulaw)), (alaw, len(alaw))], owner="acme")
    assert prompt.encoded(Codec.PCMU) == ulaw
    assert prompt.encoded(Codec.PCMA) == alaw
    assert prompt.encoded(Codec.PCMU).readonly


async def test_nothing_of_it_has_a_name(store: PromptStore, tmp_path: Path) -> None:
    await keep(store, sound(1))
    assert list(tmp_path.iterdir()) == []


async def test_many_prompts_take_no_descriptors(store: PromptStore) -> None:
    before = len(os.listdir("/proc/self/fd"))
    prompts = [await keep(store, sound(n, 2000)) for n in range(100)]
    assert len(os.listdir("/proc/self/fd")) == before
    assert all(prompt.encoded(Codec.PCMU)[0] == n for n, prompt in enumerate(prompts))


async def test_room_is_free_again_with_the_last_view_on_any_thread(store: PromptStore) -> None:
    whole = store.free
    prompt = await keep(store, sound(1))
    part = prompt.encoded(Codec.PCMA)[100:200]
    del prompt
    gc.collect()
    assert store.free < whole, "a slice still plays"
    others = [await keep(store, sound(2)) for _ in range(10)]
    assert part == bytes([1]) * 100
    held = [part]
    del part
    thread = threading.Thread(target=held.clear)
    thread.start()
    thread.join()
    del others
    await asyncio.sleep(0)  # the loop holds the result that this task was woken with
    gc.collect()
    assert store.free == whole
    assert store.share("acme") == 0


async def test_one_owner_never_takes_what_others_need(store: PromptStore) -> None:
    kept: list[G711Prompt] = []
    while store.has_room("greedy", 40_000):
        kept.append(await keep(store, sound(1, 40_000), "greedy"))
    with pytest.raises(NoRoom, match="share"):
        await keep(store, sound(1, 40_000), "greedy")
    assert store.share("greedy") <= ROOM // 2
    modest = [await keep(store, sound(2, 40_000), "modest") for _ in range(5)]
    assert all(prompt.encoded(Codec.PCMU)[0] == 2 for prompt in modest)


async def test_a_prompt_that_is_given_up_while_it_is_copied_takes_no_room(
    store: PromptStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = store.free
    started, go_on = threading.Event(), threading.Event()
    write = prompt_store._write

    def slow(file: IO[bytes], sources: Sequence[Source], head: Head) -> StoredPrompt:
        started.set()
        go_on.wait(10)
        return write(file, sources, head)

    monkeypatch.setattr(prompt_store, "_write", slow)
    given_up = asyncio.create_task(keep(store, sound(1)))
    await asyncio.to_thread(started.wait, 10)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    del given_up
    assert store.free < whole
    go_on.set()
    await store.close()
    # The thread holds the result until its function has returned.
    await asyncio.get_running_loop().shutdown_default_executor()
    await asyncio.sleep(0)  # the loop holds the result that this task was woken with
    gc.collect()
    assert store.free == whole


async def test_a_source_that_is_shorter_than_said_is_refused(store: PromptStore) -> None:
    whole = store.free
    with store.scratch() as file:
        file.write(b"x" * 10)
        with pytest.raises(NoRoom, match="shorter"):
            await store.keep([(file, 20)], owner="acme")
    assert store.free == whole


async def test_without_a_file_prompts_are_kept_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = PromptStore(tmp_path / "nowhere", room=ROOM)
    assert "prompts are kept in memory" in caplog.text
    prompt = await keep(store, sound(7))
    assert set(prompt.encoded(Codec.PCMU)) == {7}
    await store.close()


async def test_pages_that_were_played_are_given_back(store: PromptStore) -> None:
    prompt = await keep(store, os.urandom(400_000))
    heard = bytes(prompt.encoded(Codec.PCMU))
    (mapping,) = store._mappings
    mapping.give_pages_back()
    del mapping
    assert bytes(prompt.encoded(Codec.PCMU)) == heard
