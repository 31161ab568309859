"""Tells when a sub-account calls a country for the first time: the usual beginning of toll fraud.

The store knows which countries were called, over all nodes and restarts. The operator is told once, by a
warning in the log (and in the session's own log) and by the alert ``country.first_call``. The call itself
goes on: an operator who wants to refuse countries lists those that are allowed in ``coverage``.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final, final

from offhook.clock import Clock
from offhook.faults import FaultLog
from offhook.flow.numbers import country_of
from offhook.session.ports.phone_bindings import FirstCall, Phones
from offhook.session.ports.record import StoreUnavailable
from offhook.session.session import Leg, Session

log = logging.getLogger(__name__)
faults = FaultLog(log)

UNKNOWN: Final = "unknown"
"""The country of a number that does not tell."""
REMEMBERED: Final = 10_000
"""Sub-accounts and countries that are known to have been called, so that the store is not asked again."""


@final
class FirstCalls:
    """Notes the countries of the legs that one node dials."""

    def __init__(self, store: Phones, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: set[tuple[str, str]] = set()
        self._noting: set[asyncio.Task[None]] = set()

    def dialled(self, session: Session, leg: Leg) -> None:
        """A leg to a trunk is dialled. The store is written beside it; the call does not wait for that."""
        key = session.sub_account_id, country_of(leg.destination) or UNKNOWN
        if key in self._known:
            return
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known.add(key)
        task = asyncio.get_running_loop().create_task(self._note(*key, session.session_id))
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def close(self) -> None:
        """Wait for what is being noted."""
        await asyncio.gather(*self._noting, return_exceptions=True)

    async def _note(self, sub_account_id: str, country: str, session_id: str) -> None:
        call = FirstCall(
            sub_account_id=sub_account_id,
            country=country,
            at=self._clock.now(),
            session_id=session_id,
        )
        try:
            if await self._store.put_first_call(call):
                log.warning(
                    "sub-account %s calls country %s for the first time", sub_account_id, country
                )
        except StoreUnavailable:
            self._known.discard((sub_account_id, country))
        except Exception:
            faults.report("noting the country of a call")
