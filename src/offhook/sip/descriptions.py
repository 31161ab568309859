"""Session descriptions taken apart: their streams, addresses and directions (RFC 8866).

Tolerant of order, line ends and unknown lines; bounded.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from offhook.negotiated import LAWS, Codec, SrtpSuite
from offhook.sip.crypto_lines import CryptoLine, crypto_lines
from offhook.sip.hosts import ip_of

MAX_MEDIA = 32
MAX_SDP = 16_384
"""Octets of a description that is read."""
_MILLISECONDS = re.compile(r"[0-9]{1,5}", re.ASCII)
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\.?", re.ASCII)


class MediaDirection(StrEnum):
    """Who sends, from the describer's side (RFC 8866 §6.7)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def mirrored(self) -> MediaDirection:
        """The same from the other side (RFC 3264 §6.1)."""
        mirror = {
            MediaDirection.SENDONLY: MediaDirection.RECVONLY,
            MediaDirection.RECVONLY: MediaDirection.SENDONLY,
        }
        return mirror.get(self, self)


_DIRECTIONS = frozenset(MediaDirection)
_PLAIN = ("RTP/AVP", "RTP/AVPF")
_SECURE = ("RTP/SAVP", "RTP/SAVPF")


class Security(StrEnum):
    """Whether a stream is encrypted (SRTP)."""

    OFF = "off"
    ACCEPTED = "accepted"
    """As the peer offers it; our own offers are plain."""
    REQUIRED = "required"


class MediaTerms(NamedTuple):
    """What we may agree to with one peer."""

    codecs: tuple[Codec, ...] = LAWS
    """In our order of preference."""
    security: Security = Security.OFF
    suites: tuple[SrtpSuite, ...] = ()
    """Of SRTP, in our order of preference."""


PLAIN_TERMS = MediaTerms()
"""G.711 without encryption."""


class SdpError(ValueError):
    """No usable audio stream in a description: 488, or hang up. The message says why."""


class StreamDescription:
    """One ``m=`` section."""

    __slots__ = ("attributes", "formats", "host", "kind", "line", "port", "profile")

    def __init__(self, value: str, host: str | None) -> None:
        words = value.split()
        if len(words) < 3:
            raise SdpError(f"malformed m= line: {value[:80]!r}")
        self.line = words
        self.kind = words[0].lower()
        self.port = port_of(words[1].partition("/")[0])
        self.profile = words[2].upper()
        self.formats = words[3:]
        self.host = host
        self.attributes: list[str] = []

    def keys(self, terms: MediaTerms) -> list[CryptoLine]:
        """Its keys of SRTP that ``terms`` allow, in order; none for a plain stream."""
        if self.profile not in _SECURE:
            return []
        return list(crypto_lines(self.attributes, terms.suites))

    def attribute(self, name: str) -> str | None:
        """The first value of an attribute; empty for a flag, None when absent."""
        for attribute in self.attributes:
            key, _, value = attribute.partition(":")
            if key.strip().lower() == name:
                return value.strip()
        return None

    def packet_time(self) -> int:
        """Milliseconds of sound that it wants in a packet, in tens from 10 to 60 (RFC 8866 §6.4, §6.5).

        ``ptime``, or 20, and never more than ``maxptime``.
        """
        wanted = self._milliseconds("ptime", 20)
        wanted = min(wanted, self._milliseconds("maxptime", wanted))
        return max(10, min(60, wanted // 10 * 10))

    def _milliseconds(self, name: str, absent: int) -> int:
        """A positive value of an attribute; a fraction is cut off."""
        found = _MILLISECONDS.match(self.attribute(name) or "")
        return absent if found is None else int(found[0]) or absent


class SessionDescription:
    """A parsed description."""

    __slots__ = ("direction", "media")

    def __init__(self, body: bytes) -> None:
        self.media: list[StreamDescription] = []
        self.direction = MediaDirection.SENDRECV
        host: str | None = None
        if len(body) > MAX_SDP:
            raise SdpError("too long")
        text = body.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
        if not text.lstrip("\n").startswith("v="):
            raise SdpError("not a session description")
        for line in text.split("\n"):
            kind, value = line[:2], line[2:].strip()
            current = self.media[-1] if self.media else None
            if kind == "m=":
                if len(self.media) >= MAX_MEDIA:
                    raise SdpError("too many streams")
                self.media.append(StreamDescription(value, host))
            elif kind == "c=":
                if current is None:
                    host = _connection(value)
                else:
                    current.host = _connection(value)
            elif kind == "a=":
                if current is not None:
                    current.attributes.append(value)
                elif value.lower() in _DIRECTIONS:
                    self.direction = MediaDirection(value.lower())

    def audio(self, terms: MediaTerms) -> StreamDescription:
        """The first audio stream that is on and that ``terms`` allow. Raises :class:`SdpError`."""
        refused = "no audio stream"
        for media in self.media:
            if media.kind != "audio":
                continue
            if media.port == 0:
                refused = "the audio stream is refused (port 0)"
            elif media.profile in _PLAIN and terms.security is Security.REQUIRED:
                refused = "the audio stream is not encrypted, and this trunk requires SRTP"
            elif media.profile in _SECURE and terms.security is Security.OFF:
                refused = "SRTP is not allowed on this trunk"
            elif media.profile in _SECURE and not media.keys(terms):
                refused = "no usable key of SRTP"
            elif media.profile not in _PLAIN + _SECURE:
                refused = f"unknown transport {media.profile[:40]}"
            else:
                return media
        raise SdpError(refused)

    def direction_of(self, media: StreamDescription) -> MediaDirection:
        """Who sends, from the describer's side."""
        direction = self.direction
        for attribute in media.attributes:
            if attribute.lower() in _DIRECTIONS:
                direction = MediaDirection(attribute.lower())
                break
        if media.host in ("0.0.0.0", "::"):  # noqa: S104 - hold as RFC 2543 §B.5 put it
            held = {
                MediaDirection.SENDRECV: MediaDirection.SENDONLY,
                MediaDirection.RECVONLY: MediaDirection.INACTIVE,
            }
            return held.get(direction, direction)
        return direction


def usable_host(host: str | None, our_host: str | None) -> str:
    """A connection address that media can go to, or a host name. Raises :class:`SdpError`.

    ``our_host`` tells the address family; None: any.
    """
    if host is None:
        raise SdpError("no connection address")
    address = ip_of(host)
    if address is None:
        if _HOST_NAME.fullmatch(host) and not host.replace(".", "").isdigit():
            return host
        raise SdpError("the connection address is neither an IP address nor a host name")
    if address.is_multicast:
        raise SdpError("the connection address is a multicast address")
    ours = None if our_host is None else ip_of(our_host)
    if ours is not None and ours.version != address.version:
        raise SdpError(f"the connection address is of another family: IP{address.version}")
    return host


def _connection(value: str) -> str:
    """The address of a ``c=`` value, a multicast TTL cut off."""
    words = value.split()
    if len(words) != 3 or words[0].upper() != "IN":
        raise SdpError(f"malformed c= line: {value[:80]!r}")
    return words[2].partition("/")[0]


def port_of(text: str) -> int:
    """A port, 0..65535. Raises :class:`SdpError`."""
    if not (text.isascii() and text.isdigit()) or len(text) > 5 or int(text) > 65535:
        raise SdpError(f"malformed port: {text[:20]!r}")
    return int(text)
