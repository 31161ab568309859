"""``offhook doctor`` and ``offhook config check``: whether this machine can serve calls, before it does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from offhook.commands.common import FAILED, OK, USAGE, Config, Json, emit
from offhook.commands.help_examples import epilogue

if TYPE_CHECKING:
    from offhook.commands.findings import DoctorFinding
    from offhook.config import Config as Settings

config_app = App(name="config", help="The configuration.", help_epilogue=epilogue("config"))


def doctor(
    *,
    config: Config = None,
    timeout: Annotated[float, Parameter(help="Seconds that a trunk has to answer OPTIONS.")] = 4.0,
    json: Json = False,
) -> int:
    """Look at all that calls need, and say what to do; exit code 1 when something is wrong.

    Configuration, ports, addresses, trunks, certificates, clock, database, NATS, disk, voices, limits. Run it
    on the machine and as the user that serves, with or without a server running.
    """
    from offhook.commands.configured import configuration
    from offhook.commands.findings import FindingLevel, doubt, findings_text, fine
    from offhook.config.file import load_for_serving
    from offhook.execution.file_findings import file_findings

    path = configuration(config)
    loaded = load_for_serving(path, judge=file_findings)
    found = [doubt("configuration", line, "") for line in loaded.warnings]
    if not found:
        found.append(fine("configuration", path or "embedded defaults"))
    with _without_log():
        found += asyncio.run(_looked_at(loaded.config, timeout))
    document = {"findings": [_members(one) for one in found]}
    emit(json, document, findings_text(found))
    return FAILED if any(one.verdict is FindingLevel.WRONG for one in found) else OK


@contextmanager
def _without_log() -> Iterator[None]:
    """The findings say what the log would."""
    logger = logging.getLogger("offhook")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _members(one: DoctorFinding) -> dict[str, str]:
    return {
        "verdict": one.verdict.value.lower(),
        "what": one.what,
        "found": one.found,
        "advice": one.advice,
    }


async def _looked_at(config: Settings, timeout: float) -> list[DoctorFinding]:
    from offhook.commands import line_checks, machine_health

    return [
        *line_checks.ports(config),
        line_checks.advertised(config),
        *await line_checks.trunks(config, timeout),
        *machine_health.certificates(config, datetime.now(UTC)),
        machine_health.clock(),
        *await machine_health.database(config),
        await machine_health.message_bus(config),
        *machine_health.disks(config),
        *machine_health.voices(config),
        machine_health.descriptors(),
        machine_health.media_engine(config),
    ]


@config_app.command(name="check", help_epilogue=epilogue("config check"))
def config_check(
    file: Annotated[str | None, Parameter(help="The same as --config.", show_default=False)] = None,
    /,
    *,
    config: Config = None,
    json: Json = False,
) -> int:
    """Judge the configuration as ``serve`` would; exit code 2 with each mistake's key and line."""
    from offhook.commands.common import CommandError
    from offhook.commands.configured import configuration
    from offhook.config.file import ConfigError, load_for_serving
    from offhook.execution.file_findings import file_findings

    if file is not None and config is not None:
        raise CommandError(f"give {file} or --config {config}, not both", USAGE)
    path = configuration(file if file is not None else config)
    try:
        loaded = load_for_serving(path, judge=file_findings)
    except ConfigError as error:
        if not json:
            raise
        emit(json, {"valid": False, "problems": list(error.problems), "warnings": []}, "")
        return USAGE
    trunks, accounts = len(loaded.config.trunks), len(loaded.config.subaccounts)
    text = "\n".join(f"warning: {line}" for line in loaded.warnings)
    text += f"\nThe configuration is valid: {trunks} trunks, {accounts} sub-accounts."
    emit(json, {"valid": True, "problems": [], "warnings": list(loaded.warnings)}, text.strip())
    return OK
