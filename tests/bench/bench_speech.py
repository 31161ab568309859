"""What a prompt costs: synthesis, decoding and a cache hit. Run: python tests/bench/bench_speech.py"""

from __future__ import annotations

import asyncio
import io
import json
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import IO

import numpy as np
import soundfile

from offhook.net.http_client import HttpClient
from offhook.session.ports.speech import Prompt
from offhook.speech.files import AudioFiles
from offhook.speech.making import PromptMaker
from offhook.speech.prompt_store import PromptStore
from offhook.speech.service import SpeechService

SENTENCE = "Hello number {}, this is a reminder of your appointment tomorrow at ten o'clock."
ROUNDS = 40


async def timed(work: Callable[[int], Awaitable[object]], rounds: int = ROUNDS) -> float:
    """The median of ``rounds`` times, in milliseconds."""
    times = []
    for number in range(rounds):
        began = time.perf_counter()
        await work(number)
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def cpu_of_children() -> float:
    """Seconds the ended and reaped children took."""
    usage = os.times()
    return usage.children_user + usage.children_system


async def measure() -> dict[str, float]:
    """All figures, by name with unit."""
    figures: dict[str, float] = {}
    client = HttpClient(allow_private=False)
    service = SpeechService.embedded(client, processes=1)
    spoken: list[Prompt] = []

    async def say(number: int) -> None:
        text = SENTENCE.format(number)
        spoken.append(
            await service.say(text, voice_profile=None, language="en", speed=1, owner="x")
        )

    figures["first prompt, worker started, ms"] = await timed(say, 1)
    spoken.clear()
    figures["prompt of one sentence, ms"] = await timed(lambda number: say(number + 1))
    seconds = statistics.median(prompt.duration for prompt in spoken)
    figures["synthesis per second of speech, ms"] = figures["prompt of one sentence, ms"] / seconds
    figures["cache hit, us"] = 1000 * await timed(lambda _: say(1), 2000)
    before = cpu_of_children()
    await service.close()
    figures["CPU per second of speech, start included, ms"] = (
        (cpu_of_children() - before) * 1000 / sum(p.duration for p in spoken[:ROUNDS])
    )

    wave = 0.5 * np.sin(np.arange(44_100 * 10) / 20)
    store = PromptStore()
    files = AudioFiles(client, store, PromptMaker(store, lambda owner: False))
    for format_ in ("WAV", "MP3"):
        with store.scratch() as file:
            out = io.BytesIO()
            soundfile.write(out, wave, 44_100, format=format_)
            file.write(out.getvalue())

            async def decode(_: int, file: IO[bytes] = file) -> object:
                return await files.decode(file, owner="x")

            figures[f"10 s {format_} decoded in its process, ms"] = await timed(decode, 8)
    await store.close()
    await client.close()
    return figures


if __name__ == "__main__":
    print(json.dumps({name: round(value, 2) for name, value in asyncio.run(measure()).items()}))
