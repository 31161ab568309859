"""Builds one process of a role and owns it: ``python -m offhook.processes.role_process --role voice …``.

Started by the supervisor (:mod:`offhook.processes.child` is the contract). The first SIGTERM or SIGINT makes
the role drain and end, a second one ends the process at once. When the supervisor has died the role hangs up
and ends.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence

from offhook import log
from offhook.config import Config
from offhook.config import file as config_file
from offhook.process_metrics import ProcessMetrics, remember_process
from offhook.processes import collector, descriptors
from offhook.processes.child import ORPHANED, SupervisorLink
from offhook.processes.process_roles import ProcessRole, process_name
from offhook.processes.role_context import CannotServe, RoleContext
from offhook.session.ports.record import StoreUnavailable
from offhook.testbed.phones import with_testbed

_log = logging.getLogger(__name__)

Role = Callable[[RoleContext], Awaitable[None]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one role until it ends; returns the exit status."""
    parser = argparse.ArgumentParser(prog="offhook.processes.role_process")
    parser.add_argument("--role", choices=[*ProcessRole], type=ProcessRole, required=True)
    parser.add_argument("--worker", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--config")
    options = parser.parse_args(arguments)
    log.setup(process_name(options.role, options.worker))
    remember_process()
    link = SupervisorLink.of()
    link.end_with_supervisor()
    descriptors.raise_limit()
    try:
        config = _configuration(options.config, link)
    except config_file.ConfigError as error:
        _log.error("%s", error)
        return 2
    if options.role not in (ProcessRole.FRONT, ProcessRole.PHONES):
        _load_numbers()
    try:
        return _run_loop(_serve(options, config, link))
    except (OSError, StoreUnavailable, CannotServe) as error:
        if not link.failed(str(error)):
            raise
        return 1


def _load_numbers() -> None:
    """Load what is known about telephone numbers; who sees none stays small."""
    from offhook.flow.numbers import load_metadata

    load_metadata()


def _configuration(path: str | None, link: SupervisorLink) -> Config:
    if link.snapshot is not None:
        return config_file.load_snapshot(link.snapshot)
    return config_file.load(path)


def _run_loop(serving: Awaitable[None]) -> int:
    async def run() -> None:
        await serving

    try:
        import uvloop
    except ImportError:
        asyncio.run(run())
    else:
        uvloop.run(run())
    return 0


async def _serve(options: argparse.Namespace, config: Config, link: SupervisorLink) -> None:
    context = RoleContext(
        config=_with_phones(config, link),
        supervisor=link,
        worker=options.worker,
        workers=options.workers,
        draining=asyncio.Event(),
        stopping=asyncio.Event(),
        orphaned=asyncio.Event(),
    )
    _on_signals(context, options.config)
    role = _role(options.role)
    collector.collect_seldom()
    figures = ProcessMetrics(context.registry, process_name(options.role, options.worker))
    duties = [
        asyncio.create_task(figures.keep(), name="figures"),
        asyncio.create_task(_end_with_supervisor(context), name="supervisor"),
        asyncio.create_task(link.keep_alive(), name="alive"),
    ]
    try:
        await role(context)
    finally:
        for duty in duties:
            duty.cancel()


def _with_phones(config: Config, link: SupervisorLink) -> Config:
    return with_testbed(config, link.testbed) if link.testbed else config


def _role(role: ProcessRole) -> Role:
    """The role's entry; only its own modules are imported."""
    match role:
        case ProcessRole.API:
            from offhook.processes.api import run
        case ProcessRole.VOICE:
            from offhook.processes.voice import run
        case ProcessRole.FRONT:
            from offhook.processes.front import run
        case ProcessRole.PHONES:
            from offhook.processes.phone_gateway import run
        case ProcessRole.TESTBED:
            from offhook.processes.testbed import run
    return run


def _on_signals(context: RoleContext, config_path: str | None) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if context.stopping.is_set():
            _log.warning("ending at once")
            os._exit(1)
        context.draining.set()
        context.stopping.set()

    def reload() -> None:
        try:
            config = _configuration(config_path, context.supervisor)
        except config_file.ConfigError as error:
            _log.error("reload: nothing changed, the configuration is wrong:\n%s", error)
            return
        for use in context.reloads:
            use(_with_phones(config, context.supervisor))

    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop)
    loop.add_signal_handler(signal.SIGHUP, reload)
    loop.add_signal_handler(signal.SIGUSR1, context.draining.set)
    loop.add_signal_handler(ORPHANED, _hang_up, context)


async def _end_with_supervisor(context: RoleContext) -> None:
    await context.supervisor.gone()
    _hang_up(context)


def _hang_up(context: RoleContext) -> None:
    if not context.orphaned.is_set():
        _log.warning("the supervisor has died: hanging up and ending")
    context.orphaned.set()
    context.draining.set()
    context.stopping.set()


if __name__ == "__main__":
    sys.exit(main())
