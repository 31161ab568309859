"""A far peer: baresip hears a known tone over each codec and each SRTP suite, and sends it back.

baresip plays what it hears into its own microphone, so one tone shows both ways: our encoder and its decoder,
its encoder and ours. The tone goes in and out over a leg with G.711 that is bridged to the one with baresip.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

import numpy as np
import pytest
from tests.integration.media_peer import Events, Peer, UnderTest, running_engine
from tests.integration.test_sip_baresip import MODULES
from tests.support.net import free_port
from tests.support.wide_codecs import LEVEL, Pcm, strongest, wide_tone

from offhook.media import g711
from offhook.media.engine import MediaEngine, MediaLeg, MediaSources
from offhook.negotiated import Codec, NegotiatedMedia, SrtpSuite
from offhook.sip import Answered, AnyEvent, Ended
from offhook.sip.descriptions import MediaTerms, Security
from offhook.sip.negotiation import Negotiation
from offhook.telephony.endpoint import UdpEndpoint

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(shutil.which("baresip") is None, reason="baresip is not installed"),
]
CONFIG = """\
sip_listen 127.0.0.1:{port}
audio_source aubridge,x
audio_player aubridge,x
audio_alert aubridge,y
audio_buffer 20-160
jitter_buffer_delay 1-5
module_path {modules}
module g711.so
module g722.so
module opus.so
module aubridge.so
module srtp.so
module_app account.so
module_app menu.so
rtp_ports {rtp}-{rtp_end}
"""
NAMES = {
    Codec.PCMU: "PCMU/8000/1",
    Codec.PCMA: "PCMA/8000/1",
    Codec.G722: "G722/16000/1",
    Codec.OPUS: "opus/48000/2",
}
ITS_SUITES = (
    SrtpSuite.AES_CM_128_HMAC_SHA1_80,
    SrtpSuite.AES_CM_128_HMAC_SHA1_32,
    SrtpSuite.AEAD_AES_128_GCM,
    SrtpSuite.AEAD_AES_256_GCM,
)
DEADLINE = 20.0
HERTZ = 1000.0
SECONDS = 2.0
RATE = 8_000


@pytest.fixture(autouse=True)
def _native(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UnderTest, "kind", "native")


@asynccontextmanager
async def baresip(folder: Path, codec: Codec, security: str) -> AsyncIterator[int]:
    """A softphone that answers and sends back what it hears; yields its port."""
    port, rtp = free_port(), free_port(beside=20)
    config = CONFIG.format(port=port, modules=MODULES, rtp=rtp, rtp_end=rtp + 20)
    (folder / "config").write_text(config)
    account = f"<sip:bob@127.0.0.1>;regint=0;answermode=auto;audio_codecs={NAMES[codec]}{security}"
    (folder / "accounts").write_text(account + "\n")
    (folder / "contacts").write_text("")
    process = await asyncio.create_subprocess_exec(
        *("baresip", "-4", "-f", str(folder), "-t", str(int(DEADLINE))),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(DEADLINE):
            while f"0100007F:{port:04X}" not in Path("/proc/net/udp").read_text():
                assert process.returncode is None
                await asyncio.sleep(0.02)
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def called(
    engine: MediaEngine, port: int, terms: MediaTerms
) -> AsyncIterator[tuple[MediaLeg, NegotiatedMedia]]:
    """A call to the softphone: its leg, and what was negotiated."""
    endpoint, events = UdpEndpoint("127.0.0.1", 0), Events()
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

    handle = endpoint.invite(
        host="127.0.0.1",
        port=port,
        request_uri=f"sip:bob@127.0.0.1:{port}",
        from_uri="sip:alice@127.0.0.1",
        to_uri="sip:bob@127.0.0.1",
        sdp=negotiation.offer(),
    )
    endpoint.listen(handle, on_event)
    media = await answered
    # Its description names another address of this machine than the one it sends from.
    leg.connect(media, MediaSources(networks=(ip_network("127.0.0.0/8"),)))
    try:
        yield leg, media
    finally:
        endpoint.bye(handle)
        await over.wait()
        leg.close()
        await endpoint.close()


def peak(payload: bytes) -> int:
    """The largest sample of a packet."""
    return int(np.abs(np.frombuffer(g711.decode(Codec.PCMU, payload), dtype="<i2")).max())


async def there_and_back(leg: MediaLeg, engine: MediaEngine) -> tuple[Pcm, float]:
    """What a G.711 leg, bridged to this one, hears of a tone that it sends for two seconds.

    With the seconds from its first packet to the first that has the tone.
    """
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
    pcm = np.frombuffer(
        g711.decode(Codec.PCMU, b"".join(payload for _, payload in heard)), dtype="<i2"
    )
    return pcm, loud[0] - (begun + lead * 0.02)


def judge(pcm: Pcm, delay: float) -> None:
    """The tone came back: its frequency within 0.5 %, its level within 1 dB, within half a second.

    Judged by most tenths of a second: on a busy machine the softphone leaves gaps in its sound.
    """
    loud = np.flatnonzero(np.abs(pcm) > LEVEL / 2)
    window = RATE // 10
    heard = [
        strongest(pcm[at : at + window], RATE)
        for at in range(int(loud[0]) + window, int(loud[-1]) - window, window)
    ]
    assert len(heard) > 10
    assert abs(statistics.median(each.hertz for each in heard) - HERTZ) < 5
    assert 0.89 < statistics.median(each.level for each in heard) / LEVEL < 1.12
    assert statistics.median(each.purity for each in heard) > 0.95
    assert 0 < delay < 0.5


@pytest.mark.parametrize("codec", Codec)
async def test_a_tone_goes_there_and_back_over_each_codec(codec: Codec, tmp_path: Path) -> None:
    terms = MediaTerms((codec,))
    async with (
        running_engine() as engine,
        baresip(tmp_path, codec, "") as port,
        asyncio.timeout(DEADLINE),
        called(engine, port, terms) as (leg, media),
    ):
        assert (media.codec, media.send_key) == (codec, None)
        judge(*await there_and_back(leg, engine))


@pytest.mark.parametrize("suite", ITS_SUITES)
async def test_a_tone_goes_there_and_back_over_each_srtp_suite(
    suite: SrtpSuite, tmp_path: Path
) -> None:
    codec = Codec.OPUS if suite is SrtpSuite.AEAD_AES_256_GCM else Codec.PCMA
    terms = MediaTerms((codec,), Security.REQUIRED, (suite,))
    async with (
        running_engine() as engine,
        baresip(tmp_path, codec, ";mediaenc=srtp-mand") as port,
        asyncio.timeout(DEADLINE),
        called(engine, port, terms) as (leg, media),
    ):
        assert media.receive_key is not None
        assert media.receive_key.suite is suite
        judge(*await there_and_back(leg, engine))
