"""The offer/answer state of one call (RFC 3264): one place that says what its media is.

Offers and answers change it and nothing else does. Each method takes or makes one description. One that
cannot be used raises :class:`~offhook.sip.sdp.SdpError` and changes nothing (RFC 3264 §8: a refused offer
leaves the session as it was).
"""

from __future__ import annotations

from offhook.negotiated import Codec, NegotiatedMedia
from offhook.random_bits import random_bits
from offhook.sip.sdp import CODECS, DTMF_PAYLOAD_TYPE, answer, make_offer, parse_answer


class Negotiation:
    """What both sides have described so far, and :attr:`media`, what that settles."""

    def __init__(self, host: str, port: int) -> None:
        """``host`` (an address literal) and ``port``: where our media is."""
        self._host = host
        self._port = port
        self._session_id = random_bits(31)
        self._version = 0
        self._described: bytes | None = None
        """Our last description, with version 0."""
        self.media: NegotiatedMedia | None = None
        """What is settled; None before the first answer."""

    def offer(self) -> bytes:
        """Our offer of everything we speak; the codec and telephone-event type in use stay first."""
        return self._newest(
            make_offer(
                host=self._host,
                port=self._port,
                codecs=self._codecs(),
                dtmf_payload_type=self._dtmf(),
                session_id=self._session_id,
                version=0,
            )
        )

    def accept(self, body: bytes) -> NegotiatedMedia:
        """The peer's answer to :meth:`offer`."""
        self.media = parse_answer(body, dtmf_payload_type=self._dtmf(), host=self._host)
        return self.media

    def answer(self, offer: bytes) -> bytes:
        """Our answer to the peer's offer. A codec in use that it still lists stays in use."""
        preferred = () if self.media is None else (self.media.codec,)
        media, body = answer(
            offer,
            host=self._host,
            port=self._port,
            preferred=preferred,
            session_id=self._session_id,
            version=0,
        )
        self.media = media
        return self._newest(body)

    def _codecs(self) -> tuple[Codec, ...]:
        if self.media is None:
            return CODECS
        in_use = self.media.codec
        return (in_use, *(codec for codec in CODECS if codec is not in_use))

    def _dtmf(self) -> int:
        """The type of telephone-event in our descriptions: one number for the whole call (§8.3.2)."""
        used = None if self.media is None else self.media.dtmf_receive_payload_type
        return DTMF_PAYLOAD_TYPE if used is None else used

    def _newest(self, body: bytes) -> bytes:
        """With its version: one more when it differs from our last description (RFC 8866 §5.2)."""
        if body != self._described:
            self._described = body
            self._version += 1
        old = f"o=offhook {self._session_id} 0 ".encode()
        return body.replace(old, f"o=offhook {self._session_id} {self._version} ".encode(), 1)
