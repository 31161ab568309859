"""What a trunk's configuration and the media engine let be negotiated."""

from __future__ import annotations

import msgspec
import pytest

from offhook import config
from offhook.media.engine import MediaCapabilities
from offhook.media.python.python_engine import PythonEngine
from offhook.negotiated import LAWS, Codec, SrtpSuite
from offhook.sip.descriptions import Security
from offhook.telephony.trunks import trunk_of

PLAIN = MediaCapabilities()
WIDE = MediaCapabilities(codecs=(*LAWS, Codec.OPUS), suites=tuple(SrtpSuite))
SECTION = config.TrunkSection(name="carrier", address="udp:192.0.2.1:5060")


def test_usually_it_is_g711_without_encryption_whatever_the_engine_has() -> None:
    terms = trunk_of(SECTION).terms(WIDE)
    assert (terms.codecs, terms.security) == (LAWS, Security.OFF)
    assert trunk_of(SECTION).beyond(PLAIN) is None


def test_only_codecs_that_the_engine_has_are_used_in_the_trunk_s_order() -> None:
    trunk = trunk_of(msgspec.structs.replace(SECTION, codecs=("G722", "opus", "PCMA")))
    assert trunk.terms(WIDE).codecs == (Codec.OPUS, Codec.PCMA)
    assert trunk.terms(PLAIN).codecs == (Codec.PCMA,)
    assert trunk.beyond(PLAIN) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"srtp": "required"}, 'srtp = "required", but the media engine has no SRTP'),
        ({"codecs": ("opus", "G722")}, "none of the codecs opus, G722"),
    ],
)
def test_what_the_engine_has_not_is_said_to_the_operator(
    changes: dict[str, object], words: str
) -> None:
    trunk = trunk_of(msgspec.structs.replace(SECTION, **changes))
    assert words in (trunk.beyond(PLAIN) or "")
    assert trunk.beyond(WIDE) is None


def test_the_python_engine_has_g711_only() -> None:
    engine = PythonEngine(host="127.0.0.1", ports=(40_000, 40_001))
    assert engine.capabilities == PLAIN
    engine.close()
