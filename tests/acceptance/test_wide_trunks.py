"""The whole server calls a real softphone over a trunk with wideband codecs, with SRTP and without."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.integration.test_codecs_baresip import baresip
from tests.support.receiver import Receiver
from tests.support.server import Server, configuration, voice_message

from offhook.negotiated import Codec

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(shutil.which("baresip") is None, reason="baresip is not installed"),
]
NUMBER = "+12025550100"
TEXT = "She sells six sea shells. " * 3
"""With much above 4,000 Hz."""
RECORDS = "module sndfile.so\nsnd_path {folder}\n"
SPOKEN_FOR = 40.0


def above(path: Path, hertz: float) -> float:
    """The part of the power above a frequency."""
    pcm, rate = soundfile.read(path)
    power = np.abs(np.fft.rfft(pcm if pcm.ndim == 1 else pcm[:, 0])) ** 2
    return float(np.sum(power[round(hertz * len(pcm) / rate) :])) / float(np.sum(power[1:]))


@pytest.mark.parametrize(
    ("codec", "srtp", "wide"),
    [
        (Codec.OPUS, "required", True),
        (Codec.G722, "off", True),
        (Codec.PCMU, "required", False),
    ],
)
async def test_the_callee_hears_all_that_was_spoken(
    codec: Codec, srtp: str, wide: bool, tmp_path: Path
) -> None:
    phone, server_folder = tmp_path / "phone", tmp_path / "server"
    phone.mkdir()
    security = ";mediaenc=srtp-mand" if srtp == "required" else ""
    more = RECORDS.format(folder=phone)
    async with baresip(phone, codec, security, user=NUMBER, more=more) as port, Receiver() as vss:
        config = configuration({"+1": f"udp:127.0.0.1:{port}"}, webhooks={"VSS": vss.url("/vss")})
        config["trunks"][0] |= {
            "codecs": [codec.value],
            "srtp": srtp,
            # Its description names another address of this machine than the one it sends from.
            "media_from": ["127.0.0.0/8"],
        }
        async with Server(server_folder, config) as server:
            await server.place(voice_message(NUMBER, TEXT))
            await vss.wait_for(lambda: bool(vss.at("/vss")), SPOKEN_FOR)
            assert vss.at("/vss")[0].payload["sessionStatus"] == "COMPLETED"
    (heard,) = phone.glob("*-dec.wav")
    assert soundfile.info(heard).duration > 3
    assert (above(heard, 4_600) > 0.005) is wide
