"""Calls to far peers that carry a tone: a phone with G.711 talks to them over a bridge."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import NamedTuple

import numpy as np
from tests.integration.media_peer import Events, Peer
from tests.support.wide_codecs import LEVEL, Pcm, strongest, wide_tone

from offhook.media import g711
from offhook.media.engine import MediaEngine, MediaLeg, MediaSources
from offhook.negotiated import Codec, NegotiatedMedia
from offhook.sip import Address, Answered, AnyEvent, Ended
from offhook.sip.descriptions import MediaTerms
from offhook.sip.negotiation import Negotiation
from offhook.telephony.endpoint import udp_endpoint

DEADLINE = 20.0
HERTZ = 1000.0
SECONDS = 2.0
RATE = 8_000


class Talk(NamedTuple):
    """What the phone heard."""

    heard: Pcm
    delay: float
    """Seconds from the first packet of its tone to the first that it heard with a tone."""


@asynccontextmanager
async def called(
    engine: MediaEngine, port: int, terms: MediaTerms, *, user: str = "bob", caller: str = "alice"
) -> AsyncIterator[tuple[MediaLeg, NegotiatedMedia]]:
    """A call to a far peer on loopback: its leg, and what was negotiated."""
    endpoint, events = udp_endpoint("127.0.0.1", 0), Events()
    await endpoint.start()
    leg = engine.open_leg(events)
    negotiation = Negotiation("127.0.0.1", leg.local_port)
    negotiation.terms = terms
    answered: asyncio.Future[NegotiatedMedia] = asyncio.get_running_loop().create_future()
    over = asyncio.Event()

    def on_event(event: AnyEvent) -> None:
        if isinstance(event, Answered):
            answered.set_result(negotiation.accept(event.sdp or b""))
        elif isinstance(event, Ended):
            over.set()

    with endpoint.command() as (agent, now):
        handle = agent.invite(
            now,
            target=Address("udp", "127.0.0.1", port),
            request_uri=f"sip:{user}@127.0.0.1:{port}",
            from_uri=f"sip:{caller}@127.0.0.1",
            to_uri=f"sip:{user}@127.0.0.1",
            sdp=negotiation.offer(),
        )
    endpoint.listen(handle, on_event)
    media = await answered
    # Its description names another address of this machine than the one it sends from.
    leg.connect(media, MediaSources(networks=(ip_network("127.0.0.0/8"),)))
    try:
        yield leg, media
    finally:
        with endpoint.command() as (agent, now):
            agent.bye(handle, now)
        await over.wait()
        leg.close()
        await endpoint.close()


def peak(payload: bytes) -> int:
    """The largest sample of a packet."""
    return int(np.abs(np.frombuffer(g711.decode(Codec.PCMU, payload), dtype="<i2")).max())


async def talked(leg: MediaLeg, engine: MediaEngine) -> Talk:
    """A leg with G.711, bridged to this one, sends a tone for two seconds and listens."""
    peer, loop = Peer(), asyncio.get_running_loop()
    plain = engine.open_leg(Events())
    peer.target = ("127.0.0.1", plain.local_port)
    plain.connect(peer.media())
    plain.relay(leg)
    leg.relay(plain)
    octets = g711.encode(Codec.PCMU, wide_tone(HERTZ, SECONDS, RATE).tobytes())
    silence = b"\xff" * 160
    heard: list[tuple[float, bytes]] = []

    async def listen() -> None:
        while True:
            packet = await peer.packet()
            heard.append((loop.time(), bytes(packet.payload)))

    listening = asyncio.ensure_future(listen())
    begun = loop.time()
    lead = 25
    for number in range(round(SECONDS * 50) + 2 * lead):
        at = (number - lead) * 160
        peer.send(octets[at : at + 160] if 0 <= at < len(octets) else silence)
        await asyncio.sleep(max(0.0, begun + (number + 1) * 0.02 - loop.time()))
    listening.cancel()
    plain.close()
    peer.close()
    loud = [at for at, payload in heard if peak(payload) > LEVEL / 4]
    assert loud, f"no tone in {len(heard)} packets"
    octets = b"".join(payload for _, payload in heard)
    pcm = np.frombuffer(g711.decode(Codec.PCMU, octets), dtype="<i2")
    return Talk(pcm, loud[0] - (begun + lead * 0.02))


def judge(pcm: Pcm, rate: int = RATE, hertz: float = HERTZ) -> None:
    """It is the tone: its frequency within 0.5 %, its level within 1 dB, for more than a second.

    Judged by most tenths of a second: on a busy machine a softphone leaves gaps in its sound.
    """
    loud = np.flatnonzero(np.abs(pcm) > LEVEL / 2)
    assert len(loud), f"no tone in {len(pcm)} samples"
    window = rate // 10
    heard = [
        strongest(pcm[at : at + window], rate)
        for at in range(int(loud[0]) + window, int(loud[-1]) - window, window)
    ]
    assert len(heard) > 10
    assert abs(statistics.median(each.hertz for each in heard) - hertz) <= 0.005 * hertz
    assert 0.89 < statistics.median(each.level for each in heard) / LEVEL < 1.12
    assert statistics.median(each.purity for each in heard) > 0.95
