"""The store's part for virtual numbers: assignments by the operator, and what customers were told last."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime

import msgspec

from offhook.session.number_states import NumberFacts, NumberTest
from offhook.session.ports.record import OutboxEntry
from offhook.session.tenancy import VirtualNumber


class NumberState(msgspec.Struct, frozen=True, kw_only=True):
    """One number of a sub-account, as the customer was told of it last."""

    sub_account_id: str
    facts: NumberFacts
    created_at: datetime
    """When it was the sub-account's first."""
    updated_at: datetime
    """When one of the facts changed last."""
    test: NumberTest | None = None
    """The last one; :meth:`Numbers.tell_numbers` leaves it as it is."""

    @property
    def msisdn(self) -> str:
        """E.164 with ``+``."""
        return self.facts.msisdn


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a sub-account is told: stored in one transaction with the deliveries that tell it."""

    sub_account_id: str
    put: Sequence[NumberState] = ()
    """New and changed numbers."""
    gone: Sequence[str] = ()
    """Numbers that are the sub-account's no more."""
    receiver: str | None = None
    """Who was told of all numbers: a mark of the VNU webhook; None: there is none."""
    outbox: Sequence[OutboxEntry] = ()


class Numbers(ABC):
    """The part of the store for virtual numbers."""

    @abstractmethod
    async def assign_number(self, sub_account_id: str, number: VirtualNumber) -> None:
        """Give a number to a sub-account, also to one of the file; replaces its earlier assignment."""

    @abstractmethod
    async def withdraw_number(self, sub_account_id: str, msisdn: str) -> bool:
        """Take an assigned number back. False: it is not assigned to this sub-account."""

    @abstractmethod
    async def assigned_numbers(self) -> Sequence[tuple[str, VirtualNumber]]:
        """All assigned numbers with their sub-account's id, by number."""

    @abstractmethod
    async def take_duty(self, name: str, owner: str, now: datetime, *, lease: float) -> bool:
        """Take or renew a duty that one process of the installation has at a time, for ``lease`` seconds.

        False: another one has it.
        """

    @abstractmethod
    async def number_states(self, sub_account_id: str | None = None) -> Sequence[NumberState]:
        """What was told of a sub-account's numbers, by number; of all sub-accounts with None."""

    @abstractmethod
    async def number_receivers(self) -> Sequence[tuple[str, str]]:
        """Each sub-account that was told of all its numbers, with :attr:`Told.receiver`."""

    @abstractmethod
    async def tell_numbers(self, told: Told) -> None:
        """Store what a sub-account is told, in one transaction with the deliveries."""

    @abstractmethod
    async def begin_test(self, sub_account_id: str, msisdn: str, now: datetime) -> None:
        """A test call to the number begins."""

    @abstractmethod
    async def test_arrived(self, msisdn: str, since: datetime, now: datetime) -> bool:
        """A call from the number to itself has come in. False: no test call since ``since`` is under way."""

    @abstractmethod
    async def end_test(
        self, sub_account_id: str, msisdn: str, now: datetime, *, detail: str
    ) -> NumberTest | None:
        """The test call is over: whether it arrived. ``detail``: how it ended, kept if it did not.

        None: the number is the sub-account's no more.
        """
