"""With which trunks this machine is registered now.

The first worker of each machine registers (``register = true``), until it stops or the operator drains its
node: then no new call must come. A trunk with ``register_on = "one"`` has one contact only. Its registration
is a duty with a lease in the database: the machine that has it renews it every few seconds, and another takes
it when that one has stopped, is drained, or has died.

While the database is away everything stays as it is. A machine that alone is cut off from it keeps its
contact beside the one of the machine that has taken the duty, and refuses the calls that come to it (503), so
the trunk tries the other; it takes its contact back when it reaches the database again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from offhook.aio import first_of
from offhook.clock import Clock
from offhook.session.ports.number_records import Numbers
from offhook.session.ports.record import StoreUnavailable
from offhook.telephony.trunk_registrations import TrunkRegistrations
from offhook.telephony.trunks import Trunk

log = logging.getLogger(__name__)

RENEW: Final = 5.0
"""Seconds between two looks at who has the duties."""
LEASE: Final = 20.0
"""Seconds for which a machine has a duty."""


class RegistrationDuty:
    """Gives :class:`.TrunkRegistrations` the trunks that it registers with at each time."""

    def __init__(
        self,
        registrations: TrunkRegistrations,
        trunks: Callable[[], Mapping[str, Trunk]],
        store: Numbers,
        clock: Clock,
        owner: str,
    ) -> None:
        """``trunks``: those of the configuration; ``owner``: the node's name."""
        self._registrations = registrations
        self._trunks = trunks
        self._store = store
        self._clock = clock
        self._owner = owner
        self._paused = False
        self._held: set[str] = set()
        """Trunks of whose registration this machine has the duty."""
        self._changed = asyncio.Event()

    def pause(self) -> None:
        """The operator drains this node: take all registrations back."""
        self._paused = True
        self._changed.set()

    def resume(self) -> None:
        """Register again."""
        self._paused = False
        self._changed.set()

    def look(self) -> None:
        """The configuration has changed."""
        self._changed.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep registered until the server stops."""
        try:
            while not stopping.is_set():
                self._changed.clear()
                await self.once()
                await first_of(stopping.wait(), self._changed.wait(), timeout=RENEW)
        finally:  # also where the server ends before this task has seen it stop
            self._registrations.stop()
            await self._drop(set(self._held))

    async def once(self) -> None:
        """Register where this machine is to, and nowhere else."""
        trunks = {} if self._paused else dict(self._trunks())
        of_one = {
            name for name, trunk in trunks.items() if trunk.registrars and trunk.registers_on_one
        }
        for name in sorted(of_one):
            await self._take(name)
        for name in of_one - self._held:
            del trunks[name]
        self._registrations.use(trunks)
        await self._drop(self._held - of_one)

    async def _take(self, name: str) -> None:
        now = self._clock.now()
        try:
            taken = await self._store.take_duty(_duty(name), self._owner, now, lease=LEASE)
        except StoreUnavailable as error:
            log.warning("trunk %s: it stays unknown which machine registers: %s", name, error)
            return
        if taken and name not in self._held:
            self._held.add(name)
            log.info("trunk %s: this machine registers", name)
        elif not taken and name in self._held:
            self._held.discard(name)
            log.warning("trunk %s: another machine registers now", name)

    async def _drop(self, names: set[str]) -> None:
        """Leave duties to others at once."""
        for name in names:
            self._held.discard(name)
            try:
                await self._store.take_duty(_duty(name), self._owner, self._clock.now(), lease=0)
            except StoreUnavailable as error:
                log.warning("trunk %s: another machine registers in %g s: %s", name, LEASE, error)


def _duty(trunk: str) -> str:
    return f"register {trunk}"
