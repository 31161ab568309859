"""Engines in the cloud: our requests and the vendors' own SDKs' against one server, and its bad days."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import wave
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import azure.cognitiveservices.speech as azure_sdk
import boto3
import httpx
import pytest
from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from elevenlabs import ElevenLabs as ElevenLabsSdk
from elevenlabs import VoiceSettings
from google.auth.credentials import AnonymousCredentials
from google.cloud import texttospeech
from google.cloud.texttospeech_v1.services.text_to_speech.transports import (
    TextToSpeechRestTransport,
)
from openai import OpenAI
from tests.support.upload_servers import s3_server as moto_server

from offhook.config import Azure, CloudVoice, ElevenLabs, Google, OpenAi, Polly, Voices
from offhook.net.aws_signature import AwsCredentials, AwsRequest, signed_headers
from offhook.net.http_client import HttpClient
from offhook.session.ports.speech import PromptError
from offhook.speech.cloud.azure import AzureSpeech
from offhook.speech.cloud.budgets import Budgets, VoiceBudget
from offhook.speech.cloud.cloud_engine import CloudEngine, CloudTools
from offhook.speech.cloud.elevenlabs import ElevenLabsSpeech
from offhook.speech.cloud.google import GoogleSpeech
from offhook.speech.cloud.openai_speech import OpenAiSpeech
from offhook.speech.cloud.polly import PollySpeech
from offhook.speech.service import SpeechService
from offhook.speech.speech_engine import SynthesisFailed

TEXT = "Tom & Jerry say: 5 < 6."
SSML = "<speak>Hello <break time='300ms'/> there</speak>"


def tone(rate: int) -> bytes:
    """Half a second of a loud square wave."""
    half = rate // 400
    return (b"\x00\x40" * half + b"\x00\xc0" * half) * 100


def wav(rate: int) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(tone(rate))
    return out.getvalue()


class Asked(NamedTuple):
    """One request, as the server got it."""

    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Cloud:
    """A server that answers as all of the vendors do, and notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self.status = 200
        self.hangs = asyncio.Event()
        self.hangs.set()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(Asked(request.path_qs, dict(request.headers), await request.read()))
        await self.hangs.wait()
        if self.status != 200:
            return web.Response(status=self.status, text="quota\nexceeded")
        match request.path:
            case "/v1/text:synthesize":
                content = base64.b64encode(wav(8000)).decode()
                return web.json_response({"audioContent": content})
            case "/v1/audio/speech":
                return web.Response(body=wav(24_000), content_type="audio/wav")
            case "/cognitiveservices/websocket/v1":
                return await self._azure_socket(request)
        return web.Response(body=tone(8000), content_type="audio/pcm")

    async def _azure_socket(self, request: web.BaseRequest) -> web.StreamResponse:
        """The connection that Azure's SDK makes. Its messages are noted, each with its path."""
        socket = web.WebSocketResponse(protocols=("USP",))
        await socket.prepare(request)
        async for message in socket:
            head, _, body = str(message.data).partition("\r\n\r\n")
            heads = dict(line.split(":", 1) for line in head.split("\r\n"))
            self.asked.append(Asked(heads["Path"], heads, body.encode()))
            if heads["Path"] != "ssml":
                continue
            turn = f"X-RequestId:{heads['X-RequestId']}\r\n"
            of_json = "Content-Type:application/json; charset=utf-8\r\n"
            await socket.send_str(f"{turn}{of_json}Path:turn.start\r\n\r\n{{}}")
            sound = f"{turn}Content-Type:audio/x-wav\r\nPath:audio\r\n".encode()
            await socket.send_bytes(len(sound).to_bytes(2, "big") + sound + tone(8000))
            await socket.send_str(f"{turn}{of_json}Path:turn.end\r\n\r\n{{}}")
        return socket


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    cloud = Cloud()
    runner = web.ServerRunner(web.Server(cloud.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    cloud.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield cloud
    cloud.hangs.set()
    await runner.cleanup()


@pytest.fixture
async def tools() -> AsyncIterator[CloudTools]:
    tools = CloudTools.of(timeout=5.0, budget=VoiceBudget(lambda _owner: None), allow_private=True)
    yield tools
    await tools.finisher.close()
    await tools.client.close()


async def heard(engine: CloudEngine[Any], text: str, voice: str, speed: float = 1.0) -> float:
    """Speak; the seconds of sound."""
    octets = await engine.speak(text, voice=voice, speed=speed, owner="acme")
    return len(octets) / 2 / 8000


@pytest.mark.parametrize(("text", "speed"), [(TEXT, 1.0), (TEXT, 1.25), (SSML, 1.0)])
async def test_google_is_asked_as_its_sdk_asks(
    cloud: Cloud, tools: CloudTools, text: str, speed: float
) -> None:
    engine = GoogleSpeech(Google(key="k", endpoint=cloud.url), tools)
    assert await heard(engine, text, "en-GB-Wavenet-A", speed) == pytest.approx(0.5, abs=0.05)

    def by_sdk() -> None:
        transport = TextToSpeechRestTransport(
            host=cloud.url.removeprefix("http://"),
            url_scheme="http",
            credentials=AnonymousCredentials(),
        )
        marked = text.startswith("<speak")
        said = {"ssml": text} if marked else {"text": text}
        rate = {"speaking_rate": speed} if speed != 1 else {}
        texttospeech.TextToSpeechClient(transport=transport).synthesize_speech(
            input=texttospeech.SynthesisInput(**said),
            voice=texttospeech.VoiceSelectionParams(language_code="en-GB", name="en-GB-Wavenet-A"),
            audio_config=texttospeech.AudioConfig(
                audio_encoding=texttospeech.AudioEncoding.LINEAR16, sample_rate_hertz=8000, **rate
            ),
        )
        transport.close()

    await asyncio.to_thread(by_sdk)
    ours, theirs = cloud.asked
    assert ours.target == theirs.target.partition("?")[0]
    assert ours.json == theirs.json
    assert ours.headers["X-Goog-Api-Key"] == "k"


@pytest.mark.parametrize("speed", [1.0, 1.5])
async def test_openai_is_asked_as_its_sdk_asks(
    cloud: Cloud, tools: CloudTools, speed: float
) -> None:
    engine = OpenAiSpeech(OpenAi(key="k", model="tts-1", endpoint=f"{cloud.url}/v1"), tools)
    assert await heard(engine, TEXT, "alloy", speed) == pytest.approx(0.5, abs=0.05)

    def by_sdk() -> None:
        with OpenAI(api_key="k", base_url=f"{cloud.url}/v1") as client:
            client.audio.speech.create(
                model="tts-1", voice="alloy", input=TEXT, response_format="wav", speed=speed
            )

    await asyncio.to_thread(by_sdk)
    ours, theirs = cloud.asked
    assert (ours.target, ours.json) == (theirs.target, theirs.json)
    assert ours.headers["Authorization"] == theirs.headers["Authorization"]


@pytest.mark.parametrize(("speed", "sent"), [(1.0, None), (1.1, 1.1), (2.0, 1.2), (0.5, 0.7)])
async def test_elevenlabs_is_asked_as_its_sdk_asks(
    cloud: Cloud, tools: CloudTools, speed: float, sent: float | None
) -> None:
    engine = ElevenLabsSpeech(ElevenLabs(key="k", endpoint=cloud.url), tools)
    assert await heard(engine, TEXT, "JBFqnCBsd6RMkjVDRZzb", speed) == pytest.approx(0.5, abs=0.05)

    def by_sdk() -> None:
        settings = {} if sent is None else {"voice_settings": VoiceSettings(speed=sent)}
        with httpx.Client() as client:
            sdk = ElevenLabsSdk(api_key="k", base_url=cloud.url, httpx_client=client)
            sound = sdk.text_to_speech.convert(
                "JBFqnCBsd6RMkjVDRZzb",
                text=TEXT,
                model_id="eleven_flash_v2_5",
                output_format="pcm_8000",
                **settings,
            )
            assert b"".join(sound) == tone(8000)

    await asyncio.to_thread(by_sdk)
    ours, theirs = cloud.asked
    assert (ours.target, ours.json) == (theirs.target, theirs.json)
    assert ours.headers["xi-api-key"] == theirs.headers["xi-api-key"]


@pytest.mark.parametrize(
    ("text", "speed", "said", "kind"),
    [
        (TEXT, 1.0, TEXT, "text"),
        (SSML, 1.0, SSML, "ssml"),
        (
            TEXT,
            1.5,
            '<speak><prosody rate="150%">Tom &amp; Jerry say: 5 &lt; 6.</prosody></speak>',
            "ssml",
        ),
    ],
)
async def test_polly_is_asked_as_its_sdk_asks(
    cloud: Cloud, tools: CloudTools, text: str, speed: float, said: str, kind: str
) -> None:
    settings = Polly(key_id="AKID", secret="hidden", region="eu-west-1", endpoint=cloud.url)
    engine = PollySpeech(settings, tools)
    assert await heard(engine, text, "en-GB-Emma", speed) == pytest.approx(0.5, abs=0.05)

    def by_sdk() -> None:
        client = boto3.client(
            "polly",
            region_name="eu-west-1",
            endpoint_url=cloud.url,
            aws_access_key_id="AKID",
            aws_secret_access_key="hidden",
        )
        client.synthesize_speech(
            OutputFormat="pcm",
            SampleRate="8000",
            Text=said,
            TextType=kind,
            VoiceId="Emma",
            Engine="neural",
        )["AudioStream"].read()
        client.close()

    await asyncio.to_thread(by_sdk)
    ours, theirs = cloud.asked
    assert (ours.target, ours.json) == (theirs.target, theirs.json)


def test_the_signature_is_botocores() -> None:
    now = datetime.now(UTC)
    body = b'{"Text": "x"}'
    ours = signed_headers(
        AwsCredentials("AKID", "hidden", "eu-west-1"),
        "polly",
        AwsRequest("POST", "127.0.0.1:9", "/v1/speech", body),
        now,
    )
    request = AWSRequest(
        "POST",
        "http://127.0.0.1:9/v1/speech",
        data=body,
        headers={
            "Host": "127.0.0.1:9",
            "X-Amz-Content-Sha256": ours["x-amz-content-sha256"],
        },
    )
    request.context["timestamp"] = ours["x-amz-date"]
    signer = SigV4Auth(Credentials("AKID", "hidden"), "polly", "eu-west-1")
    request.headers["X-Amz-Date"] = ours["x-amz-date"]
    text = signer.string_to_sign(request, signer.canonical_request(request))
    assert ours["authorization"].endswith(signer.signature(text, request))


async def test_moto_takes_our_request_to_polly(tools: CloudTools) -> None:
    with moto_server() as url:
        settings = Polly(key_id="AKID", secret="hidden", endpoint=url)
        sound = await PollySpeech(settings, tools).speak(
            "Hello.", voice="en-US-Joanna", speed=1.0, owner="acme"
        )
    assert isinstance(sound, bytes)


async def test_azure_is_asked_as_its_sdk_asks(cloud: Cloud, tools: CloudTools) -> None:
    """Its SDK speaks over a WebSocket, we over HTTP: the key, the format and the document are the same."""

    def by_sdk() -> bytes:
        endpoint = cloud.url.replace("http", "ws") + "/cognitiveservices/websocket/v1"
        config = azure_sdk.SpeechConfig(endpoint=endpoint, subscription="k")
        config.speech_synthesis_voice_name = "en-GB-SoniaNeural"
        config.set_speech_synthesis_output_format(
            azure_sdk.SpeechSynthesisOutputFormat.Raw8Khz16BitMonoPcm
        )
        speaker = azure_sdk.SpeechSynthesizer(speech_config=config, audio_config=None)
        sound: bytes = speaker.speak_text_async(TEXT).get().audio_data
        return sound

    assert await asyncio.to_thread(by_sdk) == tone(8000)
    sdk = {asked.target: asked for asked in cloud.asked}
    opened = next(asked for asked in cloud.asked if "websocket" in asked.target)
    await heard(AzureSpeech(Azure(key="k", endpoint=cloud.url), tools), TEXT, "en-GB-SoniaNeural")
    # What the SDK measured comes some time after its sound, so ours is not always the next.
    (ours,) = [asked for asked in cloud.asked if asked.target.startswith("/cognitiveservices/v1")]
    key = "Ocp-Apim-Subscription-Key"
    assert ours.headers[key] == opened.headers[key] == "k"
    audio = sdk["synthesis.context"].json["synthesis"]["audio"]
    assert ours.headers["X-Microsoft-OutputFormat"] == audio["outputFormat"]
    assert ours.headers["Content-Type"] == sdk["ssml"].headers["Content-Type"]
    assert document(ours.body) == document(sdk["ssml"].body)


def document(ssml: bytes) -> tuple[str, str | None, str | None, str | None]:
    """What counts in a document: its root with the version, the voice, and the words."""
    root = ElementTree.fromstring(ssml)
    (voice,) = root
    assert voice.tag == "{http://www.w3.org/2001/10/synthesis}voice"
    return root.tag, root.get("version"), voice.get("name"), voice.text


async def test_azure_gets_its_ssml_with_voice_and_speed(cloud: Cloud, tools: CloudTools) -> None:
    engine = AzureSpeech(Azure(key="k", endpoint=cloud.url), tools)
    assert await heard(engine, TEXT, "en-GB-SoniaNeural", 1.5) == pytest.approx(0.5, abs=0.05)
    (asked,) = cloud.asked
    assert asked.target == "/cognitiveservices/v1"
    assert asked.headers["Ocp-Apim-Subscription-Key"] == "k"
    assert asked.headers["X-Microsoft-OutputFormat"] == "raw-8khz-16bit-mono-pcm"
    assert asked.headers["Content-Type"] == "application/ssml+xml"
    root = ElementTree.fromstring(asked.body)
    space = {"s": "http://www.w3.org/2001/10/synthesis"}
    voice = root.find("s:voice", space)
    prosody = root.find("s:voice/s:prosody", space)
    assert voice is not None
    assert prosody is not None
    assert (voice.get("name"), prosody.get("rate"), prosody.text) == (
        *("en-GB-SoniaNeural", "1.5"),
        TEXT,
    )


async def test_azure_gets_the_customers_ssml_as_it_is(cloud: Cloud, tools: CloudTools) -> None:
    engine = AzureSpeech(Azure(key="k", endpoint=cloud.url), tools)
    await heard(engine, SSML, "en-GB-SoniaNeural")
    assert b"Hello <break time='300ms'/> there" in cloud.asked[0].body
    with pytest.raises(SynthesisFailed, match="the SSML is broken"):
        await heard(engine, "<speak>broken <b></speak>", "en-GB-SoniaNeural")


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
async def test_a_refusal_is_a_failure_with_the_engines_words(
    cloud: Cloud, tools: CloudTools, status: int
) -> None:
    cloud.status = status
    engine = OpenAiSpeech(OpenAi(endpoint=f"{cloud.url}/v1"), tools)
    with pytest.raises(SynthesisFailed, match=f"openai answered {status}: quota exceeded"):
        await heard(engine, TEXT, "alloy")


async def test_an_engine_that_hangs_costs_its_time_out_and_the_next_one_speaks(
    cloud: Cloud,
) -> None:
    cloud.hangs.clear()
    settings = Voices(
        timeout=0.2, azure=Azure(key="k", endpoint=cloud.url), order=("azure", "espeak-ng")
    )
    client = HttpClient(allow_private=False)
    service = SpeechService.embedded(client, settings=settings, processes=1)
    prompt = await service.say(
        "Hello there.", voice_profile="en-GB-SoniaNeural", language=None, speed=1, owner="acme"
    )
    assert prompt.duration > 0.5
    assert len(cloud.asked) == 1
    await service.close()
    await client.close()


async def test_a_budget_is_kept_per_sub_account_and_day(cloud: Cloud) -> None:
    day = [datetime(2026, 11, 28, 23, tzinfo=UTC)]
    budget = VoiceBudget({"acme": 20, "other": 40, "free": None}.get)
    tools = CloudTools.of(timeout=5.0, budget=budget, allow_private=True)
    engine = OpenAiSpeech(OpenAi(endpoint=f"{cloud.url}/v1"), tools._replace(now=lambda: day[0]))

    async def speak(owner: str) -> None:
        await engine.speak("twelve chars", voice="a", speed=1, owner=owner)

    await speak("acme")
    with pytest.raises(SynthesisFailed, match="budget"):
        await speak("acme")
    for _ in range(3):
        await speak("other")
        await speak("free")
    with pytest.raises(SynthesisFailed, match="budget"):
        await speak("other")
    day[0] = datetime(2026, 11, 29, 0, tzinfo=UTC)
    await speak("acme")
    assert len(cloud.asked) == 8
    await engine.close()


async def test_processes_count_a_budget_together_and_restarts_keep_it(tmp_path: Path) -> None:
    budget = VoiceBudget(lambda _owner: 30, tmp_path / "new" / "spoken.sqlite")
    at = datetime(2026, 11, 28, tzinfo=UTC)
    first, second = Budgets(budget), Budgets(budget)
    await first.spend("acme", 12, at=at)
    await second.spend("acme", 12, at=at)
    for each in (first, second):
        with pytest.raises(SynthesisFailed, match="budget"):
            await each.spend("acme", 12, at=at)
        each.close()
    restarted = Budgets(budget)
    await restarted.spend("acme", 6, at=at)
    with pytest.raises(SynthesisFailed, match="budget"):
        await restarted.spend("acme", 1, at=at)
    restarted.close()


async def test_a_ledger_that_cannot_be_written_costs_no_money(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    budgets = Budgets(VoiceBudget(lambda _owner: 30, tmp_path / "file" / "spoken.sqlite"))
    with pytest.raises(SynthesisFailed, match="budget"):
        await budgets.spend("acme", 12, at=datetime(2026, 11, 28, tzinfo=UTC))


async def test_a_profile_is_spoken_by_the_very_voice_that_it_names(cloud: Cloud) -> None:
    settings = Voices(
        azure=Azure(key="k", endpoint=cloud.url),
        google=Google(key="k", endpoint=cloud.url),
        openai=OpenAi(
            endpoint=f"{cloud.url}/v1", voices=(CloudVoice(name="zulu", languages=("zu",)),)
        ),
    )
    client = HttpClient(allow_private=False)
    service = SpeechService.embedded(client, settings=settings, processes=1)
    for profile in ("en-US-JennyNeural", "en-US-Wavenet-A", "zu-ZA-ThandoNeural", "en-US-Joanna"):
        await service.say("Hi.", voice_profile=profile, language=None, speed=1, owner="acme")
    targets = [asked.target for asked in cloud.asked]
    assert targets == [
        "/cognitiveservices/v1",
        "/v1/text:synthesize",
        *("/cognitiveservices/v1", "/cognitiveservices/v1"),
    ]
    assert b"en-US-JennyNeural" in cloud.asked[0].body
    assert cloud.asked[1].json["voice"]["name"] == "en-US-Wavenet-A"
    await service.say("Hi.", voice_profile=None, language="zu", speed=1, owner="acme")
    with pytest.raises(PromptError):
        await service.say("Hi.", voice_profile=None, language="xx", speed=1, owner="acme")
    await service.close()
    await client.close()


@pytest.mark.parametrize(
    "octets", [b"", b"RIFF", b"\xff\xfb" * 400, wav(8000)[:30], b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0"]
)
async def test_an_answer_that_is_no_sound_is_a_failure(
    tools: CloudTools, octets: bytes, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.integration.test_speech_cloud.wav", lambda _rate: octets)
    engine = OpenAiSpeech(OpenAi(endpoint=f"{cloud.url}/v1"), tools)
    with pytest.raises(SynthesisFailed):
        await heard(engine, TEXT, "alloy")
