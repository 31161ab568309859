"""What the store keeps for the operator: the state of trunks, the log lines and the packets of sessions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime

import msgspec

from offhook.session.ports.record import EVERY_SESSION, SessionFilter
from offhook.session.session import Session


class TrunkState(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a trunk answers one node."""

    trunk: str
    up: bool
    since: datetime
    detail: str | None = None
    """Why it counts as down, in words."""


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line that a process logged about a session."""

    session_id: str
    at: datetime
    process: str
    """``api``, ``voice-0`` …"""
    level: str
    """``info``, ``warning``, ``error`` …"""
    text: str


class Operating(ABC):
    """The part of the store that answers operators."""

    @abstractmethod
    async def put_trunk_state(self, node: str, state: TrunkState) -> None:
        """Replace what a node knows of a trunk."""

    @abstractmethod
    async def trunk_states(self) -> Sequence[tuple[str, TrunkState]]:
        """What each node knew last, with the node's name; by trunk, then node."""

    @abstractmethod
    async def begin_trouble(self, subject: str, now: datetime, *, again_after: float) -> bool:
        """Note that something goes wrong; whether this is the first to say so.

        After ``again_after`` seconds one that never ended counts as new.
        """

    @abstractmethod
    async def end_trouble(self, subject: str) -> bool:
        """Note that it goes wrong no more; whether this is the first to say so."""

    @abstractmethod
    async def put_log_lines(self, lines: Sequence[LogLine]) -> None:
        """Keep lines as long as their sessions."""

    @abstractmethod
    async def log_lines(self, session_id: str) -> Sequence[LogLine]:
        """The lines of a session, in the order of time."""

    @abstractmethod
    async def put_capture(self, session_id: str, at: datetime, pcap: bytes) -> None:
        """Keep the packets of a session, in a file of Wireshark's form, as long as the session."""

    @abstractmethod
    async def capture(self, session_id: str) -> bytes | None:
        """The packets that were kept of a session; None: none were."""

    @abstractmethod
    async def any_session(self, session_id: str) -> Session | None:
        """One session of any sub-account, as last saved."""

    @abstractmethod
    async def every_session(
        self,
        chosen: SessionFilter = EVERY_SESSION,
        *,
        owners: Sequence[str] | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[Sequence[Session], str | None]:
        """The chosen sessions of several sub-accounts, newest first; as ``History.sessions``.

        ``owners``: these sub-accounts; None: all.
        """
