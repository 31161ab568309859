"""The media engine's interface: RTP in and out of every leg. Two implementations share it.

An engine runs one pacing thread per process on absolute 5 ms ticks, with one UDP socket pair per leg
(RTP on an even port, RTCP on the next). The asyncio side gives commands and receives events; commands
never block, events are delivered on the loop that started the engine, in order per leg.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec


class LegMedia(msgspec.Struct, frozen=True, kw_only=True):
    """What offer and answer settled for one leg (RFC 3264)."""

    remote_host: str
    remote_port: int
    codec: str
    """``PCMU`` or ``PCMA``."""
    payload_type: int
    dtmf_payload_type: int | None = None
    """telephone-event (RFC 4733) as negotiated, what we send to the peer; None: not negotiated."""
    dtmf_receive_payload_type: int | None = None
    """telephone-event payload type we offered, what the peer sends us."""
    send: bool = True
    receive: bool = True
    remote_rtcp_port: int | None = None
    """None: ``remote_port + 1`` (RFC 3550 §11)."""
    rtcp_mux: bool = False


class MediaEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What every event carries."""

    at: float
    """Monotonic seconds."""


class PlaybackStarted(MediaEvent, frozen=True, kw_only=True):
    """The first packet of a playback left."""

    playback: int


class PlaybackEnded(MediaEvent, frozen=True, kw_only=True):
    """The last packet of a playback left, or it was stopped."""

    playback: int
    stopped: bool


class DigitReceived(MediaEvent, frozen=True, kw_only=True):
    """A key was pressed (RFC 4733: once per event timestamp; or an in-band tone)."""

    digit: str


class MediaLost(MediaEvent, frozen=True, kw_only=True):
    """Neither RTP nor RTCP came for the media timeout; reported once."""


class LegStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of one leg so far (RFC 3550 §6.4.1, appendix A)."""

    packets_sent: int
    octets_sent: int
    packets_received: int
    packets_expected: int
    packets_lost: int
    packets_late: int
    """Arrived too late for a 60 ms buffer."""
    jitter: float
    """Interarrival jitter, seconds."""
    remote_fraction_lost: float | None
    """From the far end's reception reports about what we sent, over the whole call; None: none came."""
    remote_jitter: float | None
    """Seconds."""
    round_trip: float | None
    """Seconds, from LSR/DLSR; None: unknown."""


class MediaLeg(Protocol):
    """One leg's media. Commands after :meth:`close` are ignored."""

    @property
    def local_port(self) -> int:
        """Our RTP port, for the SDP."""
        ...

    def connect(self, media: LegMedia) -> None:
        """Begin (or change) the exchange with the peer."""
        ...

    def play(self, samples: bytes | memoryview, *, repetition: int = 1, pause: float = 0.5) -> int:
        """Queue G.711 octets, already in the leg's codec, behind what plays; returns its number.

        Queued behind a running one it follows on the packet clock, without a gap. It is never
        copied per leg: ``samples`` may be shared by many legs. ``repetition`` plays it several
        times with ``pause`` seconds of silence between, as one playback.
        """
        ...

    def stop(self, playback: int | None = None) -> None:
        """Stop one playback, or all; each gets its :class:`PlaybackEnded`."""
        ...

    def send_digit(self, digit: str, duration: float = 0.1) -> None:
        """Press a key towards the peer (RFC 4733)."""
        ...

    def record(self, sink: Callable[[bytes], None] | None) -> None:
        """Give ``sink`` what arrives from the peer, decoded, in true time: 8 kHz s16le mono,
        silence where nothing came. Called from the engine's thread; must not block."""
        ...

    def record_sent(self, sink: Callable[[bytes], None] | None) -> None:
        """Like :meth:`record`, of what we send to the peer. Begun in one go with it, the two keep
        the same time."""
        ...

    def relay(self, other: MediaLeg | None) -> None:
        """Pass what arrives here on to ``other``, a leg of the same engine; None: no more.

        One direction of a bridge: the other leg is given its own command. Payload types are mapped,
        G.711 is transcoded where the laws differ, telephone events go through where both have
        them. While ``other`` plays something, that replaces what is relayed.
        """
        ...

    def statistics(self) -> LegStatistics:
        """A consistent snapshot."""
        ...

    def close(self) -> None:
        """Send RTCP BYE, free the ports. Idempotent."""
        ...


class MediaEngine(Protocol):
    """All legs of one process."""

    def start(self) -> None:
        """Start the pacing thread; events are delivered on the running asyncio loop."""
        ...

    def open_leg(
        self, on_event: Callable[[MediaEvent], None], *, media_timeout: float | None = None
    ) -> MediaLeg:
        """Bind a free socket pair. Raises :class:`PortsExhausted`."""
        ...

    def close(self) -> None:
        """Close all legs and join the thread."""
        ...


class PortsExhausted(Exception):
    """No free RTP port pair in the configured range."""
