"""A far peer: baresip hears a known tone over each codec and each SRTP suite, and sends it back.

baresip plays what it hears into its own microphone, so one tone shows both ways: our encoder and its decoder,
its encoder and ours. The tone goes in and out over a leg with G.711 that is bridged to the one with baresip.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.integration.media_peer import UnderTest, running_engine
from tests.integration.test_sip_baresip import MODULES
from tests.support.net import free_port
from tests.support.tone_calls import DEADLINE, called, judge, talked

from offhook.negotiated import Codec, SrtpSuite
from offhook.sip.descriptions import MediaTerms, Security

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

LIVES = 120
"""Seconds until it ends by itself, if the test does not end it."""
LONGEST_DELAY = 1.5
"""Seconds there and back, with the softphone's buffers in between, on a busy machine too."""


@pytest.fixture(autouse=True)
def _native(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UnderTest, "kind", "native")


@asynccontextmanager
async def baresip(
    folder: Path, codec: Codec, security: str, *, user: str = "bob", more: str = ""
) -> AsyncIterator[int]:
    """A softphone that answers and sends back what it hears; yields its port.

    ``more``: lines of its configuration.
    """
    port, rtp = free_port(), free_port(beside=20)
    config = CONFIG.format(port=port, modules=MODULES, rtp=rtp, rtp_end=rtp + 20)
    (folder / "config").write_text(config + more)
    account = (
        f"<sip:{user}@127.0.0.1>;regint=0;answermode=auto;audio_codecs={NAMES[codec]}{security}"
    )
    (folder / "accounts").write_text(account + "\n")
    (folder / "contacts").write_text("")
    process = await asyncio.create_subprocess_exec(
        *("baresip", "-4", "-f", str(folder), "-t", str(LIVES)),
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
        talk = await talked(leg, engine)
        judge(talk.heard)
        assert 0 < talk.delay < LONGEST_DELAY


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
        talk = await talked(leg, engine)
        judge(talk.heard)
        assert 0 < talk.delay < LONGEST_DELAY
