"""What a session needs of the customer's webhooks: an answer to its question, and reports of its facts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import msgspec

from offhook.events import AnyEvent
from offhook.session.number_states import NumberFacts
from offhook.session.ports.record import OutboxEntry
from offhook.session.ports.recording import RecordingRecord
from offhook.session.session import Leg, Session
from offhook.session.tenancy import SubAccount, Webhook


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer is asked."""

    event_id: str
    session: Session
    leg: Leg
    received: bool
    """``CALL_RECEIVED``: a new inbound call; else ``ACTION_COMPLETED``."""
    digits: str | None
    client_action_id: str | None
    """Of the callflow that just ran."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What came back; ``body`` is None when no 2xx came in time (-2002)."""

    body: bytes | None
    http_status: int | None = None
    detail: str = ""
    too_long: bool = False
    unreadable: bool = False
    """HTTP itself makes the answer unreadable; ``detail`` says how (-2003)."""
    question: bytes = b""
    """The JSON that was sent; empty where the asker does not say."""


Asker = Callable[[SubAccount, Question], Awaitable[Reply]]
"""Asks the VCA webhook, within the 10 s budget of ``spec/webhooks.md``. Never raises for errors of the
far end."""


class WebhookTrial(ABC):
    """Sends a made-up event to a webhook, for its owner to see what comes back."""

    @abstractmethod
    async def send(self, owner: SubAccount, webhook: Webhook) -> Reply:
        """One attempt, signed as a delivery is. Never raises for errors of the far end."""


class NumberNews(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of one number."""

    facts: NumberFacts
    updated_at: datetime
    changed: bool
    """Whether it has changed since it was told last."""


class Reports(ABC):
    """Makes the outbox entries of a session; they are stored in the same transaction as the events they
    report."""

    @abstractmethod
    def happened(
        self, session: Session, events: Sequence[AnyEvent], client_action_id: str | None
    ) -> Sequence[OutboxEntry]:
        """The call status events (VCS), if the sub-account wants them.

        ``client_action_id`` is that of the callflow that runs, or ran last.
        """

    @abstractmethod
    def captured(
        self, session: Session, url: str, digits: str | None, at: datetime
    ) -> Sequence[OutboxEntry]:
        """The digits of a sayAndCapture with a ``dtmfCallbackUrl``."""

    @abstractmethod
    def session_ended(self, session: Session) -> Sequence[OutboxEntry]:
        """The session summary (VSS), if the sub-account wants it."""


class RecordingReports(ABC):
    """Makes the outbox entries of recordings; they are stored in the transaction of what they report."""

    @abstractmethod
    def recording_status(self, record: RecordingRecord, at: datetime) -> Sequence[OutboxEntry]:
        """What became of a recording (VRU), if the sub-account wants it; nothing while it is uploaded."""


class NumberReports(ABC):
    """Makes the outbox entries of virtual numbers; they are stored in the transaction of the change."""

    @abstractmethod
    def receiver(self, sub_account: SubAccount) -> str | None:
        """A mark of who is told of the numbers (VNU); None: nobody. Another mark: another receiver."""

    @abstractmethod
    def all_numbers(
        self, sub_account_id: str, numbers: Sequence[NumberNews], at: datetime
    ) -> Sequence[OutboxEntry]:
        """All numbers of a sub-account (``SNAPSHOT``); a long list in several deliveries."""

    @abstractmethod
    def changed_numbers(
        self, sub_account_id: str, numbers: Sequence[NumberNews], at: datetime, *, total: int
    ) -> Sequence[OutboxEntry]:
        """The numbers that changed (``UPDATES``); ``total``: the sub-account's numbers."""
