"""``offhook demo``: one voice message to a built-in phone, over real SIP and RTP, reported while it
runs."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import tempfile
import time
import wave
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

SOURCE, DESTINATION = "+12025550199", "+12025550100"
TEXT = (
    "Hello! This is Offhook, calling you over SIP and RTP. "
    "If you can hear these words, everything works. Goodbye."
)
LANGUAGE = "en-GB"
ROBOT = "espeak-ng"
API_KEY = "demo-key-of-a-server-that-lives-for-seconds"
DEADLINE = 45.0
"""Seconds for the whole demo."""

Say = Callable[[str], None]
Json = Mapping[str, Any]


class DemoFailed(Exception):
    """The demo did not reach its end; the text says where it stopped."""


def run(*, as_json: bool = False, folder: Path | None = None) -> int:
    """Run the demo; returns the exit status. The WAV is kept in ``folder`` (``./offhook-demo``)."""
    say: Say = (lambda _line: None) if as_json else print
    try:
        result = asyncio.run(_demo(folder or Path("offhook-demo"), say))
    except (DemoFailed, TimeoutError, OSError, aiohttp.ClientError) as error:
        print(f"offhook demo: {error or 'took too long'}", file=sys.stderr)
        return 1
    if as_json:
        print(json.dumps(result, indent=2))
    return 0


async def _demo(folder: Path, say: Say) -> Json:
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    known = set(folder.glob("*.wav"))
    with tempfile.TemporaryDirectory(prefix="offhook-demo-") as scratch:
        async with asyncio.timeout(DEADLINE), _receiver() as (summaries, webhook_url):
            config = Path(scratch, "offhook.toml")
            config.write_text(_config(folder, webhook_url))
            say("Starting Offhook ...")
            async with _server(config) as url, aiohttp.ClientSession() as http:
                voice = await _voice(http, url)
                timeline = await _place_call(http, url, say)
                summary = await summaries.get()
                say("\nThe session summary, as the webhook received it:")
                say(json.dumps(summary, indent=2))
                recording = await _new_file(folder, known)
    heard = _duration(recording)
    say(f"\nThe words were spoken by {voice['engine']} with the voice {voice['voice']}.")
    if voice["engine"] == ROBOT:
        say("For a natural voice, free and without an account: make voices, then make demo again.")
    say(f"What the phone heard ({heard:.1f} s): {recording}")
    status = summary["payload"]["sessionStatus"]
    if status != "COMPLETED":
        raise DemoFailed(f"the session ended {status}")
    return {
        "timeline": timeline,
        "summary": summary,
        "recording": str(recording),
        "seconds": heard,
        "voice": {"engine": voice["engine"], "voice": voice["voice"]},
    }


async def _voice(http: aiohttp.ClientSession, url: str) -> Json:
    """The profile of the demo's language that the server lists first."""
    profiles = f"{url}/api/v1/subaccounts/demo/speech-profiles"
    async with http.get(profiles, headers={"Authorization": f"Bearer {API_KEY}"}) as response:
        listed = (await response.json())["speechProfiles"]
    return next(each for each in listed if each["localeCode"] == LANGUAGE)


async def _place_call(http: aiohttp.ClientSession, url: str, say: Say) -> list[Json]:
    """Post the callflow and follow its session to the end; returns the events."""
    base = f"{url}/api/v1/subaccounts/demo"
    headers = {"Authorization": f"Bearer {API_KEY}"}
    callflow = {
        "callflow": [
            {"action": "makeCall", "params": {"source": SOURCE, "destination": DESTINATION}},
            {"action": "say", "params": {"text": TEXT, "language": LANGUAGE}},
            {"action": "hangup"},
        ]
    }
    say(f"POST {base}/callflows")
    started = time.monotonic()
    async with http.post(f"{base}/callflows", json=callflow, headers=headers) as response:
        answer = await response.json()
    if response.status != 200:
        raise DemoFailed(f"the callflow was refused: {answer}")
    say(f"  {answer['statusCode']} {answer['statusMessage']}: session {answer['sessionId']}\n")
    events = []
    stream = f"{base}/sessions/{answer['sessionId']}/events"
    async with http.get(stream, headers=headers) as response:
        async for event in _sse(response):
            say(f"  {time.monotonic() - started:6.2f} s  {_sentence(event)}")
            events.append(event)
    return events


async def _sse(response: aiohttp.ClientResponse) -> AsyncIterator[Json]:
    """The JSON of each server-sent event."""
    async for line in response.content:
        if line.startswith(b"data:"):
            yield json.loads(line[5:])


def _sentence(event: Json) -> str:
    """One fact of the timeline in words."""
    action = str(event.get("action", "")).lower().replace("_", " ")
    match event["event"]:
        case "SESSION_QUEUED":
            return "the callflow is stored and queued"
        case "SESSION_STARTED":
            return "a voice worker takes it"
        case "CALL_INITIATED":
            return f"INVITE {event['destination']} over trunk {event['trunk']}"
        case "CALL_UPDATED":
            return f"the phone rings ({event.get('sipCode')})"
        case "CALL_CONNECTED":
            return "the phone answers (200)"
        case "ACTION_STARTED":
            return f"{action} begins"
        case "ACTION_ENDED":
            return f"{action} ends: {event['result']}"
        case "CALL_DISCONNECTED":
            return f"the call is over: {event['callStatus']}, hung up by the {event.get('by')}"
        case "SESSION_ENDED":
            return f"the session is {event['status']}"
        case other:
            return str(other)


@asynccontextmanager
async def _receiver() -> AsyncIterator[tuple[asyncio.Queue[Json], str]]:
    """A webhook receiver on loopback: the bodies it got, and its URL."""
    received: asyncio.Queue[Json] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        received.put_nowait(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/vss", take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        yield received, f"http://127.0.0.1:{port}/vss"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _server(config: Path) -> AsyncIterator[str]:
    """``offhook serve`` in a process of its own, started in the usual way; yields its URL."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "offhook", "serve", "--config", str(config), "--json"),
        cwd=config.parent,
        env={"OFFHOOK_LOG_LEVEL": "warning", **os.environ},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = await process.stdout.readline()
        if not line:
            raise DemoFailed("the server did not start (its own words are above)")
        yield json.loads(line)["url"]
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _new_file(folder: Path, known: set[Path]) -> Path:
    """Wait for the new recording, which the phone writes when the call is over."""
    while True:
        new = set(folder.glob("*.wav")) - known
        if new:
            return new.pop()
        await asyncio.sleep(0.05)


def _duration(path: Path) -> float:
    with wave.open(str(path), "rb") as file:
        return file.getnframes() / file.getframerate()


def _config(recordings: Path, webhook_url: str) -> str:
    """Embedded defaults on free ports, with a webhook and a phone that records what it hears."""
    return f"""
[http]
listen = "127.0.0.1:{_free_port(socket.SOCK_STREAM)}"
[sip]
listen = ["udp:127.0.0.1:{_free_port(socket.SOCK_DGRAM)}"]
[database]
url = "sqlite:///offhook.db"
[webhooks]
allow_private = true
[testbed]
recordings = {json.dumps(str(recordings))}
[[testbed.phones]]
number = "{DESTINATION}"
[[subaccounts]]
id = "demo"
account = "demo"
api_keys = ["{API_KEY}"]
caller_ids = ["{SOURCE}"]
[[subaccounts.webhooks]]
type = "VSS"
url = "{webhook_url}"
"""


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
