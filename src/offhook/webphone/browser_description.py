"""Session descriptions of browsers (RFC 8829): an offer of one audio stream, and our answer. Pure.

Candidates of the browser are not read: its own checks tell where it is (RFC 8445 §7.3.1.3), so that an
offer cannot make this server send a packet anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from offhook.negotiated import Codec
from offhook.sip.descriptions import SdpError, SessionDescription
from offhook.sip.payload_formats import Formats, event_for, formats_of

_PROFILE: Final = "UDP/TLS/RTP/SAVPF"
_NAME: Final = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD: Final = re.compile(r"[A-Za-z0-9+/]{22,256}")
_MID: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_DIGEST: Final = re.compile(r"(sha-256|sha-384|sha-512) ([0-9A-F]{2}(?::[0-9A-F]{2}){31,63})", re.I)
_MOST_DIGESTS: Final = 4


class Fingerprint(NamedTuple):
    """The digest of a certificate (RFC 8122)."""

    algorithm: str
    """``sha-256``, ``sha-384`` or ``sha-512``."""
    value: str
    """Upper case, with colons."""


class IceDtlsTransport(NamedTuple):
    """Where our side of the encrypted stream is."""

    name: str
    """``ice-ufrag``"""
    password: str
    candidates: Sequence[str]
    """The values of ``a=candidate``."""
    fingerprint: Fingerprint


class BrowserOffer(NamedTuple):
    """What a browser offers."""

    name: str
    """``ice-ufrag``"""
    password: str
    fingerprints: tuple[Fingerprint, ...]
    mid: str
    formats: Formats

    @property
    def codecs(self) -> list[Codec]:
        """The codecs that we know, in the browser's order."""
        return [meaning for _, meaning in self.formats if isinstance(meaning, Codec)]


class StreamTypes(NamedTuple):
    """The payload types of a stream, on one side."""

    audio: int
    event: int | None
    """Of telephone-event."""


def read_offer(text: str) -> BrowserOffer:
    """Read a browser's offer. Raises :class:`SdpError` with what is wrong."""
    session = SessionDescription(text.encode("utf-8", "replace"))
    if len(session.media) != 1 or session.media[0].kind != "audio":
        raise SdpError("expected one audio stream and nothing else")
    media = session.media[0]
    if media.profile != _PROFILE or media.attribute("rtcp-mux") is None:
        raise SdpError(f"expected {_PROFILE} with rtcp-mux")
    shared = [line[2:].strip() for line in text.splitlines()[: _head(text)] if line[:2] == "a="]
    if (media.attribute("setup") or _shared(shared, "setup")) not in ("actpass", "active"):
        raise SdpError("expected setup:actpass")
    return BrowserOffer(
        _checked(_NAME, media.attribute("ice-ufrag") or _shared(shared, "ice-ufrag"), "ice-ufrag"),
        _checked(_PASSWORD, media.attribute("ice-pwd") or _shared(shared, "ice-pwd"), "ice-pwd"),
        _fingerprints([*media.attributes, *shared]),
        _checked(_MID, media.attribute("mid"), "mid"),
        formats_of(media, telephone_event=None),
    )


def _head(text: str) -> int:
    """The number of lines before the first stream."""
    lines = text.splitlines()
    return next(at for at, line in enumerate(lines) if line.startswith("m="))


def _shared(lines: Sequence[str], name: str) -> str | None:
    """An attribute of the whole session, where browsers put what all streams share."""
    found = (line.partition(":") for line in lines)
    return next((value.strip() for key, _, value in found if key.strip().lower() == name), None)


def _checked(pattern: re.Pattern[str], value: str | None, name: str) -> str:
    if value is None or not pattern.fullmatch(value):
        raise SdpError(f"{name} is missing or malformed")
    return value


def _fingerprints(attributes: Sequence[str]) -> tuple[Fingerprint, ...]:
    found: list[Fingerprint] = []
    for attribute in attributes:
        key, _, value = attribute.partition(":")
        digest = _DIGEST.fullmatch(value.strip()) if key.lower() == "fingerprint" else None
        if digest is not None:
            found.append(Fingerprint(digest[1].lower(), digest[2].upper()))
    if not found or len(found) > _MOST_DIGESTS:
        raise SdpError("expected a fingerprint of SHA-256, SHA-384 or SHA-512")
    return tuple(found)


def types_of(offer: BrowserOffer, codec: Codec) -> StreamTypes:
    """The payload types of ``codec`` and its telephone-event. Raises :class:`SdpError`."""
    event = event_for(codec, offer.formats)
    for number, meaning in offer.formats:
        if meaning is codec:
            return StreamTypes(number, None if event is None else event[0])
    raise SdpError(f"the browser has no {codec}")


def write_answer(offer: BrowserOffer, codec: Codec, ours: IceDtlsTransport) -> str:
    """Our answer: one codec, and telephone-event where the browser has it."""
    types = types_of(offer, codec)
    channels = "/2" if codec is Codec.OPUS else ""
    lines = [
        "v=0",
        "o=offhook 1 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        f"a=group:BUNDLE {offer.mid}",
        f"m=audio 9 {_PROFILE} {types.audio}{'' if types.event is None else f' {types.event}'}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{offer.mid}",
        f"a=rtpmap:{types.audio} {codec}/{codec.clock_rate}{channels}",
    ]
    if types.event is not None:
        lines += [
            f"a=rtpmap:{types.event} telephone-event/{codec.clock_rate}",
            f"a=fmtp:{types.event} 0-15",
        ]
    lines += [
        "a=ptime:20",
        "a=sendrecv",
        "a=rtcp-mux",
        f"a=ice-ufrag:{ours.name}",
        f"a=ice-pwd:{ours.password}",
        *(f"a=candidate:{candidate}" for candidate in ours.candidates),
        "a=end-of-candidates",
        f"a=fingerprint:{ours.fingerprint.algorithm} {ours.fingerprint.value}",
        "a=setup:passive",
    ]
    return "\r\n".join(lines) + "\r\n"
