"""What a process says once it serves, and what ``offhook serve`` tells the user of all of them."""

from __future__ import annotations

import msgspec


class ReadyFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Sent by a process to its supervisor in the line ``ready {json}``."""

    url: str | None = None
    """Of an API process."""
    api_key: str | None = None
    """Of the embedded default, from an API process at the first start."""
    sip: tuple[str, ...] = ()
    """Where a voice worker listens, as ``sip.listen`` writes it."""
    address: str | None = None
    """Of the testbed, such as ``udp:127.0.0.1:5060``."""


NOTHING_TO_TELL = ReadyFacts()


class ReadyPhone(msgspec.Struct, frozen=True, kw_only=True):
    """A built-in phone."""

    number: str
    outcome: str


class ServerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All processes serve."""

    url: str | None = None
    """None: no API on this machine."""
    sip: tuple[str, ...] = ()
    api_key: str | None = None
    """New; it is shown only once."""
    embedded: bool
    """Whether there is no configuration."""
    phones: tuple[ReadyPhone, ...] = ()


_decoder = msgspec.json.Decoder(ReadyFacts)


def facts_of_line(line: bytes) -> ReadyFacts | None:
    """The facts of the line ``ready {json}``; None: it is another line."""
    if not line.startswith(b"ready "):
        return None
    try:
        return _decoder.decode(line.removeprefix(b"ready "))
    except msgspec.MsgspecError:
        return None
