"""The encrypted stream against aiortc's own peer connection, and against whoever finds its port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aioice.stun import Class, Message, Method
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

from offhook.aio import end_all
from offhook.negotiated import Codec
from offhook.webphone import secure_stream
from offhook.webphone.browser_description import BrowserOffer, Fingerprint, read_offer, write_answer
from offhook.webphone.secure_stream import MOST_PLACES, MOST_WAITING, SecureStream, StreamFailed

LOCAL = "127.0.0.1"


class Peer:
    """A browser of a kind, and the stream to it."""

    def __init__(self) -> None:
        self.browser = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.packets: asyncio.Queue[bytes] = asyncio.Queue()
        self.stream = SecureStream(LOCAL, self.packets.put_nowait)
        self.answer = ""

    async def offer(self) -> BrowserOffer:
        """The browser's offer; our answer is made."""
        self.browser.addTrack(AudioStreamTrack())
        await self.browser.setLocalDescription(await self.browser.createOffer())
        offer = read_offer(self.browser.localDescription.sdp)
        self.answer = write_answer(offer, Codec.PCMU, await self.stream.gather())
        return offer

    async def take_answer(self) -> None:
        await self.browser.setRemoteDescription(RTCSessionDescription(self.answer, "answer"))

    @property
    def port(self) -> int:
        line = next(one for one in self.answer.splitlines() if one.startswith("a=candidate"))
        assert line.split()[4] == LOCAL
        return int(line.split()[5])


@asynccontextmanager
async def met() -> AsyncIterator[Peer]:
    peer = Peer()
    try:
        yield peer
    finally:
        await peer.browser.close()
        await peer.stream.close()


async def test_packets_pass_decrypted_and_as_they_are() -> None:
    async with met() as peer:
        offer = await peer.offer()
        connecting = asyncio.create_task(peer.stream.connect(offer))
        await peer.take_answer()
        await connecting
        packet = await asyncio.wait_for(peer.packets.get(), 20)
        assert (packet[0], packet[1] & 0x7F, len(packet)) == (0x90, 0, 12 + 8 + 160) or (
            packet[1] & 0x7F in (0, 72, 73)
        )
        heard: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        (receiver,) = peer.browser.getReceivers()

        async def hear() -> None:
            heard.set_result(await receiver.track.recv())

        hearing = asyncio.create_task(hear())
        for sequence in range(40):
            head = bytes([0x80, 0]) + sequence.to_bytes(2) + (160 * sequence).to_bytes(4) + b"ssrc"
            peer.stream.send(head + b"\x55" * 160)
        await asyncio.wait_for(heard, 20)
        await hearing
        await peer.browser.close()
        await asyncio.wait_for(peer.stream.closed.wait(), 10)


async def test_a_browser_that_does_not_come_costs_its_time_and_no_packet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The offer's candidates are a port of ours: nothing is sent there."""
    monkeypatch.setattr(secure_stream, "CONNECT_WITHIN", 0.3)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim:
        victim.bind((LOCAL, 0))
        victim.setblocking(False)
        async with met() as peer:
            await peer.offer()
            text = peer.browser.localDescription.sdp
            named = f"a=candidate:1 1 udp 1 {LOCAL} {victim.getsockname()[1]} typ host\r\na=mid"
            with pytest.raises(StreamFailed, match="does not reach the server"):
                await peer.stream.connect(read_offer(text.replace("a=mid", named)))
            with pytest.raises(BlockingIOError):
                victim.recv(1)


async def test_a_wrong_certificate_is_refused() -> None:
    async with met() as peer:
        offer = await peer.offer()
        wrong = offer._replace(fingerprints=(Fingerprint("sha-256", ":".join(["00"] * 32)),))
        connecting = asyncio.create_task(peer.stream.connect(wrong))
        await peer.take_answer()
        with pytest.raises(StreamFailed, match="encryption"):
            await connecting
        assert peer.packets.empty()


async def test_what_strangers_send_to_the_port_is_bounded_and_the_browser_still_comes() -> None:
    async with met() as peer:
        offer = await peer.offer()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for _ in range(3 * MOST_WAITING):
                stranger.sendto(b"\x16\xfe\xff" + b"z" * 100, (LOCAL, peer.port))
                stranger.sendto(b"\x00\x01\x00\x00\x21\x12\xa4\x42" + b"t" * 12, (LOCAL, peer.port))
        await asyncio.sleep(0)
        connecting = asyncio.create_task(peer.stream.connect(offer))
        await peer.take_answer()
        await connecting
        assert peer.stream._ice._queue.qsize() <= MOST_WAITING


async def test_whoever_has_the_password_makes_us_ask_few_addresses() -> None:
    """Forged sources of checks would otherwise make us send to all of them."""
    async with met() as peer:
        offer = await peer.offer()
        ice = peer.stream._ice
        ice.remote_username, ice.remote_password = offer.name, offer.password
        connecting = asyncio.create_task(ice.connect())
        await asyncio.sleep(0)
        request = Message(Method.BINDING, Class.REQUEST)
        request.attributes["PRIORITY"] = 1
        for port in range(1000, 1000 + 3 * MOST_PLACES):
            ice.check_incoming(request, (LOCAL, port), ice._protocols[0])
        assert len(ice._check_list) == MOST_PLACES
        await end_all(connecting)
