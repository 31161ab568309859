"""What a session tells its customer: the webhooks that its facts cause."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from offhook.events import AnyEvent
from offhook.session.session import Session
from offhook.store.interface import OutboxEntry


class Reports(Protocol):
    """Makes the outbox entries of a session; they are stored in the transaction of what they tell."""

    def happened(
        self, session: Session, events: Sequence[AnyEvent], client_action_id: str | None
    ) -> Sequence[OutboxEntry]:
        """The call status events (VCS), if the sub-account wants them.

        ``client_action_id`` is that of the callflow that runs, or ran last.
        """
        ...

    def captured(
        self, session: Session, url: str, digits: str | None, at: datetime
    ) -> Sequence[OutboxEntry]:
        """The digits of a sayAndCapture with a ``dtmfCallbackUrl``."""
        ...

    def session_ended(self, session: Session) -> Sequence[OutboxEntry]:
        """The session summary (VSS), if the sub-account wants it."""
        ...
