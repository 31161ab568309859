"""``offhook serve``: starts the processes of an installation, keeps them running, stops them in order.

One API process, the voice workers, the SIP front of several workers and, where the configuration has built-in
phones, their testbed. Each is ``python -m offhook.processes.role_process`` (the contract:
:mod:`offhook.processes.child`). They communicate through the store and the fabric; the supervisor runs the
fabric's hub and handles no calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from importlib.util import find_spec
from typing import NamedTuple

from offhook import process_metrics
from offhook.aio import first_of, wait_or
from offhook.config import Config, ListenAddress, sip_address
from offhook.config import file as config_file
from offhook.execution.file_findings import file_findings
from offhook.fabric.local import LocalHub
from offhook.processes import child, descriptors
from offhook.processes.keeper import Keeper, Member
from offhook.processes.listen_addresses import Role, unusable
from offhook.processes.metrics_server import serving_metrics
from offhook.processes.process_roles import ProcessRole
from offhook.processes.ready_facts import NOTHING_TO_TELL, ReadyFacts, ReadyPhone, ServerFacts
from offhook.processes.shared_sip import LOOPBACK, shared_index
from offhook.processes.systemd import SystemdNotifier
from offhook.telephony.transports.sockets import bound_socket

_log = logging.getLogger(__name__)


DRAIN_MARGIN = 10.0
"""Seconds a process may take beyond ``limits.drain_timeout`` to hang up and end."""
PORT_PATIENCE = 10.0
"""Seconds for which the start waits for an address that is still in use."""
HURRIED_TIMEOUT = 5.0
"""Seconds left to each process after a second SIGINT or SIGTERM."""


class ExitCode(IntEnum):
    """How ``offhook serve`` ends."""

    STOPPED = 0
    """Stopped on request; all processes had ended in time."""
    FAILED = 1
    """A process could not start, or had to be killed."""


class Options(NamedTuple):
    """What ``offhook serve`` was asked."""

    config_path: str | None = None
    found: str = "as given"
    """Where the configuration was found, for the log."""
    role: Role = "all"
    workers: int = 1
    command: tuple[str, ...] = (sys.executable, "-m", "offhook.processes.role_process")
    """What to start; tests put a program of their own here."""


def members(config: Config, role: Role, workers: int) -> list[Member]:
    """The processes of an installation; voice workers start once they can be told of the testbed."""
    wanted: list[Member] = []
    if role != "api":
        if workers > 1:
            wanted.append(Member(ProcessRole.FRONT))
        if config.testbed.phones:
            wanted.append(Member(ProcessRole.TESTBED))
        wanted += [Member(ProcessRole.VOICE, worker) for worker in range(workers)]
        if config.browser_phone.enabled and find_spec("aiortc") is not None:
            wanted.append(Member(ProcessRole.PHONES))
    if role != "voice":
        wanted.append(Member(ProcessRole.API))
    return wanted


class StartFailed(Exception):
    """A process ended or did not become ready when the installation was started; it was logged."""


class Supervisor:
    """One run of ``offhook serve``."""

    def __init__(
        self, options: Options, config: Config, on_ready: Callable[[ServerFacts], None]
    ) -> None:
        """``on_ready`` is called once, when all processes serve, with the facts of :func:`facts_of`."""
        self._options = options
        self._config = config
        self._on_ready = on_ready
        self._manager = SystemdNotifier()
        self._keepers: list[Keeper] = []
        self._stop = asyncio.Event()
        self._signals = 0
        self._testbed: str | None = None
        self._environ: dict[str, str] = {}
        self._life_pipe: tuple[int, int] = (-1, -1)
        self._sip: socket.socket | None = None
        """Shared by several voice workers."""
        self._deadline: asyncio.Timeout | None = None

    async def run(self) -> ExitCode:
        """Start everything, wait for a signal, stop everything."""
        descriptors.raise_limit()
        hub: LocalHub | None = None
        self._life_pipe = os.pipe()
        with (
            tempfile.TemporaryDirectory(prefix="offhook-") as folder,
            process_metrics.folder() as figures,
            self._signal_handlers(),
        ):
            try:
                if not await self._addresses_are_free():
                    return ExitCode.FAILED
                if self._options.workers > 1 and self._options.role != "api":
                    self._share_sip(folder)
                self._environ[child.SNAPSHOT] = os.path.join(folder, "configuration")
                config_file.save_snapshot(self._config, self._environ[child.SNAPSHOT])
                self._environ[process_metrics.FOLDER] = figures
                if self._config.cluster.nats is None:
                    path = os.path.join(folder, "fabric.sock")
                    hub = LocalHub(path)
                    await hub.start()
                    self._environ[child.FABRIC] = path
                with serving_metrics(self._config.metrics.listen, figures):
                    return await self._keep_all()
            finally:
                if hub is not None:
                    await hub.close()
                for end in self._life_pipe:
                    os.close(end)
                if self._sip is not None:
                    self._sip.close()

    def _share_sip(self, folder: str) -> None:
        """Bind the SIP socket that the front reads and all voice workers send on."""
        index = shared_index(self._config)
        _, host, port = (
            ListenAddress("udp", LOOPBACK, 0)  # the built-in phones speak UDP
            if index is None
            else sip_address(self._config.sip.listen[index])
        )
        self._sip = bound_socket(host, port)
        self._environ[child.SIP_FD] = str(self._sip.fileno())
        self._environ[child.FRONT] = os.path.join(folder, "front.sock")

    async def _addresses_are_free(self) -> bool:
        """Whether every address can be listened on; one that is taken may become free in time.

        After ``kill -9`` of a supervisor and an immediate start, the processes of the old one need a
        moment to hang up and end.
        """
        deadline = time.monotonic() + PORT_PATIENCE
        told = False
        while problems := list(unusable(self._config, self._options.role)):
            may_help = all(problem.taken for problem in problems) and not self._stop.is_set()
            if not may_help or time.monotonic() >= deadline:
                for problem in problems:
                    _log.error("%s", problem.text)
                return False
            if not told:
                told = True
                for problem in problems:
                    _log.warning("%s; waiting up to %.0f s for it", problem.text, PORT_PATIENCE)
            await wait_or(self._stop.wait(), 0.1)
        return True

    async def _keep_all(self) -> ExitCode:
        failed = False
        async with asyncio.TaskGroup() as group:
            alive = group.create_task(self._manager.keep_alive(), name="watchdog")
            try:
                await self._start(group)
                await self._stop.wait()
            except StartFailed:
                failed = True
            finally:
                await self._stop_in_order()
                alive.cancel()
        killed = any(keeper.killed for keeper in self._keepers)
        return ExitCode.FAILED if failed or killed else ExitCode.STOPPED

    async def _start(self, group: asyncio.TaskGroup) -> None:
        wanted = members(self._config, self._options.role, self._options.workers)
        after_phones = [member for member in wanted if member.role is ProcessRole.VOICE]
        at_once = [member for member in wanted if member not in after_phones]
        for keeper in [self._keep(member, group) for member in at_once]:
            if keeper.member.role is ProcessRole.TESTBED:
                await self._first_facts(keeper)
        if self._stop.is_set():
            return
        for member in after_phones:
            self._keep(member, group)
        for keeper in self._keepers:
            await self._first_facts(keeper)
            if self._stop.is_set():
                return
        self._on_ready(facts_of(self._config, self._keepers_facts()))
        self._manager.ready()

    def _keep(self, member: Member, group: asyncio.TaskGroup) -> Keeper:
        keeper = Keeper(member, self._spawn, self._forget)
        keeper.start(group)
        self._keepers.append(keeper)
        return keeper

    def _forget(self, pid: int) -> None:
        process_metrics.forget(self._environ[process_metrics.FOLDER], pid)

    async def _first_facts(self, keeper: Keeper) -> None:
        """Wait until it serves, or until we are asked to stop. Raises :class:`StartFailed`."""
        await first_of(keeper.facts, self._stop.wait())
        if keeper.facts.done():
            facts = keeper.facts.result()
            if facts is None:
                raise StartFailed
            if keeper.member.role is ProcessRole.TESTBED:
                self._testbed = facts.address

    def _keepers_facts(self) -> Iterator[tuple[Member, ReadyFacts]]:
        return (
            (keeper.member, keeper.facts.result() or NOTHING_TO_TELL) for keeper in self._keepers
        )

    async def _spawn(self, member: Member) -> tuple[asyncio.subprocess.Process, int]:
        ready, child_ready = os.pipe()
        arguments = ["--role", member.role, "--worker", str(member.worker)]
        arguments += ["--workers", str(self._options.workers)]
        if self._options.config_path is not None:
            arguments += ["--config", self._options.config_path]
        environ = {
            **os.environ,
            **self._environ,
            child.READY_FD: str(child_ready),
            child.LIFE_FD: str(self._life_pipe[0]),
        }
        if self._testbed is not None:
            environ[child.TESTBED] = self._testbed
        inherited = [child_ready, self._life_pipe[0]]
        if self._sip is not None and member.role in (ProcessRole.FRONT, ProcessRole.VOICE):
            inherited.append(self._sip.fileno())
        else:
            environ.pop(child.SIP_FD, None)
        try:
            process = await asyncio.create_subprocess_exec(
                *self._options.command,
                *arguments,
                env=environ,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=2,  # stdout is the supervisor's own: what it prints may be read by a program
                pass_fds=inherited,
                start_new_session=True,  # a Ctrl-C reaches the supervisor only, which drains
            )
        except BaseException:
            os.close(ready)
            raise
        finally:
            os.close(child_ready)
        return process, ready

    async def _stop_in_order(self) -> None:
        """Stop the voice workers, then their front, then the API, which reports their calls, then the
        built-in phones."""
        self._stop.set()
        self._manager.stopping()
        by_role = {
            role: [keeper for keeper in self._keepers if keeper.member.role is role]
            for role in ProcessRole
        }
        for keeper in by_role[ProcessRole.API]:
            keeper.send(signal.SIGUSR1)
        drain = self._config.limits.drain_timeout + DRAIN_MARGIN
        await self._stop_together(by_role[ProcessRole.VOICE], drain)
        await self._stop_together(by_role[ProcessRole.FRONT], HURRIED_TIMEOUT)
        await self._stop_together(by_role[ProcessRole.API], drain)
        await self._stop_together(
            by_role[ProcessRole.TESTBED] + by_role[ProcessRole.PHONES], HURRIED_TIMEOUT
        )

    async def _stop_together(self, keepers: Sequence[Keeper], patience: float) -> None:
        for keeper in keepers:
            keeper.stop()
        if self._signals > 1:
            patience = min(patience, HURRIED_TIMEOUT)
        try:
            async with asyncio.timeout(patience) as self._deadline:
                for keeper in keepers:
                    await keeper.ended()
        except TimeoutError:
            for keeper in keepers:
                keeper.kill()
        finally:
            self._deadline = None

    @contextlib.contextmanager
    def _signal_handlers(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        handlers = {
            signal.SIGTERM: self._on_stop_signal,
            signal.SIGINT: self._on_stop_signal,
            signal.SIGHUP: self._on_reload,
        }
        for signum, handler in handlers.items():
            loop.add_signal_handler(signum, handler)
        try:
            yield
        finally:
            for signum in handlers:
                loop.remove_signal_handler(signum)

    def _on_stop_signal(self) -> None:
        self._signals += 1
        self._stop.set()
        if self._signals == 1:
            _log.info(
                "stopping: live calls have %.0f s to end; once more to hang up now",
                self._config.limits.drain_timeout,
            )
            return
        _log.info("stopping now" if self._signals == 2 else "killing what is left")
        for keeper in self._keepers:
            if self._signals > 2:
                keeper.kill()
            elif keeper.member.role not in (
                ProcessRole.TESTBED,
                ProcessRole.FRONT,
                ProcessRole.PHONES,
            ):
                keeper.send(signal.SIGTERM)
        if self._deadline is not None:
            soon = asyncio.get_running_loop().time() + HURRIED_TIMEOUT
            self._deadline.reschedule(min(soon, self._deadline.when() or soon))

    def _on_reload(self) -> None:
        self._manager.reloading()
        self._reload()
        self._manager.ready()

    def _reload(self) -> None:
        try:
            new, doubts = config_file.load_for_serving(
                self._options.config_path, judge=file_findings
            )
        except config_file.ConfigError as error:
            _log.error("reload: nothing changed, the configuration is wrong:\n%s", error)
            return
        for doubt in doubts:
            _log.warning("%s", doubt)
        safe, needs_restart = config_file.changes(self._config, new)
        _log.info("reload: %s", ", ".join(safe) or "nothing to take over")
        if needs_restart:
            _log.warning("reload: %s changes only with a restart", ", ".join(needs_restart))
        self._config = config_file.reloaded(self._config, new)
        if (snapshot := self._environ.get(child.SNAPSHOT)) is not None:
            config_file.save_snapshot(self._config, snapshot)
        for keeper in self._keepers:
            keeper.reload()


def facts_of(config: Config, ready: Iterator[tuple[Member, ReadyFacts]]) -> ServerFacts:
    """What to tell the user."""
    url = api_key = None
    sip: dict[str, None] = {}  # in the order of the workers
    for member, told in ready:
        if member.role is ProcessRole.API:
            url, api_key = told.url, told.api_key
        elif member.role is ProcessRole.VOICE:
            sip |= dict.fromkeys(told.sip)
    phones = [
        ReadyPhone(number=each.number, outcome=each.outcome) for each in config.testbed.phones
    ]
    embedded = config_file.is_embedded(config)
    return ServerFacts(
        url=url, sip=tuple(sip), api_key=api_key, embedded=embedded, phones=tuple(phones)
    )


def serve(options: Options, on_ready: Callable[[ServerFacts], None]) -> ExitCode:
    """Run until stopped. Raises :class:`~offhook.config.file.ConfigError`."""
    config, doubts = config_file.load_for_serving(options.config_path, judge=file_findings)
    _log.info("configuration: %s", options.found)
    for doubt in doubts:
        _log.warning("%s", doubt)

    async def run() -> ExitCode:
        return await Supervisor(options, config, on_ready).run()

    return asyncio.run(run())
