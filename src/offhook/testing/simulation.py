"""The simulation that tests are written against: ``offhook`` in a test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from offhook.clock import new_id
from offhook.config import Config, Limits
from offhook.config import file as config_file
from offhook.flow import answer_bodies
from offhook.flow.actions import Callflow
from offhook.flow.context import JudgingContext
from offhook.flow.judge import judge
from offhook.flow.problems import Mode
from offhook.flow.scenarios import ScenarioParameter
from offhook.session.control import EndSession, ReplaceCallflow
from offhook.session.menus import read_menu
from offhook.session.ports.opt_out_lists import OptOut
from offhook.session.scenario_filling import filled
from offhook.session.tenancy import (
    OptOutSettings,
    Scenario,
    SubAccount,
    VirtualNumber,
    Webhook,
    WebhookType,
    facts_of,
)
from offhook.store.directory import Directory
from offhook.store.memory import MemoryStore
from offhook.testbed.phones import with_testbed
from offhook.testing.errors import CallflowRejected, ScriptNotFollowed, SimulationError
from offhook.testing.list_service import ListService
from offhook.testing.loop import VirtualLoop
from offhook.testing.phone import Phone
from offhook.testing.result import SimulatedSession
from offhook.testing.run import Run, World, profiles
from offhook.testing.simulated_speech import FILE_SECONDS, FakeSpeech
from offhook.testing.vca_script import Decide

AnyCallflow = Mapping[str, Any] | Sequence[Mapping[str, Any]] | str | bytes | Path
"""A request body as a dict, the list of its actions, its JSON, or a file that holds it."""

CARRIER = "udp:192.0.2.1:5060"
"""The address of the trunk for a configuration without trunks, or with built-in phones."""
SOMEWHERE = "https://customer.example/"
"""URL of the webhooks in a simulation; nothing is sent there."""


class Offhook:
    """Runs callflows and inbound calls of one sub-account, without a call, in virtual time.

    The judge, the limits, the session and its actions, the decision point and every payload are the
    server's own; only phones, voices and the database are simulated.
    """

    def __init__(
        self, config: Config | str | Path | None = None, *, sub_account: str | None = None
    ) -> None:
        """``config``: a configuration or the path of an ``offhook.toml``, whose routes, limits and
        sub-account (``sub_account``, or its only one) count. None: a sub-account that may do anything.

        Raises :class:`offhook.config.file.ConfigError`, or ValueError for an unknown sub-account.
        """
        loaded = config if isinstance(config, Config) else None
        if isinstance(config, str | Path):
            loaded = config_file.load(str(config))
        self._own_numbers_only = loaded is not None
        self._sub_account = _chosen(loaded, sub_account)
        base = loaded or Config()
        if base.testbed.phones or not base.trunks:
            base = with_testbed(base, CARRIER)
        self._config = base
        self._decide: Decide | None = None
        self._phones: dict[str, Phone] = {}
        self._script: Callable[[Phone], object] = lambda _phone: None
        self._speech = FakeSpeech()
        self._down: set[str] = set()
        self._list_service = ListService(None)
        self._opt_outs: dict[tuple[str, str], OptOut] = {}
        self._run: Run | None = None
        self._after: list[tuple[float, Callable[[], object]]] = []
        self.now = datetime.now(UTC)
        """The simulated time at which the next run begins; set it, or let it pass by :meth:`wait`."""
        self.sessions: list[SimulatedSession] = []
        """Every session so far."""
        self.left_behind: list[str] = []
        """Tasks and timers that a run did not end. If it is not empty, Offhook has a bug."""

    # --- the surroundings

    def phone(self, number: str) -> Phone:
        """The phone with this number (E.164 with ``+``), with a new, empty script."""
        phone = self._phones[number] = Phone(number)
        return phone

    def other_phones(self, script: Callable[[Phone], object]) -> None:
        """Give each phone that has no script one, by calling ``script`` with it when it is first called;
        unless told, such a phone is answered and stays on the line."""
        self._script = script

    def vca(self, decide: Decide | str) -> None:
        """Set what answers the VCA questions: a function from the payload of the VCA request to the answer
        (:data:`offhook.testing.vca_script.Decide`), or the URL of a server that is asked for real."""
        url = decide if isinstance(decide, str) else SOMEWHERE + "vca"
        self._decide = None if isinstance(decide, str) else decide
        self._webhook(WebhookType.VCA, url)

    def no_vca(self) -> None:
        """The sub-account has no VCA webhook."""
        self._without_webhook(WebhookType.VCA)

    def number(self, msisdn: str, *, reference_id: str | None = None) -> None:
        """The sub-account owns this number: it can be called, and may be a source."""
        number = VirtualNumber(msisdn=msisdn, reference_id=reference_id)
        self._change(numbers=(*self._sub_account.numbers, number))

    def scenario(self, name: str, template: AnyCallflow, *parameters: ScenarioParameter) -> None:
        """The account has this scenario for executeScenario."""
        text = _body(template).decode()
        scenario = Scenario(name=name, callflow=text, parameters=parameters)
        self._change(scenarios={**self._sub_account.scenarios, name: scenario})

    def opt_out(
        self,
        key: str,
        *,
        prompt: str | None = None,
        confirmation: str | None = None,
        problem: str | None = None,
    ) -> None:
        """Called persons opt out of voice messages with this key. ``problem``: why the operator's own list
        service does not take their numbers; None: it does."""
        settings = OptOutSettings(key=key, prompt=prompt, confirmation=confirmation)
        self._list_service = ListService(problem)
        self._change(opt_out=settings)

    def menu(self, name: str, document: Mapping[str, Any], *, numbers: Sequence[str]) -> None:
        """A stored menu answers calls to these numbers of the sub-account."""
        menu = read_menu(name, document, frozenset(numbers))
        self._change(menus={**self._sub_account.menus, name: menu})

    @property
    def opted_out(self) -> dict[str, datetime]:
        """The numbers on the sub-account's opt-out list, each with its time."""
        return {number: entry.at for (_, number), entry in self._opt_outs.items()}

    def file(self, url: str, *, seconds: float = FILE_SECONDS, missing: bool = False) -> None:
        """The audio file at ``url`` lasts so long, or cannot be fetched (-2006)."""
        self._speech.files[url] = None if missing else seconds

    def mute(self, text: str) -> None:
        """This text cannot be spoken (-2005)."""
        self._speech.mute.add(text)

    def preparing_takes(self, seconds: float, *, what: str | None = None) -> None:
        """Every synthesis and every download takes so long, or that of the text or URL ``what``; they
        take no time unless told."""
        if what is None:
            self._speech.takes = seconds
        else:
            self._speech.slow[what] = seconds

    def trunk_is_down(self, name: str) -> None:
        """Nothing answers over this trunk of the configuration."""
        self._down.add(name)

    def limits(self, **members: Any) -> None:
        """Members of ``[limits]``: ``ring_timeout``, ``max_call_duration``…"""
        limits: Limits = msgspec.structs.replace(self._config.limits, **members)
        self._config = msgspec.structs.replace(self._config, limits=limits)

    def restrict(self, **members: Any) -> None:
        """Other members of the sub-account (:class:`offhook.session.tenancy.SubAccount`):
        ``caller_ids``, ``coverage``, ``max_calls``, ``cps``, ``withheld_caller_id``…"""
        self._change(**members)

    # --- running

    def call(self, callflow: AnyCallflow) -> SimulatedSession:
        """Submit a callflow and run its session to the end.

        Raises :class:`CallflowRejected`, :class:`ScriptNotFollowed`, :class:`Runaway`, or an exception of
        the test's own functions.
        """
        return self.calls([callflow])[0]

    def calls(self, callflows: Sequence[AnyCallflow]) -> list[SimulatedSession]:
        """Submit several callflows at the same moment; their sessions run at the same time."""
        judged = [self.judged(callflow) for callflow in callflows]
        return self._do(lambda run: run.submit(judged))

    def inbound(self, *, to: str, from_: str) -> SimulatedSession:
        """A phone calls a number of the sub-account. The script of the phone ``from_`` is followed.

        Without a configuration every number belongs to the sub-account. Raises as :meth:`call` does.
        """
        known = [number.msisdn for number in self._sub_account.numbers]
        if to not in known and not self._own_numbers_only:
            self.number(to)
        return self._do(lambda run: run.ring(from_, to))[0]

    def judged(self, callflow: AnyCallflow) -> Callflow:
        """The callflow as accepted. Raises :class:`CallflowRejected`; nothing is run."""
        return self._judged(callflow, Mode.SUBMITTED)

    @property
    def facts(self) -> JudgingContext:
        """The facts that callflows are judged with."""
        return facts_of(self._sub_account, profiles())

    @property
    def asks(self) -> bool:
        """Whether there is a VCA webhook."""
        return self.facts.has_vca

    def wait(self, seconds: float) -> None:
        """Let time pass until the next run."""
        self.now += timedelta(seconds=seconds)

    def after(self, seconds: float, do: Callable[[], object]) -> None:
        """Call ``do`` so many seconds after the next run has begun, if it still runs then."""
        self._after.append((seconds, do))

    # --- during a run: from a phone's then(), from after(), from the VCA function

    def end(self) -> None:
        """``DELETE …/sessions/{id}``: end what runs now. Raises SimulationError if nothing does."""
        self._obey(EndSession(command_id=new_id()))

    def replace(self, callflow: AnyCallflow) -> None:
        """``POST …/sessions/{id}/callflows``: run this instead. Raises :class:`CallflowRejected`, or
        SimulationError where Offhook answers 409."""
        judged = self._judged(callflow, Mode.DECISION)
        self._obey(
            ReplaceCallflow(command_id=new_id(), call_flow_request_id=new_id(), callflow=judged)
        )

    # --- the end of a test

    def check_phones(self) -> None:
        """Raises :class:`ScriptNotFollowed` for a phone with a script that was in no call at all."""
        for phone in self._phones.values():
            if phone.steps and not phone.calls:
                raise ScriptNotFollowed(
                    f"{phone.number} was never called: the step “{phone.steps[0]}” never happened"
                )

    # --- inside

    def _do(self, begin: Callable[[Run], Awaitable[Sequence[Any]]]) -> list[SimulatedSession]:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            raise SimulationError("a simulation has a loop of its own: call it from a plain def")
        if self._sub_account.webhooks.get(WebhookType.VSS) is None:
            self._webhook(WebhookType.VSS, SOMEWHERE + "vss")
        if self._sub_account.webhooks.get(WebhookType.VCS) is None:
            self._webhook(WebhookType.VCS, SOMEWHERE + "vcs")
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            loop = runner.get_loop()
            assert isinstance(loop, VirtualLoop)
            try:
                done = runner.run(self._in_loop(loop, begin))
            finally:
                self.now += timedelta(seconds=loop.time())
        self.sessions += done
        return done

    async def _in_loop(
        self, loop: VirtualLoop, begin: Callable[[Run], Awaitable[Sequence[Any]]]
    ) -> list[SimulatedSession]:
        world = World(
            config=self._config,
            sub_account=self._sub_account,
            start=self.now,
            phone_of=self._phone_of,
            speech=self._speech,
            decide=self._decide,
            opt_out_service=self._list_service,
            opt_outs=self._opt_outs,
            down=self._down,
        )
        self._run = run = Run(world, loop)
        after, self._after = self._after, []
        try:
            return await run.until_ended(begin(run), after)
        finally:
            self._run = None
            self.left_behind += loop.left_behind()

    def _phone_of(self, number: str) -> Phone:
        if number not in self._phones:
            phone = self.phone(number)
            assert self._run is not None
            self._run.line.guarded(lambda: self._script(phone))
        return self._phones[number]

    def _judged(self, callflow: AnyCallflow, mode: Mode) -> Callflow:
        verdict = judge(_body(callflow), self.facts, self.now, mode=mode)
        if verdict.callflow is None:
            answer = answer_bodies.rejected(verdict.problems, new_id()).decode()
            raise CallflowRejected(verdict.problems, verdict.http_status, answer)
        return filled(verdict.callflow, self._sub_account, profiles(), self.now, mode=mode)

    def _obey(self, command: EndSession | ReplaceCallflow) -> None:
        refused = "nothing runs now" if self._run is None else self._run.obey(command)
        if refused is not None:
            raise SimulationError(refused)

    def _webhook(self, type_: WebhookType, url: str) -> None:
        webhook = Webhook(type=type_, url=url)
        self._change(webhooks={**self._sub_account.webhooks, type_: webhook})

    def _without_webhook(self, type_: WebhookType) -> None:
        kept = {name: hook for name, hook in self._sub_account.webhooks.items() if name != type_}
        self._change(webhooks=kept)

    def _change(self, **members: Any) -> None:
        self._sub_account = msgspec.structs.replace(self._sub_account, **members)


def _chosen(config: Config | None, wanted: str | None) -> SubAccount:
    """The sub-account of ``config`` with this id, or its only one."""
    if config is None or not config.subaccounts:
        return SubAccount(
            sub_account_id=wanted or "demo", account_id="demo", caller_ids=frozenset({"*"})
        )
    found = [entry for entry in config.subaccounts if wanted in (None, entry.id)]
    if len(found) != 1:
        names = ", ".join(entry.id for entry in config.subaccounts)
        raise ValueError(f"which sub-account is meant? The configuration has {names}")
    alone = Config(subaccounts=(msgspec.structs.replace(found[0], api_keys=()),))
    (sub_account,) = Directory(alone, MemoryStore()).sub_accounts()
    return sub_account


def _body(callflow: AnyCallflow) -> bytes:
    """The JSON of a callflow."""
    match callflow:
        case Path():
            return callflow.read_bytes()
        case bytes():
            return callflow
        case str():
            return callflow.encode("utf-8", "surrogatepass")
        case Mapping():
            return json.dumps(callflow).encode()
        case _:
            return json.dumps({"callflow": list(callflow)}).encode()
