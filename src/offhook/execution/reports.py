"""What a session tells its customer: the webhooks that its facts cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from offhook.session.session import Session
from offhook.store.interface import OutboxEntry


class Reports(Protocol):
    """Makes the outbox entries of a session; they are stored in the transaction of what they tell."""

    def session_ended(self, session: Session) -> Sequence[OutboxEntry]:
        """The session summary (VSS), if the sub-account wants it."""
        ...
