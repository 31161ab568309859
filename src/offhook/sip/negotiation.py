"""The offer/answer state of one call (RFC 3264): one place that says what its media is.

Offers and answers change it and nothing else does. Each method takes or makes one description. One that
cannot be used raises :class:`~offhook.sip.descriptions.SdpError` and changes nothing (RFC 3264 §8: a refused
offer leaves the session as it was).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from offhook.negotiated import Codec, NegotiatedMedia, SrtpKey
from offhook.sip.crypto_lines import new_key
from offhook.sip.descriptions import PLAIN_TERMS, Security
from offhook.sip.payload_formats import EVENT_TYPES, PAYLOAD_TYPES
from offhook.sip.sdp import NO_KEYS, answer, make_offer, parse_answer


class Negotiation:
    """What both sides have described so far, and :attr:`media`, what that settles."""

    def __init__(self, host: str, port: int) -> None:
        """``host`` (an address literal) and ``port``: where our media is."""
        self._host = host
        self._port = port
        self._session_id = secrets.randbits(31)
        self._version = 0
        self._described: bytes | None = None
        """Our last description, with version 0."""
        self._payload_types: dict[Codec, int] = dict(PAYLOAD_TYPES)
        """The same number for a codec in the whole call (RFC 3264 §8.3.2), as for telephone-event."""
        self._event_type = EVENT_TYPES[8_000]
        self._offered_keys: Mapping[int, SrtpKey] = NO_KEYS
        """Of our last offer, by their tags."""
        self.terms = PLAIN_TERMS
        """What the peer may get."""
        self.media: NegotiatedMedia | None = None
        """What is settled; None before the first answer."""

    def offer(self) -> bytes:
        """Our offer of everything that :attr:`terms` allow; what is in use stays first.

        A new peer gets new keys: an offer is given to the trunks one after the other.
        """
        self._offered_keys = self._keys()
        return self._newest(
            make_offer(
                host=self._host,
                port=self._port,
                codecs=self._codecs(),
                dtmf_payload_type=self._event_type,
                session_id=self._session_id,
                version=0,
                payload_types=self._payload_types,
                keys=self._offered_keys,
            )
        )

    def accept(self, body: bytes) -> NegotiatedMedia:
        """The peer's answer to :meth:`offer`."""
        self.media = parse_answer(
            body,
            codecs=self._codecs(),
            dtmf_payload_type=self._event_type,
            host=self._host,
            payload_types=self._payload_types,
            keys=self._offered_keys,
        )
        return self.media

    def answer(self, offer: bytes) -> bytes:
        """Our answer to the peer's offer. A codec and a key in use that fit it stay in use."""
        before = self.media
        media, body = answer(
            offer,
            host=self._host,
            port=self._port,
            terms=self.terms,
            preferred=() if before is None else (before.codec,),
            in_use=None if before is None else before.send_key,
            session_id=self._session_id,
            version=0,
        )
        self.media = media
        for number, codec in media.receive_types.items():
            if codec in (Codec.G722, Codec.OPUS):
                self._payload_types[codec] = number
        if media.dtmf_receive_payload_type is not None and media.dtmf_clock_rate == 8_000:
            self._event_type = media.dtmf_receive_payload_type
        return self._newest(body)

    def _codecs(self) -> tuple[Codec, ...]:
        codecs = self.terms.codecs
        if self.media is None:
            return codecs
        in_use = self.media.codec
        return (in_use, *(codec for codec in codecs if codec is not in_use))

    def _keys(self) -> dict[int, SrtpKey]:
        """Those to offer: the one in use, else a new one of each suite."""
        if self.media is not None:
            return {} if self.media.send_key is None else {1: self.media.send_key}
        if self.terms.security is not Security.REQUIRED:
            return {}
        return {tag: new_key(suite) for tag, suite in enumerate(self.terms.suites, start=1)}

    def _newest(self, body: bytes) -> bytes:
        """With its version: one more when it differs from our last description (RFC 8866 §5.2)."""
        if body != self._described:
            self._described = body
            self._version += 1
        old = f"o=offhook {self._session_id} 0 ".encode()
        return body.replace(old, f"o=offhook {self._session_id} {self._version} ".encode(), 1)
