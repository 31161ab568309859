"""A voice process as far as the prompt cache sees it: ``python -m tests.support.prompt_writer FOLDER HOW``.

It makes one prompt of four seconds and prints a line for each step. HOW is ``whole``; ``half``: it stops for
ever in the middle of the file; ``claim``: it stops for ever with the claim, before it makes anything.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import IO, Final

from offhook.speech import prompt_store
from offhook.speech.prompt import G711Prompt
from offhook.speech.prompt_disk import PromptDisk
from offhook.speech.prompt_file import key_of
from offhook.speech.prompt_store import PromptDetails, PromptStore

KEY: Final = key_of("say", "the prompt of the tests")
SOUND: Final = bytes(range(1, 251)) * 256
OWNER: Final = "acme"
LIMIT: Final = 64 << 20


def say(word: str) -> None:
    """Tell the test."""
    print(word, flush=True)


async def make(store: PromptStore) -> G711Prompt:
    """The prompt, made here unless another process has made it."""
    async with store.claim(KEY, OWNER) as prompt:
        if prompt is not None:
            say("found")
            return prompt
        say("making")
        if sys.argv[2] == "claim":
            await asyncio.Event().wait()
        await asyncio.sleep(0.1)  # so that another process asks meanwhile
        return await store.keep([(SOUND, len(SOUND))], owner=OWNER, sound=PromptDetails(KEY))


def stop_half_way(file: IO[bytes], octets: bytes, at: int) -> None:
    """Write half of what was asked."""
    file.seek(at)
    file.write(octets[: len(octets) // 2])
    say("half")
    while True:
        time.sleep(60)


async def main(folder: str) -> None:
    store = PromptStore(disk=PromptDisk(Path(folder), limit=LIMIT))
    if sys.argv[2] == "half":
        prompt_store._write_at = stop_half_way
    prompt = await make(store)
    say("same" if prompt.size == len(SOUND) else "other")
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
