"""Session descriptions: offer and answer of one audio stream and telephone-event.

RFC 8866 (SDP), 3264 (offer/answer), 3551 (static payload types), 7587 (Opus), 4733 (telephone-event), 3605
(``a=rtcp``), 5761 (rtcp-mux), 4568 (keys of SRTP: :mod:`.crypto_lines`).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from itertools import chain

from offhook.negotiated import LAWS, STATIC_TYPES, Codec, NegotiatedMedia, SrtpKey
from offhook.sip.crypto_lines import CryptoLine, attributes_of, new_key
from offhook.sip.descriptions import (
    PLAIN_TERMS,
    MediaDirection,
    MediaTerms,
    SdpError,
    Security,
    SessionDescription,
    StreamDescription,
    port_of,
    usable_host,
)
from offhook.sip.payload_formats import (
    DTMF_PAYLOAD_TYPE,
    EVENT_TYPES,
    PAYLOAD_TYPES,
    Formats,
    allowed,
    choose,
    event_for,
    formats_of,
)

_OPUS = "maxplaybackrate=16000;stereo=0;sprop-stereo=0"
"""Parameters of Opus (RFC 7587 §6.1): we play wideband speech, so peers need not send more, and mono."""
NO_KEYS: Mapping[int, SrtpKey] = {}


def make_offer(
    *,
    host: str,
    port: int,
    codecs: Sequence[Codec] = LAWS,
    dtmf_payload_type: int | None = DTMF_PAYLOAD_TYPE,
    session_id: int | None = None,
    version: int = 1,
    direction: MediaDirection = MediaDirection.SENDRECV,
    rtcp_mux: bool = False,
    payload_types: Mapping[Codec, int] = PAYLOAD_TYPES,
    keys: Mapping[int, SrtpKey] = NO_KEYS,
) -> bytes:
    """An offer of one audio stream at ``host`` (an address literal) and ``port``.

    ``session_id`` defaults to a number that stays the same for the same host and port.
    ``dtmf_payload_type`` is that of 8,000 Hz; None: no telephone-event at all. With ``keys`` of SRTP, by
    their tags, the stream is encrypted.
    """
    formats: Formats = [(payload_types[codec], codec) for codec in codecs]
    if dtmf_payload_type is not None:
        types = {**EVENT_TYPES, 8_000: dtmf_payload_type}
        formats += [(types[rate], rate) for rate in sorted({c.clock_rate for c in codecs})]
    lines = _origin(host, port, session_id, version)
    profile = "RTP/SAVP" if keys else "RTP/AVP"
    lines += _audio(port, profile, formats, keys, direction, rtcp_mux)
    return _encode(lines)


def answer(
    offer: bytes,
    *,
    host: str,
    port: int,
    terms: MediaTerms = PLAIN_TERMS,
    preferred: Sequence[str] | None = None,
    in_use: SrtpKey | None = None,
    session_id: int | None = None,
    version: int = 1,
) -> tuple[NegotiatedMedia, bytes]:
    """Answer an offer: what was settled, and the description to send back.

    The offerer's first codec of ``terms`` is taken, or the first of ``preferred`` that it offers. Of its
    keys of SRTP the first usable one is taken, or the one with the suite of ``in_use``, our own key, which
    then stays. Other streams than the one audio stream are refused in their places (RFC 3264 §6). Raises
    :class:`SdpError` when there is nothing to agree on.
    """
    session = SessionDescription(offer)
    media = session.audio(terms)
    offered = formats_of(media)
    event = event_for((chosen := choose(offered, terms.codecs, preferred))[1], offered)
    crypto, ours = _agreed_key(media.keys(terms), in_use)
    direction, mux = session.direction_of(media), media.attribute("rtcp-mux") is not None
    settled = _negotiated(
        media,
        host,
        chosen,
        receive_types=allowed(offered, terms.codecs),
        event=event,
        event_received=event,
        direction=direction,
        keys=None if crypto is None or ours is None else (ours, crypto.key),
        mux=mux,
    )
    formats: Formats = [chosen] if event is None else [chosen, event]
    sent_keys = NO_KEYS if crypto is None or ours is None else {crypto.tag: ours}
    accepted = _audio(port, media.line[2], formats, sent_keys, direction.mirrored, mux)
    streams = chain(*(accepted if each is media else _refused(each) for each in session.media))
    return settled, _encode([*_origin(host, port, session_id, version), *streams])


def _refused(media: StreamDescription) -> list[str]:
    return [f"m={media.line[0]} 0 {media.line[2]} {' '.join(media.formats) or '0'}"]


def parse_answer(
    body: bytes,
    *,
    codecs: Sequence[Codec] = LAWS,
    dtmf_payload_type: int | None = DTMF_PAYLOAD_TYPE,
    rtcp_mux: bool = False,
    host: str | None = None,
    payload_types: Mapping[Codec, int] = PAYLOAD_TYPES,
    keys: Mapping[int, SrtpKey] = NO_KEYS,
) -> NegotiatedMedia:
    """What an answer to our :func:`make_offer` settled; the keywords are what was offered.

    Raises :class:`SdpError` when the stream was refused or has none of our codecs or keys.
    """
    session = SessionDescription(body)
    suites = tuple(key.suite for key in keys.values())
    terms = MediaTerms(tuple(codecs), Security.REQUIRED if keys else Security.OFF, suites)
    media = session.audio(terms)
    answered = formats_of(media, telephone_event=dtmf_payload_type)
    chosen = choose(answered, codecs, None)
    receive_types = allowed(answered, codecs)
    # What the peer sends has our numbers; where it lists others, it may use those as well.
    receive_types |= {payload_types[codec]: codec for codec in receive_types.values()}
    rate = chosen[1].clock_rate
    received = None
    if dtmf_payload_type is not None:
        # Some answers do not repeat telephone-event, but their digits still come with the type we offered.
        received = ({**EVENT_TYPES, 8_000: dtmf_payload_type}[rate], rate)
    return _negotiated(
        media,
        host,
        chosen,
        receive_types=receive_types,
        event=event_for(chosen[1], answered) if received is not None else None,
        event_received=received,
        direction=session.direction_of(media),
        keys=_answered_keys(media.keys(terms), keys),
        mux=rtcp_mux and media.attribute("rtcp-mux") is not None,
    )


def _agreed_key(
    lines: list[CryptoLine], in_use: SrtpKey | None
) -> tuple[CryptoLine | None, SrtpKey | None]:
    """The line of an offer that we take, and our own key; both None for a plain stream."""
    if not lines:
        return None, None
    if in_use is not None:
        for line in lines:
            if line.key.suite is in_use.suite:
                return line, in_use
    return lines[0], new_key(lines[0].key.suite)


def _answered_keys(
    lines: list[CryptoLine], offered: Mapping[int, SrtpKey]
) -> tuple[SrtpKey, SrtpKey] | None:
    """Our key and the peer's, by the one line of its answer. Raises :class:`SdpError`."""
    if not offered:
        return None
    for line in lines:
        ours = offered.get(line.tag)
        if ours is not None and ours.suite is line.key.suite:
            return ours, line.key
    raise SdpError("the answer takes none of our keys of SRTP")


def _negotiated(
    media: StreamDescription,
    our_host: str | None,
    chosen: tuple[int, Codec],
    *,
    receive_types: dict[int, Codec],
    event: tuple[int, int] | None,
    event_received: tuple[int, int] | None,
    direction: MediaDirection,
    keys: tuple[SrtpKey, SrtpKey] | None,
    mux: bool,
) -> NegotiatedMedia:
    """``event``: telephone-event as we send it, type and clock rate. ``keys``: ours, then the peer's."""
    rtcp = media.attribute("rtcp")
    rtcp_port = None
    if rtcp:
        rtcp_port = port_of(rtcp.split()[0]) or None
    return NegotiatedMedia(
        remote_host=usable_host(media.host, our_host),
        remote_port=media.port,
        codec=chosen[1],
        payload_type=chosen[0],
        receive_types={**STATIC_TYPES, **receive_types},
        dtmf_payload_type=None if event is None else event[0],
        dtmf_receive_payload_type=None if event_received is None else event_received[0],
        dtmf_clock_rate=chosen[1].clock_rate,
        ptime=media.packet_time(),
        send=direction in (MediaDirection.SENDRECV, MediaDirection.RECVONLY),
        receive=direction in (MediaDirection.SENDRECV, MediaDirection.SENDONLY),
        remote_rtcp_port=rtcp_port,
        rtcp_mux=mux,
        send_key=None if keys is None else keys[0],
        receive_key=None if keys is None else keys[1],
    )


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
    profile: str,
    formats: Formats,
    keys: Mapping[int, SrtpKey],
    direction: MediaDirection,
    mux: bool,
) -> list[str]:
    """Our ``m=audio`` section; in an answer, with the profile as it was offered."""
    lines = [f"m=audio {port} {profile} {' '.join(str(number) for number, _ in formats)}"]
    for number, meaning in formats:
        if not isinstance(meaning, Codec):
            lines += [f"a=rtpmap:{number} telephone-event/{meaning}", f"a=fmtp:{number} 0-15"]
        elif meaning is Codec.OPUS:
            lines += [f"a=rtpmap:{number} opus/48000/2", f"a=fmtp:{number} {_OPUS}"]
        else:
            lines.append(f"a=rtpmap:{number} {meaning}/8000")
    lines += attributes_of(keys)
    lines.append("a=ptime:20")
    if mux:
        lines.append("a=rtcp-mux")
    lines.append(f"a={direction}")
    return lines


def _encode(lines: list[str]) -> bytes:
    return ("\r\n".join(lines) + "\r\n").encode("utf-8", "replace")
