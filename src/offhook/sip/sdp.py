"""Session descriptions: offer and answer of one audio stream, G.711 and telephone-event.

RFC 8866 (SDP), 3264 (offer/answer), 3551 (static payload types), 4733 (telephone-event), 3605
(``a=rtcp``), 5761 (rtcp-mux). Tolerant of order, line ends and unknown lines; bounded.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from offhook.sip.grammar import is_ip

CODECS = ("PCMU", "PCMA")
"""What we speak, in our order of preference."""
STATIC = {0: "PCMU", 8: "PCMA"}
"""Payload types that need no rtpmap (RFC 3551 table 4)."""
DTMF_PAYLOAD_TYPE = 101
MAX_MEDIA = 32
MAX_SDP = 16_384
"""Octets of a description that is read."""
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_MIRROR = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}
_PROFILES = ("RTP/AVP", "RTP/AVPF")
_versions = itertools.count(1)
"""Every description we make is newer than the one before (RFC 8866 §5.2)."""


class SdpError(ValueError):
    """No usable audio stream in a description: 488, or hang up. The message says why."""


class Negotiated(NamedTuple):
    """What offer and answer settled for our one stream, seen from our side."""

    remote_host: str
    """An IP address literal."""
    remote_port: int
    codec: str
    """``PCMU`` or ``PCMA``."""
    payload_type: int
    dtmf_payload_type: int | None
    """telephone-event as we send it; None: not negotiated."""
    dtmf_receive_payload_type: int | None
    """telephone-event as it comes to us."""
    send: bool
    receive: bool
    remote_rtcp_port: int | None
    """None: ``remote_port + 1``."""
    rtcp_mux: bool


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
        self.direction = "sendrecv"
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
                    self.direction = value.lower()

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

    def direction_of(self, media: _Media) -> str:
        """``sendrecv``, ``sendonly``, ``recvonly`` or ``inactive``, from the describer's side."""
        direction = self.direction
        for attribute in media.attributes:
            if attribute.lower() in _DIRECTIONS:
                direction = attribute.lower()
                break
        if media.host in ("0.0.0.0", "::"):  # noqa: S104 - hold as RFC 2543 §B.5 put it
            return {"sendrecv": "sendonly", "recvonly": "inactive"}.get(direction, direction)
        return direction


def make_offer(
    *,
    host: str,
    port: int,
    codecs: Sequence[str] = CODECS,
    dtmf_payload_type: int | None = DTMF_PAYLOAD_TYPE,
    session_id: int | None = None,
    version: int | None = None,
    direction: str = "sendrecv",
    rtcp_mux: bool = False,
) -> bytes:
    """An offer of one audio stream at ``host`` (an address literal) and ``port``.

    ``session_id`` defaults to a number that stays the same for the same host and port, ``version`` to
    one that grows.
    """
    payload_types = {codec: number for number, codec in STATIC.items()}
    formats = [(payload_types[codec], codec) for codec in codecs]
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
    version: int | None = None,
) -> tuple[Negotiated, bytes]:
    """Answer an offer: what was settled, and the description to send back.

    The offerer's first codec that we speak is taken, or the first of ``preferred`` that it offers.
    Streams other than the one audio stream are refused in their places (RFC 3264 §6). Raises
    :class:`SdpError` when there is nothing to agree on.
    """
    session = _Session(offer)
    media = session.audio()
    offered = _codecs(media)
    number, codec = _choose(offered, preferred)
    dtmf = next((pt for pt, name in offered if name == "TELEPHONE-EVENT"), None)
    direction = session.direction_of(media)
    mux = media.attribute("rtcp-mux") is not None
    settled = _negotiated(media, number, codec, dtmf, dtmf, direction, mux)
    lines = _origin(host, port, session_id, version)
    for each in session.media:
        if each is media:
            lines += _audio(port, [(number, codec)], dtmf, each, _MIRROR[direction], mux)
        else:
            lines.append(f"m={each.line[0]} 0 {each.line[2]} {' '.join(each.formats) or '0'}")
    return settled, _encode(lines)


def parse_answer(
    body: bytes,
    *,
    codecs: Sequence[str] = CODECS,
    dtmf_payload_type: int | None = DTMF_PAYLOAD_TYPE,
    rtcp_mux: bool = False,
) -> Negotiated:
    """What an answer to our :func:`make_offer` settled; the keywords are what was offered.

    Raises :class:`SdpError` when the stream was refused or no codec of ours is in it.
    """
    session = _Session(body)
    media = session.audio()
    answered = _codecs(media)
    number, codec = _choose([(pt, name) for pt, name in answered if name in codecs], None)
    dtmf = next((pt for pt, name in answered if name == "TELEPHONE-EVENT"), None)
    if dtmf_payload_type is None:
        dtmf = None
    mux = rtcp_mux and media.attribute("rtcp-mux") is not None
    return _negotiated(
        media,
        number,
        codec,
        dtmf,
        dtmf_payload_type if dtmf is not None else None,
        session.direction_of(media),
        mux,
    )


def _codecs(media: _Media) -> list[tuple[int, str]]:
    """Payload types in order, with the upper-case names of those that run at 8,000 Hz mono."""
    names = dict(STATIC)
    for attribute in media.attributes:
        key, _, value = attribute.partition(":")
        if key.strip().lower() != "rtpmap":
            continue
        number, _, encoding = value.strip().partition(" ")
        parts = encoding.strip().upper().split("/")
        if not number.isascii() or not number.isdigit() or len(number) > 3:
            continue
        names.pop(int(number), None)
        if len(parts) >= 2 and parts[1] == "8000" and parts[2:] in ([], ["1"]):
            names[int(number)] = parts[0]
    found = []
    for text in media.formats[:64]:
        if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 127:
            number_ = int(text)
            if number_ in names:
                found.append((number_, names[number_]))
    return found


def _choose(offered: list[tuple[int, str]], preferred: Sequence[str] | None) -> tuple[int, str]:
    ours = [(pt, name) for pt, name in offered if name in CODECS]
    for wanted in preferred or ():
        for pt, name in ours:
            if name == wanted:
                return pt, name
    if not ours:
        raise SdpError("no common codec")
    return ours[0]


def _negotiated(
    media: _Media,
    number: int,
    codec: str,
    dtmf: int | None,
    dtmf_receive: int | None,
    direction: str,
    mux: bool,
) -> Negotiated:
    host = media.host
    if host is None:
        raise SdpError("no connection address")
    if not is_ip(host):
        raise SdpError("the connection address is not an IP address")
    rtcp = media.attribute("rtcp")
    rtcp_port = None
    if rtcp:
        rtcp_port = _port(rtcp.split()[0]) or None
    return Negotiated(
        remote_host=host,
        remote_port=media.port,
        codec=codec,
        payload_type=number,
        dtmf_payload_type=dtmf,
        dtmf_receive_payload_type=dtmf_receive,
        send=direction in ("sendrecv", "recvonly"),
        receive=direction in ("sendrecv", "sendonly"),
        remote_rtcp_port=rtcp_port,
        rtcp_mux=mux,
    )


def _origin(host: str, port: int, session_id: int | None, version: int | None) -> list[str]:
    if session_id is None:
        session_id = zlib.crc32(f"{host} {port}".encode())
    if version is None:
        version = next(_versions)
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
    formats: list[tuple[int, str]],
    dtmf: int | None,
    offered: _Media | None,
    direction: str,
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
