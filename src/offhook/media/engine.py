"""The media engine's interface: RTP in and out of every leg.

An engine runs one pacing thread per process on absolute 5 ms ticks, with one UDP socket pair per leg
(RTP on an even port, RTCP on the next). The asyncio side gives commands and receives events. Commands
never block. Events are delivered on the loop that started the engine, in order per leg.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address

import msgspec

from offhook.negotiated import LAWS, Codec, NegotiatedMedia, SrtpSuite

Audio = Mapping[Codec, bytes | memoryview]
"""One sound in both laws, one octet a sample (G.711), the same number in each. Where it is ready in others,
also in G.722, as many octets, and in Opus, as many: a packet of 20 ms in each 160 octets, after its length
in 2 octets (big-endian). The engine reads it packet by packet and never copies it whole, so it may be a
memory-mapped file. The file must not be written to while it is played."""


class MediaSources(msgspec.Struct, frozen=True, kw_only=True):
    """Hosts from which RTP is accepted besides the signalled one (``spec/execution.md``, "Media")."""

    hosts: frozenset[str] = frozenset()
    """Address literals."""
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """``media_from`` of the trunk."""

    def admit(self, host: str) -> bool:
        """Whether packets from ``host``, an address literal, are taken."""
        if host in self.hosts:
            return True
        if not self.networks:
            return False
        address = ip_address(host.partition("%")[0])
        return any(address in network for network in self.networks)


class MediaEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What every event carries."""

    at: float
    """Monotonic seconds."""


class PlaybackStarted(MediaEvent, frozen=True, kw_only=True):
    """The first packet of a playback left. It may be told no sooner than the next event."""

    playback: int


class PlaybackEnded(MediaEvent, frozen=True, kw_only=True):
    """The last packet of a playback left, or it was stopped."""

    playback: int
    stopped: bool


class DigitWay(StrEnum):
    """How a DTMF digit was received."""

    EVENT = "EVENT"
    """As RFC 4733 packets."""
    TONE = "TONE"
    """As tones in the audio."""


class DigitReceived(MediaEvent, frozen=True, kw_only=True):
    """A DTMF digit was pressed; once per press and way."""

    digit: str
    way: DigitWay = DigitWay.EVENT


class MediaLost(MediaEvent, frozen=True, kw_only=True):
    """Neither RTP nor RTCP came for the media timeout; reported once."""


class SourceRefused(MediaEvent, frozen=True, kw_only=True):
    """RTP came from an address that is not the peer's and was dropped; reported once per leg."""

    host: str


class LegFailed(MediaEvent, frozen=True, kw_only=True):
    """An error in handling this leg made the engine close it. The error is logged already."""

    detail: str


class LegStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of one leg so far (RFC 3550 §6.4.1, appendix A)."""

    packets_sent: int
    octets_sent: int
    packets_received: int
    packets_expected: int
    packets_lost: int
    packets_late: int
    """Arrived too late for a 60 ms buffer."""
    packets_refused: int = 0
    """Came from an address that is not the peer's."""
    jitter: float
    """Interarrival jitter, seconds."""
    remote_fraction_lost: float | None
    """From the far end's reception reports about what we sent, over the whole call; None: none came."""
    remote_jitter: float | None
    """Seconds."""
    round_trip: float | None
    """Seconds, from LSR/DLSR; None: unknown."""


class Sound(ABC):
    """A sound that an engine has loaded; all of its legs may play it.

    It is freed when the last playback of it has ended and nobody holds this object any more.
    """

    @property
    @abstractmethod
    def samples(self) -> int:
        """Its length at 8,000 a second."""


class MediaLeg(ABC):
    """One leg's media. Commands after :meth:`close` are ignored."""

    @property
    @abstractmethod
    def local_port(self) -> int:
        """Our RTP port, for the SDP."""

    @abstractmethod
    def connect(self, media: NegotiatedMedia, sources: MediaSources = MediaSources()) -> None:  # noqa: B008 frozen
        """Begin, or change, the exchange with the peer.

        A new codec or payload type counts from the next packet on, also for running playbacks. While
        ``media.send`` is false nothing is sent, but playbacks continue. Packets that arrived
        before the first call are discarded. Raises :class:`ValueError` for an address, port or codec that
        cannot be used.
        """

    @abstractmethod
    def keep_sending(self) -> None:
        """From now on send RTP without a break: silence when there is nothing else to send."""

    @abstractmethod
    def play(self, sound: Sound, *, repetition: int = 1, pause: float = 0.5) -> int:
        """Queue a sound of the same engine after the ones that play; returns its number.

        Queued behind a running one it follows on the packet clock, without a gap. ``repetition``
        plays it several times with ``pause`` seconds of silence between, as one playback. Before
        :meth:`connect` it waits. Raises :class:`TypeError` for a sound of another kind of engine.
        """

    @abstractmethod
    def play_below(self, sound: Sound | None, *, pause: float = 0.0) -> None:
        """Repeat a sound, with ``pause`` seconds between, while there is nothing else to send.

        That is: nothing plays, and nothing was relayed here for one second. None: stop.
        """

    @abstractmethod
    def stop(self, playback: int | None = None) -> None:
        """Stop one playback, or all; each gets its :class:`PlaybackEnded`."""

    @abstractmethod
    def send_digit(self, digit: str, duration: float = 0.1) -> None:
        """Send a DTMF digit to the peer: as RFC 4733 events, or as tones where the peer did not agree to
        those. Raises :class:`ValueError` for an invalid digit."""

    @abstractmethod
    def start_tap(self) -> None:
        """From now on keep frames (:mod:`.tap_frames`) of what the peer sends and of what we make for it.

        Nothing that is sent changes by it. A leg has one tap; starting it again changes nothing.
        """

    @abstractmethod
    def stop_tap(self) -> None:
        """End the tap: the frames end with one of the kind ``END``. :meth:`close` does the same."""

    @abstractmethod
    def take_frames(self) -> bytes:
        """The frames kept since the last call, whole ones, oldest first.

        From any thread, also after :meth:`close`. Frames of more than about a minute that nobody takes
        are dropped.
        """

    @abstractmethod
    def relay(self, other: MediaLeg | None) -> None:
        """Relay what arrives here to ``other``, a leg of the same engine; None: stop.

        One direction of a bridge: the other leg is given its own command. Payload types are mapped,
        G.711 is transcoded where the laws differ, DTMF digits go through as events or as tones.
        After 60 ms without a packet from here ``other`` is sent silence, and what comes later than
        that is dropped. What ``other`` plays replaces what is relayed.
        """

    @abstractmethod
    def statistics(self) -> LegStatistics:
        """A consistent snapshot."""

    @abstractmethod
    def close(self) -> None:
        """Send RTCP BYE, free the ports. Idempotent."""


class MediaCapabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine can carry. Only this is negotiated with peers."""

    codecs: tuple[Codec, ...] = LAWS
    suites: tuple[SrtpSuite, ...] = ()
    """Of SRTP; none: plain RTP only."""


class MediaEngine(ABC):
    """All legs of one process."""

    @property
    def capabilities(self) -> MediaCapabilities:
        """What it can carry; G.711 without encryption unless it says more."""
        return MediaCapabilities()

    @abstractmethod
    def start(self) -> None:
        """Start the pacing thread; events are delivered on the running asyncio loop.

        Raises :class:`RuntimeError` when it was started before.
        """

    @abstractmethod
    def load(self, audio: Audio) -> Sound:
        """Load a sound to be played by handle.

        Raises :class:`ValueError` unless every codec is there with the same number of octets.
        """

    @abstractmethod
    def open_leg(
        self,
        on_event: Callable[[MediaEvent], None],
        *,
        media_timeout: float | None = None,
        ip_version: int | None = None,
    ) -> MediaLeg:
        """Bind a free socket pair, of the engine's first IP version or of ``ip_version``.

        Raises :class:`PortsExhausted`, :class:`ValueError` for a version that the engine has no address of,
        and :class:`RuntimeError` unless the engine runs.
        """

    @abstractmethod
    def close(self) -> None:
        """Close all legs and join the thread. Idempotent."""


class PortsExhausted(Exception):
    """No RTP and RTCP socket can be opened; the text says why."""
