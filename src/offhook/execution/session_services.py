"""What the conversations of one voice process share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from offhook.clock import Clock
from offhook.config import KeepTraces
from offhook.execution.capturing import CaptureDesk
from offhook.execution.session_recording import RecordingNotice
from offhook.session.ports.recording import NoRecorder, Recorder
from offhook.session.ports.speech import Speech
from offhook.session.ports.telephony import Telephony
from offhook.session.session import Leg, Session
from offhook.session.tenancy import SubAccount


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """What conversations of one voice process share."""

    telephony: Telephony
    speech: Speech
    clock: Clock
    ring_timeout: float
    max_call_duration: float
    max_legs: int
    """Legs of one session at the most."""
    keep_traces: KeepTraces
    """Which sessions' SIP messages are stored with them."""
    sub_account: Callable[[str], SubAccount | None]
    route: Callable[[str, SubAccount], tuple[str, ...]]
    """The trunks that lead to a number, in order; none: no coverage."""
    recorder: Recorder = NoRecorder()
    captures: CaptureDesk | None = None
    """The orders of operators; None: there are none."""
    recording_notice: RecordingNotice = RecordingNotice()
    charged: Callable[[Session], Session]
    """A session that has ended, with what its calls cost."""
    spent_out: Callable[[SubAccount], str | None]
    """Why a sub-account may dial nothing more today; None: it may."""
    take_channel: Callable[[Session, Leg, tuple[str, ...]], Awaitable[str | None]]
    """Store a session before one of its legs is dialled, with the leg on the first of these trunks that
    has a free channel; None: all are full and nothing was stored."""
    dialled: Callable[[Session, Leg], None] = lambda _session, _leg: None
    """Told of each leg that goes to a trunk, before its INVITE."""
