"""The result of a simulated session: its speech, questions, events and summary."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from offhook.events import AnyEvent, DigitsCaptured
from offhook.session.ports.record import DeliveryRecord
from offhook.session.session import Session
from offhook.session.tenancy import WebhookType
from offhook.testing.leg import SimulatedCall
from offhook.testing.simulated_line import SimulatedIncomingCall
from offhook.testing.timeline import Moment


class PhoneCall:
    """One leg, from the side of its phone."""

    def __init__(self, call: SimulatedCall, details: dict[str, Any]) -> None:
        self.number = call.phone.number
        self.status: str = details.get("callStatus", "")
        """``callStatus`` of the summary."""
        self.duration: int = details.get("callDuration", 0)
        """Whole seconds connected."""
        self.spoken = list(call.player.spoken)
        """The texts that Offhook said to it, in full, also interrupted ones."""
        self.heard = call.ear.words
        """The words its owner heard, of Offhook and of the bridged phone, without interrupted parts."""
        self.sounds = [utterance.text for utterance in call.ear.utterances]
        """Everything it heard in order, in full, ``(ringback)`` for each of our ringback tones."""
        self.ringback = any(utterance.ringback for utterance in call.ear.utterances)
        """Whether it heard our ringback tone."""
        self.keys = call.keys
        """The keys its owner pressed."""
        self.keys_heard = call.keys_heard
        """The keys that came through the bridge."""
        end = call.ended
        self.ended_by: str = end.by if end else ""
        """``callee``, ``caller`` or ``server``."""
        self.sip_code: int | None = end.sip_code if end else None
        """The SIP status that refused it, from either side."""
        self.refused_with = self.sip_code if isinstance(call, SimulatedIncomingCall) else None
        """The SIP status Offhook refused a call from outside with."""


class SimulatedSession:
    """One session from its callflow to its summary."""

    def __init__(
        self,
        *,
        session: Session,
        facts: list[AnyEvent],
        deliveries: Sequence[DeliveryRecord],
        calls: Sequence[SimulatedCall],
        questions: Sequence[dict[str, Any]],
        timeline: Sequence[Moment],
    ) -> None:
        self._deliveries = deliveries
        self.session = session
        """The record as stored."""
        self.facts = facts
        """The session's timeline as stored."""
        summaries = self.sent(WebhookType.VSS)
        self.summary: dict[str, Any] = summaries[0] if summaries else {}
        """The session summary (VSS payload) as it would be sent."""
        self.events = self.sent(WebhookType.VCS)
        """The call status events (VCS payloads) as they would be sent, in order."""
        self.asked = [
            question["payload"]
            for question in questions
            if question["payload"]["sessionId"] == session.session_id
        ]
        """The questions to the VCA webhook (payloads) as they were sent, in order."""
        self.timeline = list(timeline)
        """All events of the run."""
        details = self.summary.get("details", {})
        by_id = {call.call_id: call for call in calls}
        self.legs = [
            PhoneCall(by_id[leg["callId"]], leg)
            for leg in details.values()
            if leg["callId"] in by_id
        ]
        """The legs that rang, in order."""

    @property
    def status(self) -> str:
        """``sessionStatus``."""
        return self.session.status.value

    @property
    def error(self) -> int | None:
        """``errorCode`` of a session that ended ``ERROR``: -2005…"""
        return self.session.error.code if self.session.error else None

    @property
    def detail(self) -> str | None:
        """The exact error, as the operator sees it."""
        return self.session.error.detail if self.session.error else None

    @property
    def a(self) -> PhoneCall:
        """Leg A. Raises AssertionError when no leg was dialled."""
        assert self.legs, f"no leg was dialled; the session ended {self.status} {self.detail or ''}"
        return self.legs[0]

    @property
    def b(self) -> PhoneCall:
        """The leg bridged last. Raises AssertionError when there was none."""
        assert len(self.legs) > 1, "no leg was bridged in"
        return self.legs[-1]

    @property
    def spoken(self) -> list[str]:
        """The prompts of leg A: each text in full, each file as its URL."""
        return self.legs[0].spoken if self.legs else []

    @property
    def digits(self) -> list[str | None]:
        """The digits of each sayAndCapture; None for one without digits."""
        return [fact.digits for fact in self.facts if isinstance(fact, DigitsCaptured)]

    def sent(self, type_: str) -> list[dict[str, Any]]:
        """The payloads of one webhook type (``VCS``, ``VSS``) in order; of ``DTMF``, the legacy
        callback, the whole bodies."""
        bodies = [json.loads(e.payload) for e in self._deliveries if e.type == type_]
        return [body.get("payload", body) for body in bodies]

    def conversation(self) -> str:
        """The moments of the session with their times, a line each."""
        return "\n".join(str(moment) for moment in self.timeline)

    def __repr__(self) -> str:
        error = f" {self.error}: {self.detail}" if self.session.error else ""
        return f"<session {self.status}{error}>"
