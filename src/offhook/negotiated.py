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

    @property
    def two_way(self) -> bool:
        """Whether both sides send: neither is on hold."""
        return self.send and self.receive
