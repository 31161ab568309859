"""A browser without a screen: the console's phone by HTTP and aiortc, for tests that need no Chromium."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack
from av import AudioFrame

TOKEN = re.compile(r'name="form-token" content="([0-9a-f]{64})"')
DEADLINE = 20.0
HERTZ = 1000.0


@dataclass
class WebPeer:
    """One signed-in browser's phone."""

    client: aiohttp.ClientSession
    url: str
    token: str
    user: str = "alice"
    name: str = field(default_factory=lambda: secrets.token_hex(16))
    news: list[dict[str, Any]] = field(default_factory=list)
    loudest: float = 0.0
    """Of what it heard, 0 to 1."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    _talk: RTCPeerConnection | None = None

    async def until(self, state: str, count: int = 1) -> dict[str, Any]:
        """Wait for news of a state; ``count``: for so many that differ from the ones before."""
        async with asyncio.timeout(DEADLINE):
            while True:
                found = [one for one in self.news if one["state"] == state]
                if len(found) >= count:
                    return found[-1]
                self.changed.clear()
                await self.changed.wait()

    async def heard(self, loud: float = 0.02) -> None:
        """Wait until something loud was heard."""
        async with asyncio.timeout(DEADLINE):
            while self.loudest < loud:
                await asyncio.sleep(0.02)

    async def order(self, wish: str, user: str | None = None, **fields: str) -> int:
        """Give an order; the status of the answer."""
        address = f"{self.url}/console/phone/order/{user or self.user}/{self.name}/{wish}"
        headers = {"x-form-token": self.token}
        async with self.client.post(address, json=fields, headers=headers) as answer:
            return answer.status

    async def speak(self, wish: str, **fields: str) -> None:
        """Answer or call, with a stream of its own."""
        talk = self._talk = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        talk.addTrack(AudioStreamTrack())
        talk.on("track", lambda track: asyncio.ensure_future(self._hear(track)))
        await talk.setLocalDescription(await talk.createOffer())
        assert await self.order(wish, sdp=talk.localDescription.sdp, **fields) == 204
        answered = await self._sdp()
        await talk.setRemoteDescription(RTCSessionDescription(answered, "answer"))

    async def _sdp(self) -> str:
        async with asyncio.timeout(DEADLINE):
            while not (found := [one["sdp"] for one in self.news if one.get("sdp")]):
                self.changed.clear()
                await self.changed.wait()
        self.news[:] = [one for one in self.news if not one.get("sdp")]
        return str(found[-1])

    async def _hear(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(Exception):  # the end of the track
            while True:
                frame = await track.recv()
                assert isinstance(frame, AudioFrame)
                peak = np.abs(frame.to_ndarray().astype(np.int32)).max() / 32768
                self.loudest = max(self.loudest, float(peak))

    async def read(self) -> None:
        """Read the news until cancelled."""
        address = f"{self.url}/console/phone/line/{self.user}/{self.name}"
        async with self.client.get(address) as answer:
            assert answer.status == 200, await answer.text()
            async for line in answer.content:
                if line.startswith(b"data: "):
                    self.news.append(json.loads(line[6:]))
                    self.changed.set()

    async def hush(self) -> None:
        """Close the stream."""
        if self._talk is not None:
            await self._talk.close()


@asynccontextmanager
async def signed_in(url: str, key: str, user: str = "alice") -> AsyncIterator[WebPeer]:
    """A browser that has signed in and shows the phone's page; its phone is off."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar, headers={"accept": "text/html"}) as client:
        async with client.post(f"{url}/console/sign-in", data={"key": key}) as answer:
            assert answer.status == 200
        async with client.get(f"{url}/console/phone") as answer:
            found = TOKEN.search(await answer.text())
            assert found is not None
        yield WebPeer(client, url, found[1], user)


@asynccontextmanager
async def web_phone(url: str, key: str, user: str = "alice") -> AsyncIterator[WebPeer]:
    """A phone that is on and registered."""
    async with signed_in(url, key, user) as peer:
        reading = asyncio.create_task(peer.read())
        try:
            await peer.until("ready")
            yield peer
        finally:
            await peer.hush()
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading
