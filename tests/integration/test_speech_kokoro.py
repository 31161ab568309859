# ruff: noqa: RUF001 (texts stand in their own scripts)
"""Kokoro-82M really speaking, in its own confined process."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import pytest_asyncio
from tests.support.installed_voices import with_kokoro

from offhook.media import g711
from offhook.negotiated import Codec
from offhook.speech.engines import kokoro_folder
from offhook.speech.kokoro import Kokoro
from offhook.speech.speech_engine import SynthesisFailed


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[Kokoro]:
    engine = Kokoro(kokoro_folder(with_kokoro()), processes=1, timeout=100)
    yield engine
    await engine.close()


async def spoken(
    engine: Kokoro, text: str, voice: str = "af_heart@gmw/en-US", speed: float = 1.0
) -> npt.NDArray[np.float32]:
    octets = await engine.speak(text, voice=voice, speed=speed, owner="acme")
    samples: npt.NDArray[np.float32]
    samples = g711.levels(Codec.PCMU, octets[: len(octets) // 2]).astype(np.float32) / np.float32(
        32768
    )
    return samples


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("voice", "text"),
    [
        ("af_heart@gmw/en-US", "Your code is 4 7 1 2."),
        ("bm_george@gmw/en", "Good morning."),
        ("zf_xiaobei@zh", "您好，您的号码是12。"),
    ],
)
async def test_a_sentence_is_heard_at_an_even_level(engine: Kokoro, voice: str, text: str) -> None:
    samples = await spoken(engine, text, voice)
    assert 0.5 < len(samples) / 8000 < 6
    assert 0.04 < np.sqrt(np.mean(np.square(samples))) < 0.13
    assert np.max(np.abs(samples)) < 0.95


@pytest.mark.asyncio(loop_scope="module")
async def test_speed_scales_the_duration(engine: Kokoro) -> None:
    usual, fast = [
        len(await spoken(engine, "The train leaves at noon.", speed=speed)) for speed in (1.0, 2.0)
    ]
    assert usual / fast == pytest.approx(2, rel=0.25)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_first_second_comes_while_the_rest_is_made(engine: Kokoro) -> None:
    text = "Thank you for calling, all our agents are busy right now, please hold the line."
    made = engine.parts(text, voice="af_heart@gmw/en-US", speed=1.0, owner="acme")
    lengths = [len(part) // 2 async for part in made]
    assert len(lengths) > 2
    assert 0.4 < lengths[0] / 8000 < 1.2
    assert all(length % 160 == 0 for length in lengths[:-1]), "whole packets"
    assert sum(lengths) == len(await spoken(engine, text)), "the same sound each time"


@pytest.mark.asyncio(loop_scope="module")
async def test_a_text_without_a_sound_is_an_empty_answer(engine: Kokoro) -> None:
    assert len(await spoken(engine, "^")) == 0


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("voice", ["af_nobody@gmw/en-US", "../model@gmw/en-US", "af_heart@xx"])
async def test_an_unknown_voice_is_a_failure(engine: Kokoro, voice: str) -> None:
    with pytest.raises(SynthesisFailed, match="kokoro: "):
        await spoken(engine, "Hello.", voice)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_worker_that_is_killed_costs_nothing_and_a_hanging_one_its_text(
    engine: Kokoro,
) -> None:
    pool = engine._pool
    await spoken(engine, "Hello.")
    os.kill(pool.workers[0].pid, signal.SIGKILL)
    assert len(await spoken(engine, "Hello.")) > 2000, "a new worker was asked"
    os.kill(pool.workers[0].pid, signal.SIGSTOP)
    stopped = pool.workers[0]
    impatient = Kokoro.__new__(Kokoro)
    impatient._pool, impatient._timeout, impatient._folder = pool, 0.5, Path()
    with pytest.raises(SynthesisFailed, match=r"no answer within 0\.5 s"):
        await spoken(impatient, "Hello.")
    await stopped.wait()
    assert len(await spoken(engine, "Hello.")) > 2000
