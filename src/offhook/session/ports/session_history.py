"""The part of the store that reads what happened."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from offhook.events import AnyEvent
from offhook.session.ports.record import EVERY_SESSION, DeliveryRecord, RequestRecord, SessionFilter
from offhook.session.ports.telephony import SipMessage
from offhook.session.session import Session


class History(ABC):
    """Reads what was stored."""

    @abstractmethod
    async def request(self, sub_account_id: str, call_flow_request_id: str) -> RequestRecord | None:
        """One request."""

    @abstractmethod
    async def session(self, sub_account_id: str, session_id: str) -> Session | None:
        """One session as last saved."""

    @abstractmethod
    async def sessions(
        self,
        sub_account_id: str,
        chosen: SessionFilter = EVERY_SESSION,
        *,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[Sequence[Session], str | None]:
        """The chosen sessions, newest first; with the cursor of the next page, None at the end.

        Raises ValueError for an invalid cursor.
        """

    @abstractmethod
    async def events(self, session_id: str, after: int = 0) -> Sequence[tuple[int, AnyEvent]]:
        """The timeline from number ``after`` + 1 on, each with its number (1, 2, …)."""

    @abstractmethod
    async def sip_trace(self, session_id: str) -> Sequence[SipMessage]:
        """The stored SIP messages of a session, in order; none were kept, or no such session: empty."""

    @abstractmethod
    async def deliveries(self, session_id: str) -> Sequence[DeliveryRecord]:
        """Every webhook delivery of a session with its attempts, oldest first."""
