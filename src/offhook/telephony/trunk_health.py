"""Whether each trunk answers: learned from its calls, and from OPTIONS where the configuration asks for them.

Any response shows that a trunk is up: also a refusal, and a 401 to an OPTIONS. Silence shows that it is
down, and so does a host name that cannot be looked up. A trunk that refuses our REGISTER is down too. A
change is logged, and counted in the metrics.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from offhook.clock import Clock
from offhook.session.ports.operating import TrunkState
from offhook.session.ports.trunk_probes import ProbeAnswer
from offhook.sip import Address, AnyEvent, OptionsAnswered
from offhook.sip.encoding import host_port
from offhook.telephony.call_listeners import Listener
from offhook.telephony.endpoint import SipEndpoint
from offhook.telephony.line_metrics import LineMetrics
from offhook.telephony.transports.locator import CannotLocate
from offhook.telephony.trunks import Trunk

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks for trunks whose next OPTIONS is due."""
PATIENCE = 5.0
"""Seconds that an operator waits for the answer to an OPTIONS."""
SILENT_FOR = 60.0
"""Seconds for which a trunk without OPTIONS counts as silent for routing."""


class _KnownTrunk:
    """What is known of one trunk."""

    __slots__ = ("answers", "silence", "silent_at", "unregistered")

    def __init__(self) -> None:
        self.answers: bool | None = None
        """None: it was not asked and had no call yet."""
        self.silence: str | None = None
        self.silent_at = 0.0
        """When it was silent last, of the monotonic clock."""
        self.unregistered: str | None = None
        """Why our REGISTER failed; None: it did not."""

    @property
    def up(self) -> bool:
        return self.answers is not False and self.unregistered is None


def ask(endpoint: SipEndpoint, trunk: Trunk, server: Address, listener: Listener) -> None:
    """Ask a server of a trunk whether it is there; ``listener`` gets the answer's event."""
    uri = f"sip:{trunk.host_port}"
    with endpoint.command() as (agent, now):
        handle = agent.options(
            now,
            target=server,
            request_uri=uri,
            from_uri=f"sip:offhook@{host_port(endpoint.advertised_host, None)}",
            to_uri=uri,
        )
        endpoint.listen(handle, listener)


StateListener = Callable[[TrunkState], object]
"""Called with each new state of a trunk."""


def unheard(_state: TrunkState) -> None:
    """The listener where nobody wants to know."""


class TrunkHealth:
    """What one voice process knows of its trunks."""

    def __init__(
        self, clock: Clock, metrics: LineMetrics, on_change: StateListener = unheard
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._known: dict[str, _KnownTrunk] = {}
        self._states: dict[str, TrunkState] = {}
        self._on_change = on_change

    def state(self, trunk: str) -> TrunkState | None:
        """What is known of a trunk; None: it was not asked and had no call yet."""
        return self._states.get(trunk)

    def avoided(self, trunk: str, *, asked_by_options: bool) -> bool:
        """Whether calls should go over another trunk where there is one.

        That a trunk is silent counts until it answers. Where no OPTIONS ask for that, it counts for
        :data:`SILENT_FOR` seconds; then a call may try it again. A trunk that refuses our REGISTER may take
        calls all the same, so it is not avoided.
        """
        known = self._known.get(trunk)
        if known is None or known.answers is not False:
            return False
        return asked_by_options or self._clock.monotonic() - known.silent_at < SILENT_FOR

    def heard(self, trunk: str) -> None:
        """A response of the trunk came."""
        known = self._known.get(trunk)
        if known is None or not known.answers:
            known = self._of(trunk)
            known.answers, known.silence = True, None
            self._show(trunk, known)

    def silent(self, trunk: str, detail: str) -> None:
        """No response came to an INVITE or an OPTIONS; ``detail`` says it in words."""
        known = self._of(trunk)
        known.answers, known.silence = False, detail
        known.silent_at = self._clock.monotonic()
        self._show(trunk, known)

    def registered(self, trunk: str, problem: str | None) -> None:
        """Our REGISTER was taken, or failed because of ``problem``."""
        known = self._of(trunk)
        known.unregistered = problem
        if problem is None:
            known.answers, known.silence = True, None
        self._metrics.trunk_is_registered(trunk, registered=problem is None)
        self._show(trunk, known)

    def _of(self, trunk: str) -> _KnownTrunk:
        return self._known.setdefault(trunk, _KnownTrunk())

    def _show(self, trunk: str, known: _KnownTrunk) -> None:
        """Tell a change."""
        before, up = self._states.get(trunk), known.up
        if before is not None and before.up is up:
            return
        detail = None if up else (known.unregistered or known.silence)
        state = TrunkState(trunk=trunk, up=up, since=self._clock.now(), detail=detail)
        self._states[trunk] = state
        self._metrics.trunk_is(trunk, up=up)
        if not up:
            log.warning("trunk %s is down: %s", trunk, detail)
        elif before is not None:
            log.warning("trunk %s is up again", trunk)
        self._on_change(state)


class TrunkProbe:
    """Sends an OPTIONS to each trunk with ``options_every``."""

    def __init__(
        self,
        endpoint: SipEndpoint,
        health: TrunkHealth,
        trunks: Callable[[], Mapping[str, Trunk]],
        clock: Clock,
    ) -> None:
        self._endpoint = endpoint
        self._health = health
        self._trunks = trunks
        self._clock = clock
        self._asked: dict[str, float] = {}
        """When each trunk was asked last."""
        self._waiting: set[str] = set()
        """Trunks with an OPTIONS that is not over."""
        self._looking_up: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            self.ask_due()
            await asyncio.sleep(LOOK_EVERY)

    def ask_due(self) -> None:
        """Send the OPTIONS that are due."""
        now = self._clock.monotonic()
        for trunk in self._trunks().values():
            due = self._asked.get(trunk.name, float("-inf")) + trunk.options_every
            if trunk.options_every and now >= due and trunk.name not in self._waiting:
                self._ask(trunk, now)

    async def ask_now(self, name: str, node: str) -> ProbeAnswer | None:
        """Ask a trunk for ``node``, whatever is due. None: there is no such trunk.

        An answer counts as one; silence does not, since nobody waited for it as long as SIP does.
        """
        trunk = self._trunks().get(name)
        if trunk is None:
            return None
        asked_at = self._clock.monotonic()
        answer: asyncio.Future[OptionsAnswered] = asyncio.get_running_loop().create_future()

        def answered(event: AnyEvent) -> None:
            if isinstance(event, OptionsAnswered) and not answer.done():
                answer.set_result(event)

        try:
            async with asyncio.timeout(PATIENCE):
                servers = await self._endpoint.locator.find(trunk.place)
                ask(self._endpoint, trunk, servers[0], answered)
                event = await answer
        except CannotLocate as error:
            status, problem = None, str(error)
        except TimeoutError:
            status, problem = None, trunk.silence(PATIENCE)
        else:
            status = event.status
            problem = "" if status is not None else event.problem or trunk.silence(PATIENCE)
        if status is not None:
            self._health.heard(trunk.name)
        took = round((self._clock.monotonic() - asked_at) * 1000)
        return ProbeAnswer(node=node, status=status, problem=problem, milliseconds=took)

    def _ask(self, trunk: Trunk, now: float) -> None:
        self._asked[trunk.name] = now
        self._waiting.add(trunk.name)
        known = self._endpoint.locator.known(trunk.place)
        if known is not None:
            self._ask_server(trunk, known[0], now)
            return
        task = asyncio.get_running_loop().create_task(self._look_up(trunk, now))
        self._looking_up.add(task)
        task.add_done_callback(self._looking_up.discard)

    async def _look_up(self, trunk: Trunk, now: float) -> None:
        try:
            servers = await self._endpoint.locator.find(trunk.place)
        except CannotLocate as error:
            self._waiting.discard(trunk.name)
            self._health.silent(trunk.name, str(error))
        else:
            self._ask_server(trunk, servers[0], now)

    def _ask_server(self, trunk: Trunk, server: Address, now: float) -> None:
        ask(self._endpoint, trunk, server, lambda event: self._answered(trunk, now, event))

    def _answered(self, trunk: Trunk, asked_at: float, event: AnyEvent) -> None:
        self._waiting.discard(trunk.name)
        if not isinstance(event, OptionsAnswered):
            return
        if event.status is not None:
            self._health.heard(trunk.name)
            return
        waited = self._clock.monotonic() - asked_at
        self._health.silent(trunk.name, event.problem or trunk.silence(waited))
