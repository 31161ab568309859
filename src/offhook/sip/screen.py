"""Admission: the application judges each request outside dialogs before any state is made.

A user agent asks its screen first, and only what the screen admits costs a transaction or a call.
What it refuses is answered once for each time it is received, from the request alone, with at most
:data:`offhook.sip.received_request.MAX_RATIO` times its size, so that a forged address gains nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, final

from offhook.sip.agent_events import Address
from offhook.sip.message import Request


class Admitted(NamedTuple):
    """The caller is known."""

    name: str | None = None
    """The application's name of the caller; it is passed on in ``IncomingInvite.admitted_as``."""


class ScreenedOut(NamedTuple):
    """The caller is answered with ``status`` (300..699)."""

    status: int
    headers: Sequence[tuple[str, str]] = ()
    """Header lines of the response; as many as fit, from the first."""


class Ignored(NamedTuple):
    """The caller gets no answer."""


Judgement = Admitted | ScreenedOut | Ignored


class Screen(ABC):
    """Judges requests outside dialogs. Requests inside a known dialog and responses are not screened."""

    @property
    def takes_registers(self) -> bool:
        """Whether phones may register here; otherwise REGISTER is answered 405."""
        return False

    @abstractmethod
    def ignores(self, request: Request, source: Address) -> bool:
        """Whether this request, which is outside a dialog or malformed, gets no answer at all."""

    def knows(self, host: str) -> bool:
        """Whether an address literal belongs to a known peer, so that its connections may stay."""
        return False

    def bans(self, host: str) -> bool:
        """Whether an address literal gets no answer at this time, so that its connections may go."""
        return False

    @abstractmethod
    def judge(self, invite: Request, source: Address) -> Judgement:
        """Judge a well-formed INVITE. It may be a repetition of one that was refused before."""

    def judge_register(self, request: Request, source: Address) -> Judgement:
        """Judge a well-formed REGISTER; asked where :attr:`takes_registers`."""
        return ScreenedOut(403)

    def malformed(self, source: Address) -> None:
        """A message from there was no SIP; it was dropped."""
        return


@final
class OpenScreen(Screen):
    """Admits every request: for tests, and for the built-in phones."""

    def ignores(self, request: Request, source: Address) -> bool:
        return False

    def knows(self, host: str) -> bool:
        return True

    def judge(self, invite: Request, source: Address) -> Judgement:
        return Admitted()
