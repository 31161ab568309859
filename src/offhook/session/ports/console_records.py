"""What the store keeps for the console: who is signed in, and the requests that were rejected."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from offhook.codes import SessionStatus
from offhook.events import AnyEvent
from offhook.session.ports.record import RequestRecord
from offhook.session.session import Session


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """One browser that is signed in."""

    token_digest: bytes
    """SHA-256 of the token in its cookie; the token itself is nowhere."""
    key_digest: bytes
    """SHA-256 of the API key it signed in with: it ends with the key."""
    created_at: datetime
    used_at: datetime
    """The last request, to the minute."""
    expires_at: datetime
    """The end, however much it is used."""


class OutcomeCount(NamedTuple):
    """The sessions of a status that were created within a step of time."""

    since: datetime
    status: SessionStatus
    sessions: int


class LiveSession(NamedTuple):
    """A session that runs or waits."""

    session: Session
    node: str
    """The voice process that runs it; '': it waits."""
    events: Sequence[AnyEvent]
    """The last of them, in order."""


class ConsoleRecords(ABC):
    """The part of the store for the console."""

    @abstractmethod
    async def put_sign_in(self, sign_in: SignIn) -> None:
        """Keep a new one; those that have expired by then are deleted."""

    @abstractmethod
    async def sign_in(self, token_digest: bytes) -> SignIn | None:
        """The one with this token, expired or not."""

    @abstractmethod
    async def touch_sign_in(self, token_digest: bytes, at: datetime) -> None:
        """Note that it was used."""

    @abstractmethod
    async def delete_sign_in(self, token_digest: bytes) -> None:
        """Sign out."""

    @abstractmethod
    async def any_request(self, call_flow_request_id: str) -> RequestRecord | None:
        """One request of any sub-account."""

    @abstractmethod
    async def rejected_requests(
        self,
        sub_account_ids: Collection[str],
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[Sequence[RequestRecord], str | None]:
        """The requests of these sub-accounts that made no session, newest first; with the cursor of the
        next page, None at the end. Raises ValueError for an invalid cursor.
        """

    @abstractmethod
    async def newest_sessions(
        self, sub_account_ids: Collection[str], since: datetime, *, limit: int
    ) -> Sequence[Session]:
        """The newest sessions of these sub-accounts together that were created from ``since`` on, in no
        order."""

    @abstractmethod
    async def live_sessions(
        self, sub_account_ids: Collection[str], *, each: int, limit: int, events: int
    ) -> Sequence[LiveSession]:
        """What runs and waits, in no order: of each sub-account the newest ``each`` sessions that run and the
        newest ``each`` that wait.

        At most ``limit`` in all: those that wait are left out first, then the oldest of each sub-account, so
        that a busy sub-account does not hide a quiet one. ``events``: how many each has at most.
        """

    @abstractmethod
    async def outcome_counts(
        self, sub_account_ids: Collection[str], since: datetime, until: datetime, step: timedelta
    ) -> Sequence[OutcomeCount]:
        """How many sessions of each status were created from ``since`` on and before ``until``, in steps.

        Steps begin at multiples of ``step`` since 1970; those without sessions are left out.
        """

    @abstractmethod
    async def sip_code_counts(
        self, sub_account_ids: Collection[str], since: datetime, until: datetime
    ) -> Mapping[int, int]:
        """How many sessions created in that time have a leg with each SIP status."""
