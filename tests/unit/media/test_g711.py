"""G.711 against its definition: decision values, symmetry, nearest levels."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile

from offhook.media import g711
from offhook.negotiated import LAWS, Codec

CODECS = LAWS
ALL = bytes(range(256))


def levels(codec: Codec) -> list[int]:
    return list(struct.unpack("<256h", g711.decode(codec, ALL)))


@pytest.mark.parametrize(
    ("codec", "octet", "sample"),
    [
        # ITU-T G.711 table 2a/2b, scaled from 14 to 16 bits.
        (Codec.PCMU, 0xFF, 0),
        (Codec.PCMU, 0x7F, 0),
        (Codec.PCMU, 0x80, 32124),
        (Codec.PCMU, 0x00, -32124),
        (Codec.PCMU, 0xFE, 8),
        (Codec.PCMU, 0xEF, 132),
        # ITU-T G.711 table 1a/1b, scaled from 13 to 16 bits.
        (Codec.PCMA, 0xD5, 8),
        (Codec.PCMA, 0x55, -8),
        (Codec.PCMA, 0xAA, 32256),
        (Codec.PCMA, 0x2A, -32256),
        (Codec.PCMA, 0xD4, 24),
    ],
)
def test_levels_are_those_of_the_tables(codec: Codec, octet: int, sample: int) -> None:
    assert g711.decode(codec, bytes([octet])) == struct.pack("<h", sample)


@pytest.mark.parametrize("codec", CODECS)
def test_all_levels_agree_with_another_implementation(codec: Codec) -> None:
    subtype = {Codec.PCMU: "ULAW", Codec.PCMA: "ALAW"}[codec]
    samples, _ = soundfile.read(
        io.BytesIO(ALL), dtype="int16", samplerate=8000, channels=1, format="RAW", subtype=subtype
    )
    assert levels(codec) == samples.tolist()


@pytest.mark.parametrize("codec", CODECS)
def test_every_sample_becomes_the_nearest_level(codec: Codec) -> None:
    samples = np.arange(-32768, 32768, dtype=np.int32)
    octets = g711.encode(codec, samples.astype("<i2").tobytes())
    chosen = np.array(levels(codec))[np.frombuffer(octets, np.uint8)]
    ascending = np.unique(levels(codec))
    above = np.clip(np.searchsorted(ascending, samples), 1, len(ascending) - 1)
    nearest = np.minimum(np.abs(ascending[above] - samples), np.abs(ascending[above - 1] - samples))
    assert np.array_equal(np.abs(chosen - samples), nearest)


@pytest.mark.parametrize("codec", CODECS)
def test_a_decoded_octet_encodes_to_itself(codec: Codec) -> None:
    again = g711.encode(codec, g711.decode(codec, ALL))
    # Negative zero of µ-law is the one value with two octets.
    differing = [a for a, b in zip(ALL, again, strict=True) if a != b]
    assert differing == ([0x7F] if codec is Codec.PCMU else [])


@pytest.mark.parametrize("codec", CODECS)
def test_silence_is_silent(codec: Codec) -> None:
    assert g711.encode(codec, b"\0\0") == bytes([g711.SILENCE[codec]])


@pytest.mark.parametrize(("source", "target"), [CODECS, CODECS[::-1]])
def test_transcoding_is_decoding_and_encoding(source: Codec, target: Codec) -> None:
    table = g711.transcoder(source, target)
    assert table is not None
    assert ALL.translate(table) == g711.encode(target, g711.decode(source, ALL))


def test_equal_laws_need_no_transcoding() -> None:
    assert g711.transcoder(Codec.PCMA, Codec.PCMA) is None


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError):
        g711.encode(Codec.PCMU, b"\0")
