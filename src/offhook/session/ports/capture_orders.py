"""Captures: an operator asks for the packets of a session, or of the next call of a number."""

from __future__ import annotations

from datetime import datetime

import msgspec

from offhook.session.session import Session

CAPTURES_TOPIC = "captures"
"""Orders go to all voice nodes over the fabric."""
MOST_SECONDS = 600.0
"""Of audio in one capture."""
MOST_OCTETS = 16 << 20
"""Of one capture."""
ARMED_FOR = 3600.0
"""Seconds that an order waits for its call."""


class CaptureOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What to capture: one of ``session_id`` and ``number``."""

    capture_id: str
    session_id: str | None = None
    number: str | None = None
    """Source or destination of any leg, E.164; the next session with it."""
    seconds: float = 60.0
    """Of audio, from the first answered leg (or the order) on."""
    rtp: bool = True
    """False: SIP only."""
    until: datetime
    """The order is void then."""

    def fits(self, session: Session) -> bool:
        """Whether the order means this session."""
        if self.session_id is not None:
            return session.session_id == self.session_id
        return any(self.number in (leg.source, leg.destination) for leg in session.legs)


_decoder = msgspec.json.Decoder(CaptureOrder)


def encode_order(order: CaptureOrder) -> bytes:
    """For the fabric."""
    return msgspec.json.encode(order)


def decode_order(message: bytes) -> CaptureOrder:
    """Raises :class:`msgspec.MsgspecError`."""
    return _decoder.decode(message)
