"""Payload types and what they mean: codecs and telephone-event (RFC 3551, 4733, 7587). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from offhook.negotiated import LAWS, Codec
from offhook.sip.descriptions import SdpError, StreamDescription

DTMF_PAYLOAD_TYPE = 101
"""The type that we offer for telephone-event, and that peers use for it without an rtpmap."""
EVENT_TYPES = {8_000: DTMF_PAYLOAD_TYPE, 48_000: 110}
"""The types that we offer for telephone-event, by its clock rate."""
PAYLOAD_TYPES = {Codec.PCMU: 0, Codec.PCMA: 8, Codec.G722: 9, Codec.OPUS: 111}
"""The types that we offer."""
_STATIC_FORMATS = {0: Codec.PCMU, 8: Codec.PCMA, 9: Codec.G722}
_ENCODINGS: dict[str, Codec | int] = {
    **{f"{codec}/8000": codec for codec in (*LAWS, Codec.G722)},
    **{f"{codec}/8000/1": codec for codec in (*LAWS, Codec.G722)},
    "OPUS/48000/2": Codec.OPUS,
    **{f"TELEPHONE-EVENT/{rate}": rate for rate in EVENT_TYPES},
    **{f"TELEPHONE-EVENT/{rate}/1": rate for rate in EVENT_TYPES},
}
"""What the value of an rtpmap, in upper case, means: a codec, or telephone-event at a clock rate."""
Formats = list[tuple[int, Codec | int]]
"""Payload types in order, each with its codec, or the clock rate of its telephone-event."""


def event_for(codec: Codec, described: Formats) -> tuple[int, int] | None:
    """The telephone-event of a description at the clock rate of ``codec`` (RFC 4733 §2.1)."""
    for number, meaning in described:
        if meaning == codec.clock_rate and not isinstance(meaning, Codec):
            return number, meaning
    return None


def formats_of(
    media: StreamDescription, *, telephone_event: int | None = DTMF_PAYLOAD_TYPE
) -> Formats:
    """The payload types of a stream that we know, in order.

    ``telephone_event`` is the type that means it without an rtpmap: the one that was offered.
    """
    meanings: dict[int, Codec | int] = dict(_STATIC_FORMATS)
    if telephone_event is not None:
        meanings.setdefault(telephone_event, 8_000)
    for number, meaning in _rtpmaps(media):
        meanings.pop(number, None)
        if meaning is not None:
            meanings[number] = meaning
    found: Formats = []
    for text in media.formats[:64]:
        if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 127:
            number_ = int(text)
            if number_ in meanings:
                found.append((number_, meanings[number_]))
    return found


def _rtpmaps(media: StreamDescription) -> Iterator[tuple[int, Codec | int | None]]:
    """Payload type and meaning of each ``a=rtpmap``; None: nothing that we know."""
    for attribute in media.attributes:
        key, _, value = attribute.partition(":")
        number, _, encoding = value.strip().partition(" ")
        if key.strip().lower() != "rtpmap" or not (number.isascii() and number.isdigit()):
            continue
        if len(number) <= 3:
            yield int(number), _ENCODINGS.get(encoding.strip().upper())


def allowed(described: Formats, codecs: Sequence[Codec]) -> dict[int, Codec]:
    """The codecs of a description that may come, by their payload types."""
    return {
        n: meaning for n, meaning in described if isinstance(meaning, Codec) and meaning in codecs
    }


def choose(
    described: Formats, codecs: Sequence[Codec], preferred: Sequence[str] | None
) -> tuple[int, Codec]:
    """The codec to send: the first of ``preferred``, else of the description. Raises :class:`SdpError`."""
    ours = list(allowed(described, codecs).items())
    for wanted in preferred or ():
        for pt, codec in ours:
            if codec == wanted:
                return pt, codec
    if not ours:
        raise SdpError("no common codec")
    return ours[0]
