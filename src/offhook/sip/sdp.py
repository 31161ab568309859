"""Session descriptions: offer and answer of one audio stream, G.711 and telephone-event.

RFC 8866 (SDP), 3264 (offer/answer), 3551 (static payload types), 4733 (telephone-event), 3605
(``a=rtcp``), 5761 (rtcp-mux). Tolerant of order, line ends and unknown lines; bounded.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from enum import StrEnum
from ipaddress import ip_address

from offhook.negotiated import STATIC_TYPES, Codec, NegotiatedMedia
from offhook.sip.grammar import is_ip

CODECS = tuple(Codec)
"""The codecs we support, in our order of preference."""
DTMF_PAYLOAD_TYPE = 101
"""The type that we offer for telephone-event, and that peers use for it without an rtpmap."""
_TELEPHONE_EVENT = "TELEPHONE-EVENT"
MAX_MEDIA = 32
MAX_SDP = 16_384
"""Octets of a description that is read."""
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
_PROFILES = ("RTP/AVP", "RTP/AVPF")


class SdpError(ValueError):
    """No usable audio stream in a description: 488, or hang up. The message says why."""


class _Media:
    """One ``m=`` section."""

    __slots__ = ("attributes", "formats", "host", "kind", "line", "port", "profile")

    def __init__(self, value: str, host: str | None) -> None:
        words = value.split()
        if len(words) < 3:
            raise SdpError(f"malformed m= line: {value[:80]!r}")
        self.line = words
        self.kind = words[0].lower()
        self.port = _port(words[1].partition("/")[0])
        self.profile = words[2].upper()
        self.formats = words[3:]
        self.host = host
        self.attributes: list[str] = []

    def attribute(self, name: str) -> str | None:
        """The first value of an attribute; empty for a flag, None when absent."""
        for attribute in self.attributes:
            key, _, value = attribute.partition(":")
            if key.strip().lower() == name:
                return value.strip()
        return None


class _Session:
    """A parsed description."""

    __slots__ = ("direction", "media")

    def __init__(self, body: bytes) -> None:
        self.media: list[_Media] = []
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
                self.media.append(_Media(value, host))
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

    def audio(self) -> _Media:
        """The first audio stream that is on and that we can carry. Raises :class:`SdpError`."""
        refused = "no audio stream"
        for media in self.media:
            if media.kind != "audio":
                continue
            if media.port == 0:
                refused = "the audio stream is refused (port 0)"
            elif media.profile not in _PROFILES:
                refused = f"unknown transport {media.profile[:40]}"
            else:
                return media
        raise SdpError(refused)

    def direction_of(self, media: _Media) -> MediaDirection:
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


def make_offer(
    *,
    host: str,
    port: int,
    codecs: Sequence[Codec] = CODECS,
    dtmf_payload_type: int | None = DTMF_PAYLOAD_TYPE,
    session_id: int | None = None,
    version: int = 1,
    direction: MediaDirection = MediaDirection.SENDRECV,
    rtcp_mux: bool = False,
) -> bytes:
    """An offer of one audio stream at ``host`` (an address literal) and ``port``.

    ``session_id`` defaults to a number that stays the same for the same host and port.
    """
    payload_types = {codec: number for number, codec in STATIC_TYPES.items()}
    formats = [(payload_types[codec], str(codec)) for codec in codecs]
    lines = _origin(host, port, session_id, version)
    lines += _audio(port, formats, dtmf_payload_type, None, direction, rtcp_mux)
    return _encode(lines)


def answer(
    offer: bytes,
    *,
    host: str,
    port: int,
    preferred: Sequence[str] | None = None,
    session_id: int | None = None,
    version: int = 1,
) -> tuple[NegotiatedMedia, bytes]:
    """Answer an offer: what was settled, and the description to send back.

    The offerer's first codec that we speak is taken, or the first of ``preferred`` that it offers.
    Streams other than the one audio stream are refused in their places (RFC 3264 §6). Raises
    :class:`SdpError` when there is nothing to agree on.
    """
    session = _Session(offer)
    media = session.audio()
    offered = _codecs(media)
    number, codec = _choose(offered, preferred)
    dtmf = _telephone_event(offered)
    direction = session.direction_of(media)
    mux = media.attribute("rtcp-mux") is not None
    settled = _negotiated(media, host, offered, (number, codec), (dtmf, dtmf), direction, mux=mux)
    lines = _origin(host, port, session_id, version)
    for each in session.media:
        if each is media:
            lines += _audio(port, [(number, codec)], dtmf, each, direction.mirrored, mux)
        else:
            lines.append(f"m={each.line[0]} 0 {each.line[2]} {' '.join(each.formats) or '0'}")
    return settled, _encode(lines)


def parse_answer(
    body: bytes,
    *,
    codecs: Sequence[str] = CODECS,
    dtmf_payload_type: int | None = DTMF_PAYLOAD_TYPE,
    rtcp_mux: bool = False,
    host: str | None = None,
) -> NegotiatedMedia:
    """What an answer to our :func:`make_offer` settled; the keywords are what was offered.

    Raises :class:`SdpError` when the stream was refused or has none of our codecs.
    """
    session = _Session(body)
    media = session.audio()
    answered = _codecs(media, telephone_event=dtmf_payload_type)
    chosen = _choose([(pt, name) for pt, name in answered if name in codecs], None)
    # Some answers do not repeat telephone-event, but their digits still come with the type we offered.
    dtmf = _telephone_event(answered) if dtmf_payload_type is not None else None
    mux = rtcp_mux and media.attribute("rtcp-mux") is not None
    return _negotiated(
        media,
        host,
        answered,
        chosen,
        (dtmf, dtmf_payload_type),
        session.direction_of(media),
        mux=mux,
    )


def _telephone_event(described: list[tuple[int, str]]) -> int | None:
    return next((number for number, name in described if name == _TELEPHONE_EVENT), None)


def _codecs(
    media: _Media, *, telephone_event: int | None = DTMF_PAYLOAD_TYPE
) -> list[tuple[int, str]]:
    """Payload types in order, with the upper-case names of those that run at 8,000 Hz mono.

    ``telephone_event`` is the type that means it without an rtpmap: the one that was offered.
    """
    names: dict[int, str] = {number: str(codec) for number, codec in STATIC_TYPES.items()}
    if telephone_event is not None:
        names.setdefault(telephone_event, _TELEPHONE_EVENT)
    for number, name in _rtpmaps(media):
        names.pop(number, None)
        if name is not None:
            names[number] = name
    found = []
    for text in media.formats[:64]:
        if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 127:
            number_ = int(text)
            if number_ in names:
                found.append((number_, names[number_]))
    return found


def _rtpmaps(media: _Media) -> Iterator[tuple[int, str | None]]:
    """Payload type and upper-case name of each ``a=rtpmap``; None: not 8,000 Hz mono."""
    for attribute in media.attributes:
        key, _, value = attribute.partition(":")
        number, _, encoding = value.strip().partition(" ")
        if key.strip().lower() != "rtpmap" or not (number.isascii() and number.isdigit()):
            continue
        name, _, rate = encoding.strip().upper().partition("/")
        if len(number) <= 3:
            yield int(number), name if rate in ("8000", "8000/1") else None


def _choose(offered: list[tuple[int, str]], preferred: Sequence[str] | None) -> tuple[int, Codec]:
    ours = [(pt, Codec(name)) for pt, name in offered if name in CODECS]
    for wanted in preferred or ():
        for pt, codec in ours:
            if codec == wanted:
                return pt, codec
    if not ours:
        raise SdpError("no common codec")
    return ours[0]


def _negotiated(
    media: _Media,
    our_host: str | None,
    described: list[tuple[int, str]],
    chosen: tuple[int, Codec],
    dtmf: tuple[int | None, int | None],
    direction: MediaDirection,
    *,
    mux: bool,
) -> NegotiatedMedia:
    """``dtmf``: telephone-event as we send it and as it comes to us."""
    rtcp = media.attribute("rtcp")
    rtcp_port = None
    if rtcp:
        rtcp_port = _port(rtcp.split()[0]) or None
    theirs = {number: Codec(name) for number, name in described if name in CODECS}
    return NegotiatedMedia(
        remote_host=_usable_host(media.host, our_host),
        remote_port=media.port,
        codec=chosen[1],
        payload_type=chosen[0],
        receive_types={**STATIC_TYPES, **theirs},
        dtmf_payload_type=dtmf[0],
        dtmf_receive_payload_type=dtmf[1],
        send=direction in (MediaDirection.SENDRECV, MediaDirection.RECVONLY),
        receive=direction in (MediaDirection.SENDRECV, MediaDirection.SENDONLY),
        remote_rtcp_port=rtcp_port,
        rtcp_mux=mux,
    )


def _usable_host(host: str | None, our_host: str | None) -> str:
    """A connection address that media can go to, or a host name. Raises :class:`SdpError`.

    ``our_host`` tells the address family; None: any.
    """
    if host is None:
        raise SdpError("no connection address")
    if not is_ip(host):
        if _HOST_NAME.fullmatch(host) and not host.replace(".", "").isdigit():
            return host
        raise SdpError("the connection address is neither an IP address nor a host name")
    address = ip_address(host)
    if address.is_multicast:
        raise SdpError("the connection address is a multicast address")
    if our_host is not None and ip_address(our_host).version != address.version:
        raise SdpError(f"the connection address is of another family: IP{address.version}")
    return host


def _origin(host: str, port: int, session_id: int | None, version: int) -> list[str]:
    if session_id is None:
        session_id = zlib.crc32(f"{host} {port}".encode())
    family = "IP6" if ":" in host else "IP4"
    return [
        "v=0",
        f"o=offhook {session_id} {version} IN {family} {host}",
        "s=-",
        f"c=IN {family} {host}",
        "t=0 0",
    ]


def _audio(
    port: int,
    formats: Sequence[tuple[int, str]],
    dtmf: int | None,
    offered: _Media | None,
    direction: MediaDirection,
    mux: bool,
) -> list[str]:
    """Our ``m=audio`` section; in an answer, with the profile that was offered."""
    profile = offered.line[2] if offered is not None else "RTP/AVP"
    numbers = [number for number, _ in formats] + ([dtmf] if dtmf is not None else [])
    lines = [f"m=audio {port} {profile} {' '.join(map(str, numbers))}"]
    lines += [f"a=rtpmap:{number} {codec}/8000" for number, codec in formats]
    if dtmf is not None:
        lines += [f"a=rtpmap:{dtmf} telephone-event/8000", f"a=fmtp:{dtmf} 0-15"]
    lines.append("a=ptime:20")
    if mux:
        lines.append("a=rtcp-mux")
    lines.append(f"a={direction}")
    return lines


def _encode(lines: list[str]) -> bytes:
    return ("\r\n".join(lines) + "\r\n").encode("utf-8", "replace")


def _connection(value: str) -> str:
    """The address of a ``c=`` value, a multicast TTL cut off."""
    words = value.split()
    if len(words) != 3 or words[0].upper() != "IN":
        raise SdpError(f"malformed c= line: {value[:80]!r}")
    return words[2].partition("/")[0]


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 5 or int(text) > 65535:
        raise SdpError(f"malformed port: {text[:20]!r}")
    return int(text)
