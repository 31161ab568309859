"""Prompts as a session gets them: spoken by the real engine, fetched from a real server."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator

import numpy as np
import pytest
import soundfile
from aiohttp import web

from offhook.codes import RuntimeCode
from offhook.negotiated import Codec
from offhook.net.http_client import HttpClient
from offhook.session.ports.speech import PromptError, Speech, Urgent, now
from offhook.speech.espeak import Espeak
from offhook.speech.profiles import ProfileTable
from offhook.speech.prompt_store import PromptStore
from offhook.speech.service import SpeechService
from offhook.speech.speech_engine import Engine


def tone(format_: str, rate: int = 44_100, seconds: float = 1.0) -> bytes:
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate)
    out = io.BytesIO()
    soundfile.write(out, np.stack([wave, wave], axis=1), rate, format=format_)
    return out.getvalue()


class Files:
    """A web server with audio files, which counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.url = ""
        self.broken = True

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request.path)
        match request.path.split("/")[1:]:
            case ["tone.wav"]:
                return web.Response(body=tone("WAV"))
            case ["wav-named.mp3"]:
                return web.Response(body=tone("WAV"), content_type="audio/mpeg")
            case ["mp3-named.txt"]:
                return web.Response(body=tone("MP3"), content_type="text/plain")
            case ["page.wav"]:
                return web.Response(text="<html>hello</html>", content_type="audio/wav")
            case ["large.wav"]:
                return web.Response(body=tone("WAV") + b"\0" * 5120 * 1024)
            case ["largest.wav"]:
                padding = b"\0" * (5120 * 1024 - len(tone("WAV")))
                return web.Response(body=tone("WAV") + padding)
            case ["hops", left]:
                there = "/tone.wav" if left == "0" else f"/hops/{int(left) - 1}"
                return web.Response(status=302, headers={"Location": there})
            case ["mended.wav"] if not self.broken:
                return web.Response(body=tone("WAV"))
        return web.Response(status=404)


@pytest.fixture
async def files() -> AsyncIterator[Files]:
    files = Files()
    runner = web.ServerRunner(web.Server(files.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    files.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield files
    await runner.cleanup()


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def service(time: Time) -> AsyncIterator[SpeechService]:
    client = HttpClient(allow_private=True)
    service = SpeechService.embedded(client, processes=1, clock=time)
    yield service
    await service.close()
    await client.close()


async def test_it_is_the_speech_a_session_needs(service: SpeechService) -> None:
    speech: Speech = service
    prompt = await speech.say(
        "Hello.", voice_profile="en-US-Jenny", language=None, speed=1, owner="acme"
    )
    assert prompt.duration == len(prompt.encoded(Codec.PCMU)) / 8000
    assert 0.3 < prompt.duration < 1.5
    assert len(prompt.encoded(Codec.PCMA)) == len(prompt.encoded(Codec.PCMU))


async def test_the_same_words_are_spoken_once(service: SpeechService) -> None:
    async def say(text: str, profile: str = "en-US-JennyNeural", speed: float = 1) -> object:
        return await service.say(
            text, voice_profile=profile, language=None, speed=speed, owner="acme"
        )

    first, again, *others = await asyncio.gather(
        say("Hello."),
        say("Hello.", "en-US-AriaNeural"),
        say("Hello!"),
        say("Hello.", speed=1.5),
        say("Hello.", "en-US-GuyNeural"),
        say("Hello.", "en-GB-SoniaNeural"),
    )
    assert again is first, "both profiles are the same voice here"
    assert len({id(prompt) for prompt in (first, *others)}) == 5


@pytest.mark.parametrize(
    ("profile", "language"), [("nonsense", None), (None, "zu-ZA"), ("zu-ZA-ThandoNeural", None)]
)
async def test_an_unknown_voice_is_a_failed_synthesis(
    service: SpeechService, profile: str | None, language: str | None
) -> None:
    with pytest.raises(PromptError, match="no installed engine has a voice") as caught:
        await service.say("Hello.", voice_profile=profile, language=language, speed=1, owner="acme")
    assert caught.value.code is RuntimeCode.SYNTHESIS_FAILED


@pytest.mark.parametrize(
    "text",
    [
        "...",
        "?!",
        "-",
        " ",
        "\n\n",
        "\u00a0",
        "\u200f\u200d",
        ",,,,,,,,,,",
        "\ufe0f",
        "^",
        "\u00b4`\u00a8",
    ],
)
@pytest.mark.parametrize("language", ["en", "zh-CN"])
async def test_a_text_with_nothing_to_speak_is_half_a_second_of_silence(
    service: SpeechService, text: str, language: str
) -> None:
    prompt = await service.say(text, voice_profile=None, language=language, speed=1, owner="acme")
    if prompt.duration != 0.5:  # the engine names it: that is what it holds
        assert text in "^\u00b4`\u00a8-"
        return
    assert set(prompt.encoded(Codec.PCMU)) == {0xFF}
    assert set(prompt.encoded(Codec.PCMA)) == {0xD5}


class Talkative(Engine):
    """Makes a sound of everything, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.sound = bytes([0x20]) * 1600

    @property
    def name(self) -> str:
        return "espeak-ng"

    @property
    def version(self) -> str:
        return "1"

    async def speak(
        self, text: str, *, voice: str, speed: float, owner: str, urgent: Urgent = now
    ) -> bytes:
        self.asked.append(text)
        return self.sound

    async def close(self) -> None:
        pass


async def test_punctuation_never_reaches_an_engine_and_no_sound_is_silence() -> None:
    client = HttpClient(allow_private=True)
    engine = Talkative()
    service = SpeechService(profiles=ProfileTable.installed(), engines=[engine], client=client)

    async def say(text: str) -> bytes:
        prompt = await service.say(text, voice_profile=None, language="en", speed=1, owner="acme")
        return bytes(prompt.encoded(Codec.PCMU))

    assert await say("...") == bytes([0xFF]) * 4000
    assert engine.asked == []
    assert await say("Hello.") == engine.sound[:800]
    engine.sound = b""
    assert await say("Hello again.") == bytes([0xFF]) * 4000
    assert await say("Sentence. " * 100) == bytes([0xFF]) * 4000
    await service.close()
    await client.close()


@pytest.mark.parametrize("text", ["$", "😀", "5", "字", "+"])
async def test_symbols_and_pictographs_are_spoken(service: SpeechService, text: str) -> None:
    prompt = await service.say(text, voice_profile=None, language="en", speed=1, owner="acme")
    assert set(prompt.encoded(Codec.PCMU)) != {0xFF}


async def test_without_any_engine_the_error_is_clear() -> None:
    client = HttpClient(allow_private=True)
    service = SpeechService(profiles=ProfileTable([]), engines=[], client=client)
    with pytest.raises(PromptError, match="no installed engine has a voice for en-US"):
        await service.say("Hello.", voice_profile=None, language="en-US", speed=1, owner="acme")
    await service.close()
    await client.close()


@pytest.mark.parametrize(
    "path", ["tone.wav", "wav-named.mp3", "mp3-named.txt", "largest.wav", "hops/2"]
)
async def test_wav_and_mp3_are_played_whatever_they_are_called(
    service: SpeechService, files: Files, path: str
) -> None:
    prompt = await service.fetch(f"{files.url}/{path}", owner="acme")
    assert prompt.duration == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("none.wav", "answered 404"),
        ("page.wav", "not a wav or mp3 file"),
        ("large.wav", "5242880"),
        ("hops/3", "redirects more than 3"),
    ],
)
async def test_anything_else_is_a_download_that_failed(
    service: SpeechService, files: Files, path: str, words: str
) -> None:
    with pytest.raises(PromptError, match=words) as caught:
        await service.fetch(f"{files.url}/{path}?token=hunter2", owner="acme")
    assert caught.value.code is RuntimeCode.DOWNLOAD_FAILED
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y.wav", "nonsense", ""])
async def test_a_url_that_is_no_http_url_is_a_download_that_failed(
    service: SpeechService, url: str
) -> None:
    with pytest.raises(PromptError) as caught:
        await service.fetch(url, owner="acme")
    assert caught.value.code is RuntimeCode.DOWNLOAD_FAILED


async def test_private_addresses_are_not_fetched_from(files: Files) -> None:
    client = HttpClient(allow_private=False)
    service = SpeechService.embedded(client)
    with pytest.raises(PromptError, match="not public"):
        await service.fetch(f"{files.url}/tone.wav", owner="acme")
    assert files.asked == []
    await service.close()
    await client.close()


async def test_a_file_is_fetched_once_an_hour(
    service: SpeechService, files: Files, time: Time
) -> None:
    url = f"{files.url}/tone.wav"
    prompts = await asyncio.gather(*(service.fetch(url, owner="acme") for _ in range(5)))
    time.now += 3599
    prompts.append(await service.fetch(url, owner="acme"))
    assert len({id(prompt) for prompt in prompts}) == 1
    assert files.asked == ["/tone.wav"]
    time.now += 1
    await service.fetch(url, owner="acme")
    assert len(files.asked) == 2


async def test_a_failure_is_not_remembered(service: SpeechService, files: Files) -> None:
    with pytest.raises(PromptError):
        await service.fetch(f"{files.url}/mended.wav", owner="acme")
    files.broken = False
    assert (await service.fetch(f"{files.url}/mended.wav", owner="acme")).duration == pytest.approx(
        1, abs=0.01
    )


async def test_a_caller_that_hangs_up_does_not_stop_the_prompts_of_other_calls(
    service: SpeechService, files: Files
) -> None:
    url = f"{files.url}/tone.wav"
    leaving = asyncio.create_task(service.fetch(url, owner="acme"))
    staying = asyncio.create_task(service.fetch(url, owner="acme"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying).duration == pytest.approx(1.0, abs=0.01)
    assert leaving.cancelled()
    assert files.asked == ["/tone.wav"]


async def test_a_long_text_is_spoken_whole_in_pieces(service: SpeechService) -> None:
    sentence = "Please bring your passport and the letter that we sent you. "
    six = await service.say(sentence * 6, voice_profile=None, language="en", speed=1, owner="acme")
    long = await service.say(
        sentence * 40, voice_profile=None, language="en", speed=1, owner="acme"
    )
    assert long.duration == pytest.approx(40 / 6 * six.duration, rel=0.03)
    silence = bytes([0xFF]) * 8000
    assert silence not in bytes(long.encoded(Codec.PCMU)), "no gap of a second between pieces"


async def test_kept_prompts_make_room_for_new_ones(files: Files) -> None:
    client = HttpClient(allow_private=True)
    store = PromptStore(room=1 << 20)
    service = SpeechService(
        profiles=ProfileTable.installed(),
        engines=[Espeak(processes=1)],
        client=client,
        store=store,
    )
    for number in range(40):
        prompt = await service.say(
            f"This is the announcement number {number}, and a rather long one.",
            voice_profile=None,
            language="en",
            speed=1,
            owner="acme",
        )
        assert prompt.duration > 2
    assert store.share("acme") <= 1 << 19
    await service.close()
    await client.close()
