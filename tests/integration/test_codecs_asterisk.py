"""A far peer: Asterisk hears a known tone over each codec and each SRTP suite, and sends another.

The tone that it hears comes from a leg with G.711, over a bridge, and what it plays goes back to that leg.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest
from tests.integration.media_peer import UnderTest, running_engine
from tests.support.asterisk import PLAIN, SECURE, TONE, asterisk
from tests.support.tone_calls import DEADLINE, called, judge, talked

from offhook.negotiated import Codec, SrtpSuite
from offhook.sip.descriptions import MediaTerms, Security

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        os.geteuid() != 0 or shutil.which("debootstrap") is None,
        reason="Asterisk runs in a Debian of its own: root and debootstrap are needed",
    ),
]
LONGEST_DELAY = 1.5
"""Seconds there and back. It sends packets back as they come; the rest is for a busy machine."""


@pytest.fixture(autouse=True)
def _native(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UnderTest, "kind", "native")


ITS_SUITES = (SrtpSuite.AES_CM_128_HMAC_SHA1_80, SrtpSuite.AES_CM_128_HMAC_SHA1_32)
"""Debian builds it with these two; the others are heard by baresip, or by the tests of SRTP."""
KINDS = [
    *((codec, None) for codec in Codec),
    *((Codec.G722, suite) for suite in ITS_SUITES),
    (Codec.OPUS, ITS_SUITES[0]),
]


async def test_tones_go_both_ways_over_each_codec_and_each_suite(tmp_path: Path) -> None:
    async with running_engine() as engine, asterisk(tmp_path) as peer:
        for codec, suite in KINDS:
            security = Security.OFF if suite is None else Security.REQUIRED
            terms = MediaTerms((codec,), security, () if suite is None else (suite,))
            extension = f"h-{codec}-{suite or 'plain'}"
            caller = PLAIN if suite is None else SECURE
            async with (
                asyncio.timeout(DEADLINE),
                called(engine, peer.port, terms, user=extension, caller=caller) as (leg, media),
            ):
                assert media.codec is codec, extension
                assert suite is None or media.receive_key is not None
                assert media.receive_key is None or media.receive_key.suite is suite
                talk = await talked(leg, engine)
            judge(talk.heard, hertz=TONE)
            judge(*peer.heard(extension))


@pytest.mark.parametrize("codec", Codec)
async def test_what_it_sends_back_comes_without_delay(codec: Codec, tmp_path: Path) -> None:
    terms = MediaTerms((codec,))
    async with (
        running_engine() as engine,
        asterisk(tmp_path) as peer,
        called(engine, peer.port, terms, user="echo", caller=PLAIN) as (leg, _),
    ):
        talk = await talked(leg, engine)
        judge(talk.heard)
        assert 0 < talk.delay < LONGEST_DELAY
