"""What a session needs of the phone lines: dialling, calls, playing, DTMF digits."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from offhook.codes import CallStatus
from offhook.events import CallerVerification, Diverted, Side
from offhook.session.ports.recording import AudioTap
from offhook.session.ports.speech import Prompt
from offhook.session.session import CallQuality, LegFailure, TrunkTry


class DialOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One leg to be dialled, over the trunks in this order."""

    call_id: str
    session_id: str | None = None
    """For the log lines about the leg."""
    source: str
    """E.164 with ``+``, or ``private``/``anonymous``."""
    identity: str | None = None
    """The number behind a withheld ``source``, for trunks that may learn it; E.164 with ``+``."""
    destination: str
    trunks: tuple[str, ...]
    ring_timeout: float
    """Seconds from the first INVITE to our CANCEL."""
    routes: Callable[[str], tuple[str, ...]] | None = None
    """The trunks that lead to another number for the same customer, for a redirection; None: none may be
    followed."""


class PlaybackResult(StrEnum):
    """How a playback ended."""

    FINISHED = "FINISHED"
    STOPPED = "STOPPED"
    """We stopped it."""
    CALL_ENDED = "CALL_ENDED"


class Playback(ABC):
    """One prompt on its way to the phone."""

    @abstractmethod
    async def finished(self) -> PlaybackResult:
        """Wait until the last sample was sent, or the playback or call ended earlier."""

    @abstractmethod
    def stop(self) -> None:
        """Stop at once (within one packet time)."""


class CallEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a leg ended, answered or not."""

    status: CallStatus
    at: datetime
    sip_code: int | None = None
    by: Side = Side.SERVER
    detail: str | None = None
    """In words, for the record and for people."""
    sip_reason: str | None = None
    """The reason phrase of the far end's refusal."""
    q850_cause: int | None = None
    """From the ``Reason`` header of a refusal or a BYE (RFC 3326), 0..127."""
    warning: str | None = None
    """The first ``Warning`` of a refusal."""
    tries: tuple[TrunkTry, ...] = ()
    """Each trunk that was tried without an answer, in order."""
    fault: bool = False
    """An internal error ended the leg."""

    def failure(self) -> LegFailure:
        """The record's details of a leg that did not connect."""
        return LegFailure(
            detail=self.detail,
            sip_reason=self.sip_reason,
            q850_cause=self.q850_cause,
            warning=self.warning,
            tries=self.tries,
        )


class SipMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One SIP message on the wire, without secrets."""

    at: datetime
    sent: bool
    """False: received."""
    near: str
    """Our own address: ``udp:192.0.2.7:5060``."""
    far: str
    text: str


class Call(ABC):
    """One leg on the line, dialled or received."""

    call_id: str
    """Our id of the leg."""

    @property
    @abstractmethod
    def ended(self) -> CallEnd | None:
        """How it ended; None while it is up or ringing."""

    @property
    @abstractmethod
    def answer(self) -> asyncio.Future[datetime | None]:
        """Done when the 200 comes (its time) or the leg ends before (None; see :attr:`ended`). Only to be
        watched, as :attr:`over`."""

    async def answered(self) -> datetime | None:
        """Wait for :attr:`answer`."""
        return await asyncio.shield(self.answer)

    @property
    @abstractmethod
    def over(self) -> asyncio.Future[CallEnd]:
        """Done when the leg is over. Only to be watched (:func:`offhook.aio.first_of`): a task that
        awaits it and is canceled would cancel it for all others."""

    async def wait_ended(self) -> CallEnd:
        """Wait until the leg is over."""
        return await asyncio.shield(self.over)

    @abstractmethod
    def play(self, prompt: Prompt, *, repetition: int = 1, pause: float = 0.5) -> Playback:
        """Queue a prompt behind those still playing; gapless when queued in time.

        ``repetition`` times, with ``pause`` seconds of silence between.
        """

    @abstractmethod
    def play_below(self, prompt: Prompt | None, *, pause: float = 0.0) -> None:
        """Repeat a prompt, with ``pause`` seconds between, while nothing else is sent to this leg.

        It is not sent while a playback runs, nor until the leg that is relayed here has been silent for a
        second (RFC 3960 §3.2: ringback and early media). None: stop.
        """

    @abstractmethod
    def on_digit(self, listener: Callable[[str, float], None] | None) -> None:
        """Call the listener for each DTMF digit (``0-9*#A-D``), once per press, with its monotonic time."""

    @abstractmethod
    def send_digit(self, digit: str) -> None:
        """Send a DTMF digit (``0-9*#A-D``) to the phone; several at once follow one another.

        Nothing is sent to a leg that is not up.
        """

    @abstractmethod
    def relay(self, to: Call | None) -> None:
        """Relay the audio and digits of this leg to ``to`` from now on; None: stop."""

    @abstractmethod
    def tap(self) -> AudioTap:
        """From now on give the audio of this leg, both ways, for a recording."""

    @abstractmethod
    async def hang_up(self) -> CallEnd:
        """Send CANCEL, a refusal or BYE, depending on the state; returns how the call ended. Idempotent."""

    @abstractmethod
    def quality(self) -> CallQuality | None:
        """The measured quality; None when no media flowed."""

    measures_quality = False
    """Whether :meth:`quality_lately` measures anything."""

    def quality_lately(self) -> CallQuality | None:
        """Of what has arrived since it was asked last; None: nothing arrived, or it is not measured."""
        return None

    def on_transfer(self, listener: Callable[[str], bool] | None) -> None:
        """Ask ``listener`` about each wish of this phone that another number (E.164 with ``+``) be called in
        its place; True: it will be, and this leg is hung up soon. None, and at first: refused."""
        return

    def media_ends(self) -> tuple[str, str] | None:
        """Where its RTP goes from and to: ``udp:192.0.2.7:20000`` each; None: not known yet."""
        return None

    def complaint(self) -> str | None:
        """What was wrong with the media of a leg that was connected, in words; None: nothing."""
        return None

    def sip_trace(self) -> Sequence[SipMessage]:
        """The SIP messages of this leg that are still known, in order; none where nothing is traced."""
        return ()

    def drop_sip_trace(self) -> None:
        """The session is over: the messages of this leg are not needed any more."""
        return


class CallFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a received call says about itself besides caller and called number."""

    diverted: tuple[Diverted, ...] = ()
    """The forwardings before, the latest first."""


class ReceivedCall(Call):
    """A leg that came from outside and rings until we decide."""

    def facts(self) -> CallFacts:
        """What else the INVITE says; nothing where there is none."""
        return CallFacts()

    async def verify(self) -> CallerVerification | None:
        """Whether STIR/SHAKEN vouches for the caller's number, in a bounded time; None: it is not asked."""
        return None

    @abstractmethod
    def belongs_to(self, session_id: str) -> None:
        """Put this session's id on the call's log lines from now on."""

    @abstractmethod
    def accept(self) -> None:
        """200: answer it. :meth:`answered` resolves at once, or the call ends (488: no codec fits)."""

    @abstractmethod
    def let_hear(self) -> None:
        """Answer 183 with our SDP answer, so that the caller hears relayed audio before the call is
        answered.

        Does nothing unless the trunk has ``early_media`` set.
        """

    @abstractmethod
    def refuse(self, sip_code: int, status: CallStatus, *, retry_after: int | None = None) -> None:
        """Answer ``sip_code`` (300..699); the leg ends with ``status``, by us.

        ``retry_after``: seconds in which the caller's side sends no further calls (RFC 3261 §21.5.4).
        """


Ringing = Callable[[int, bool], None]
"""Told the SIP status of a provisional answer (101..199), and whether early media comes with it."""


MayUse = Callable[[str], Awaitable[bool]]
"""Takes a channel of the trunk with this name, durably; False: no channel is free."""


class Telephony(ABC):
    """The phone lines."""

    @abstractmethod
    def dial(self, order: DialOrder, on_ringing: Ringing, may_use: MayUse) -> Call:
        """Send the INVITE over the first trunk.

        ``on_ringing`` is called for each distinct 18x, and again when early media came with it.

        ``may_use`` is asked before the INVITE goes over another trunk of the order.
        """

    def is_down(self, trunk: str) -> bool:
        """Whether calls should go over another trunk where there is one, as far as is known here."""
        return False
