"""The negotiated state of a leg's audio stream (RFC 3264).

SIP makes this state, and the media engine, the guard against silent calls and the call's quality read it.
It is in a module below all of them, so that there is one type for it.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Codec(StrEnum):
    """The codecs we speak, by their RTP encoding names (RFC 3551 §6), in our order of preference."""

    PCMU = "PCMU"
    PCMA = "PCMA"
    G722 = "G722"
    OPUS = "opus"

    @property
    def clock_rate(self) -> int:
        """RTP timestamps a second; 8,000 for G.722 too (RFC 3551 §4.5.2)."""
        return 48_000 if self is Codec.OPUS else 8_000


LAWS = (Codec.PCMU, Codec.PCMA)
"""G.711, which every engine and every peer has."""


class SrtpSuite(StrEnum):
    """The crypto suites of SRTP that we know, by their names in SDP (RFC 4568 §6.2, 6188, 7714)."""

    AEAD_AES_256_GCM = "AEAD_AES_256_GCM"
    AEAD_AES_128_GCM = "AEAD_AES_128_GCM"
    AES_256_CM_HMAC_SHA1_80 = "AES_256_CM_HMAC_SHA1_80"
    AES_CM_128_HMAC_SHA1_80 = "AES_CM_128_HMAC_SHA1_80"
    AES_256_CM_HMAC_SHA1_32 = "AES_256_CM_HMAC_SHA1_32"
    AES_CM_128_HMAC_SHA1_32 = "AES_CM_128_HMAC_SHA1_32"

    @property
    def key_octets(self) -> int:
        """Octets of master key and master salt together."""
        if self in (SrtpSuite.AEAD_AES_128_GCM, SrtpSuite.AEAD_AES_256_GCM):
            return (16 if self is SrtpSuite.AEAD_AES_128_GCM else 32) + 12
        return (32 if "256" in self else 16) + 14


class SrtpKey(msgspec.Struct, frozen=True):
    """What one side encrypts its packets with: no MKI, no key derivation rate, SRTCP encrypted too."""

    suite: SrtpSuite
    key: bytes
    """Master key, then master salt."""

    def __repr__(self) -> str:
        return f"SrtpKey({self.suite}, …)"  # never the key: it would get into logs


STATIC_TYPES = {0: Codec.PCMU, 8: Codec.PCMA}
"""Payload types that mean a codec without an rtpmap (RFC 3551 table 4)."""


class NegotiatedMedia(msgspec.Struct, frozen=True, kw_only=True):
    """The stream as both sides agreed, seen from our side."""

    remote_host: str
    """An IP address literal; ``0.0.0.0`` is an old way to say hold (RFC 3264 §8.4)."""
    remote_port: int
    codec: Codec
    """What we send."""
    payload_type: int
    """Of what we send."""
    receive_types: dict[int, Codec] = msgspec.field(default_factory=lambda: dict(STATIC_TYPES))
    """The payload types of audio that the peer may send."""
    dtmf_payload_type: int | None = None
    """telephone-event (RFC 4733) as we send it; None: the peer did not agree to it."""
    dtmf_receive_payload_type: int | None = None
    """telephone-event as the peer sends it: the type in our own description."""
    send: bool = True
    """Whether we may send; false while the peer holds us by ``sendonly`` or ``inactive``."""
    receive: bool = True
    """Whether the peer may send."""
    remote_rtcp_port: int | None = None
    """None: ``remote_port + 1`` (RFC 3550 §11)."""
    rtcp_mux: bool = False
    dtmf_clock_rate: int = 8_000
    """Of telephone-event, both ways: that of the codec where the peer agreed to it."""
    ptime: int = 20
    """Milliseconds of our own sound in each packet that we send, as the peer wants: in tens from 10 to 60.

    Opus is always sent in packets of 20."""
    send_key: SrtpKey | None = None
    """Of SRTP, as we encrypt; None: plain RTP. Never without :attr:`receive_key`."""
    receive_key: SrtpKey | None = None
    """Of SRTP, as the peer encrypts. A new one in mid-call begins with a rollover counter of 0."""

    @property
    def two_way(self) -> bool:
        """Whether both sides send: neither is on hold."""
        return self.send and self.receive
