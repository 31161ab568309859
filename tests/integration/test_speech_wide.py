"""Prompts for wideband codecs: kept with all that the engine has spoken, and found by other processes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.support.wide_codecs import RATE, OpusLibrary, Pcm, decode_g722

from offhook.media import EngineKind, WideEncoder, g711, wide_encoder
from offhook.negotiated import LAWS, Codec
from offhook.net.http_client import HttpClient
from offhook.session.ports.speech import Prompt
from offhook.speech.prompt_disk import PromptDisk
from offhook.speech.service import SpeechService

SENTENCE = "She sells six sea shells. " * 3
"""With much above 4,000 Hz."""
BOTH = wide_encoder("native", {Codec.G722, Codec.OPUS})


async def say(folder: Path, wide: WideEncoder | None, text: str = SENTENCE) -> Prompt:
    client = HttpClient(allow_private=False)
    disk = PromptDisk(folder, limit=1 << 28)
    service = SpeechService.embedded(client, processes=1, disk=disk, wide=wide)
    try:
        return await service.say(
            text, voice_profile=None, language="en-US", speed=1.0, owner="acme"
        )
    finally:
        await service.close()
        await client.close()


def above(pcm: Pcm, hertz: float, rate: int) -> float:
    """The part of the power above a frequency."""
    power = np.abs(np.fft.rfft(pcm.astype(float))) ** 2
    return float(np.sum(power[round(hertz * len(pcm) / rate) :])) / float(np.sum(power[1:]))


def opus_of(prompt: Prompt) -> Pcm:
    """The sound of its packets of Opus."""
    octets = bytes(prompt.encoded(Codec.OPUS))
    assert len(octets) == len(prompt.encoded(Codec.PCMU))
    slots = [octets[at : at + 160] for at in range(0, len(octets) - 159, 160)]
    library = OpusLibrary()
    pcm = library.decode([slot[2 : 2 + int.from_bytes(slot[:2], "big")] for slot in slots])
    library.close()
    return pcm


async def test_a_spoken_prompt_has_the_whole_band_in_g722(tmp_path: Path) -> None:
    prompt = await say(tmp_path / "prompts", BOTH)
    assert list(prompt.codecs) == [Codec.PCMU, Codec.PCMA, Codec.G722, Codec.OPUS]
    wide = decode_g722(bytes(prompt.encoded(Codec.G722)))
    narrow = np.frombuffer(g711.decode(Codec.PCMU, prompt.encoded(Codec.PCMU)), "<i2")
    assert len(wide) == 2 * len(narrow) == 2 * round(prompt.duration * 8_000)
    assert above(wide, 4_600, RATE) > 0.01
    assert above(opus_of(prompt), 4_600, RATE) > 0.01
    # The same words: the loudness of each tenth of a second goes alike.
    loud = [
        np.abs(pcm[: len(pcm) // size * size].reshape(-1, size).astype(float)).mean(axis=1)
        for pcm, size in ((wide, 1600), (narrow, 800))
    ]
    assert np.asarray(np.corrcoef(np.stack(loud)))[0, 1] > 0.8


async def test_another_process_finds_it_with_all_its_codecs(tmp_path: Path) -> None:
    made = await say(tmp_path / "prompts", BOTH)

    def not_again(_codec: Codec, _pcm: bytes) -> bytes:
        raise AssertionError("it is encoded once")

    assert BOTH is not None
    found = await say(tmp_path / "prompts", WideEncoder(BOTH.codecs, not_again))
    assert list(found.codecs) == list(made.codecs)
    for codec in made.codecs:
        assert bytes(found.encoded(codec)) == bytes(made.encoded(codec))


async def test_a_long_text_is_wide_too(tmp_path: Path) -> None:
    prompt = await say(tmp_path / "prompts", BOTH, SENTENCE * 12)
    wide = decode_g722(bytes(prompt.encoded(Codec.G722)))
    assert len(wide) == 2 * len(prompt.encoded(Codec.PCMU))
    assert above(wide, 4_600, RATE) > 0.01
    opus = opus_of(prompt)
    assert abs(len(opus) - len(wide)) <= 320
    assert above(opus, 4_600, RATE) > 0.01


async def test_without_wideband_codecs_prompts_have_g711_only(tmp_path: Path) -> None:
    wide = await say(tmp_path / "prompts", BOTH)
    narrow = await say(tmp_path / "prompts", None)
    assert tuple(narrow.codecs) == LAWS
    with pytest.raises(KeyError):
        narrow.encoded(Codec.G722)
    assert wide.duration == pytest.approx(narrow.duration, abs=0.1)


@pytest.mark.parametrize(
    ("engine", "codecs", "made"),
    [
        ("auto", ("PCMU", "PCMA"), ()),
        ("auto", ("PCMU", "G722"), (Codec.G722,)),
        ("native", ("opus",), (Codec.G722, Codec.OPUS)),
        ("python", ("opus", "G722"), ()),
    ],
)
def test_prompts_are_wide_where_a_trunk_may_need_it(
    engine: EngineKind, codecs: tuple[str, ...], made: tuple[Codec, ...]
) -> None:
    wide = wide_encoder(engine, {Codec(name) for name in codecs})
    assert (() if wide is None else wide.codecs) == made
