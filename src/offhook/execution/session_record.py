"""The record of one running session, and the facts that make it.

The record changes only through :meth:`SessionRecord.change` and :meth:`SessionRecord.record`, which keep it
and its timeline together; :class:`~offhook.execution.journal.SessionJournal` stores both, in order.

An exception in a callback of the phone lines ends this session and no other
(:meth:`SessionRecord.break_off`).
"""

from __future__ import annotations

import logging
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence

import msgspec

from offhook.events import (
    AnyEvent,
    DigitsCaptured,
    Side,
)
from offhook.execution.journal import SessionJournal
from offhook.execution.session_services import Services
from offhook.faults import FaultLog
from offhook.flow.actions import Callflow
from offhook.log import about
from offhook.session import states
from offhook.session.ports.record import OutboxEntry
from offhook.session.ports.telephony import Call
from offhook.session.ports.webhooks import Reports
from offhook.session.session import Leg, Session
from offhook.session.tenancy import SubAccount

faults = FaultLog(logging.getLogger(__name__))


class SessionRecord(ABC):
    """What is written of a session while it runs."""

    def __init__(
        self, session: Session, services: Services, journal: SessionJournal, reports: Reports
    ) -> None:
        self.session = session
        self.services = services
        self.breakdown: str | None = None
        """The internal error outside of the running step, if there was one; the session ends ERROR."""
        self._journal = journal
        self._reports = reports
        self._client_action_id = session.callflow.client_action_id

    @property
    def sub_account(self) -> SubAccount | None:
        """The session's sub-account, as configured at this moment."""
        return self.services.sub_account(self.session.sub_account_id)

    @property
    def a_is_up(self) -> bool:
        """Whether leg A was answered and is not over."""
        leg = self.session.legs[0]
        return leg.connected_at is not None and leg.status is None

    def is_up(self, call: Call) -> bool:
        """Whether this leg was answered and is not over."""
        leg = self.leg(call.call_id)
        return leg.connected_at is not None and leg.status is None

    def change(self, session: Session, *events: AnyEvent) -> None:
        """The session's next record and the facts that made it; stored soon, in order."""
        self.session = session
        outbox: Sequence[OutboxEntry] = ()
        try:
            outbox = self._reports.happened(session, events, self._client_action_id)
        except Exception:
            self.break_off("making its call status events")
        self._journal.put(session, events, outbox)

    def record(self, *events: AnyEvent) -> None:
        """Facts that leave the record as it is."""
        self.change(self.session, *events)

    def spoke(self, text: str) -> None:
        """A text is spoken; its length is stored with the next change."""
        length = self.session.tts_length + len(text)
        self.session = msgspec.structs.replace(self.session, tts_length=length)

    def leg(self, call_id: str) -> Leg:
        """The leg with this id."""
        return next(leg for leg in self.session.legs if leg.call_id == call_id)

    def runs(self, callflow: Callflow) -> None:
        """``callflow`` is the running callflow from now on: call status events have its
        ``clientActionId``."""
        self._client_action_id = callflow.client_action_id

    def captured(self, digits: str | None, callback_url: str | None) -> None:
        """A sayAndCapture of leg A ended with these digits; they are posted to ``callback_url`` too."""
        leg = self.session.legs[0]
        at = self.services.clock.now()
        self.record(DigitsCaptured(at=at, call_id=leg.call_id, digits=digits))
        if callback_url is not None:
            outbox = self._reports.captured(self.session, callback_url, digits, at)
            self._journal.put(self.session, (), outbox)

    def failed_before_dialling(self, leg: Leg) -> None:
        """An error stopped a leg before its INVITE: record it as ERROR."""
        never = states.never_dialled(leg, self.services.clock.now())
        self.change(
            states.with_leg(self.session, never), states.disconnected(never, by=Side.SERVER)
        )

    def break_off(self, what: str) -> None:
        """Report the exception that is being handled and end the session ``ERROR`` -2001.

        For callbacks that run outside the current step. ``what`` says what failed: ``making its events``.
        """
        with about(self.session.session_id):
            faults.report(what)
        self.breakdown = self.breakdown or f"{what}: {sys.exception()!r}"
        self.stop("an internal error ends it")

    @abstractmethod
    def stop(self, why: str) -> None:
        """End the running step, and with it the session."""
