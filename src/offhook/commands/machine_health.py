"""What ``offhook doctor`` looks at on the machine: certificates, clock, store, disk, voices, limits."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from offhook.commands.certificate_dates import valid_until
from offhook.commands.configured import database_name
from offhook.commands.findings import DoctorFinding, doubt, fine, wrong
from offhook.config import Config
from offhook.config.machine_checks import sqlite_path
from offhook.session.ports.record import DEAD_AFTER, Installation, NodeRole, StoreUnavailable

SOON_DAYS = 14
"""A certificate that ends within so many days should be renewed now."""
LITTLE_DISK, TOO_LITTLE_DISK = 1 << 30, 100 << 20
"""Octets."""
FEW_DESCRIPTORS, TOO_FEW_DESCRIPTORS = 65_536, 4096
_UNSYNCHRONISED = 5
"""``TIME_ERROR`` of adjtimex(2)."""


def certificates(config: Config, now: datetime) -> Iterator[DoctorFinding]:
    """Until when the certificates are valid."""
    for key, path in (
        ("http.tls_certificate", config.http.tls_certificate),
        ("sip.tls_certificate", config.sip.tls_certificate),
    ):
        if path is None:
            continue
        try:
            end = valid_until(path)
        except (OSError, ValueError) as error:
            text = getattr(error, "strerror", None) or str(error)
            yield wrong(key, f"{path}: {text}", "give a certificate in PEM form")
            continue
        days = (end - now).days
        found = f"{path} is valid until {end:%Y-%m-%d} ({days} days)"
        renew = "renew it, then let Offhook read it again: systemctl reload offhook (SIGHUP)"
        if end <= now:
            yield wrong(key, f"{path} has ended on {end:%Y-%m-%d}", renew)
        elif days < SOON_DAYS:
            yield doubt(key, found, renew)
        else:
            yield fine(key, found)


def clock() -> DoctorFinding:
    """Whether the system keeps its clock right."""
    if sys.platform != "linux":
        return fine("clock", f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))
    if state == _UNSYNCHRONISED:
        advice = "install chrony or enable systemd-timesyncd (timedatectl set-ntp true)"
        return doubt("clock", "no time service keeps it right", advice)
    return fine("clock", "a time service keeps it right")


async def database(config: Config) -> list[DoctorFinding]:
    """Whether the store can be opened, has our schema, and hears of its nodes; changes nothing in it."""
    from offhook.store import open_store

    name = database_name(config.database.url)
    embedded = _embedded(name, sqlite_path(config.database.url))
    if embedded is not None:
        return [embedded]
    store = open_store(config.database.url)
    try:
        async with asyncio.timeout(10):
            await store.open()
            seen = await store.installation()
    except (StoreUnavailable, TimeoutError, OSError) as error:
        advice = (
            "check database.url and that the server runs; for another schema: offhook db upgrade"
        )
        return [wrong("database", f"{name}: {str(error) or 'no answer in 10 s'}", advice)]
    finally:
        await store.close()
    return [
        fine("database", f"{name}: reachable, its schema is current"),
        *_nodes(seen, datetime.now(UTC)),
    ]


def _embedded(name: str, path: str | None) -> DoctorFinding | None:
    """Why an embedded database is not opened: it is not there, or the next start upgrades it."""
    from offhook.store.migrate import HEAD

    if path is None:
        return None
    if not os.path.exists(path):
        return fine("database", f"{name}: not there yet, the first start makes it")
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as opened:
            row = opened.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        return wrong("database", f"{name}: {error}", "give another file, or restore a copy of it")
    if row is None or row[0] != HEAD:
        found = f"{name}: its schema is of another version"
        return doubt("database", found, "copy the file, then: offhook db upgrade")
    return None


def _nodes(seen: Installation, now: datetime) -> Iterator[DoctorFinding]:
    """Nodes that are silent, or have another time, and sessions that nobody takes."""
    for node in seen.nodes:
        if node.heartbeat_at is None:
            continue
        if now - node.heartbeat_at > DEAD_AFTER:
            advice = "start it; if its machine was removed for ever, there is nothing to do"
            yield doubt(f"node {node.name}", "no heartbeat comes", advice)
        elif node.heartbeat_at - now > DEAD_AFTER:
            advice = "keep the clocks of all machines right (chrony)"
            yield wrong(f"node {node.name}", "its clock is ahead of this machine's", advice)
    if seen.queued and not any(node.role is NodeRole.VOICE for node in seen.nodes):
        advice = "start a voice node: offhook serve --role voice"
        yield wrong("queue", f"{seen.queued} sessions wait, and no voice node runs", advice)


async def message_bus(config: Config) -> DoctorFinding:
    """Whether the NATS server can be reached."""
    if config.cluster.nats is None:
        return fine("cluster.nats", "not set: this machine is alone")
    from offhook.fabric.nats import NatsFabric

    fabric = NatsFabric(config.cluster.nats)
    name = database_name(config.cluster.nats)
    await fabric.start()
    reached = fabric.connected
    await fabric.close()
    if reached:
        return fine("cluster.nats", f"{name} is reachable")
    advice = "start it, or mend cluster.nats: without it calls start up to a second late"
    return wrong("cluster.nats", f"{name} cannot be reached", advice)


def disks(config: Config) -> Iterator[DoctorFinding]:
    """Whether there is room where we write."""
    places = {"recordings": config.recording.folder}
    if (path := sqlite_path(config.database.url)) is not None:
        places["database"] = os.path.dirname(os.path.abspath(path))
    if config.speech.cache_folder is not None:
        places["prompts"] = config.speech.cache_folder
    for what, folder in places.items():
        there = os.path.abspath(folder)
        while not os.path.exists(there):
            there = os.path.dirname(there)
        free = shutil.disk_usage(there).free
        found, name = f"{free / (1 << 30):.1f} GiB free in {there}", f"disk of {what}"
        advice = "free some room, or move it to another disk"
        if free < TOO_LITTLE_DISK:
            yield wrong(name, found, advice)
        elif free < LITTLE_DISK:
            yield doubt(name, found, advice)
        else:
            yield fine(name, found)


def voices(config: Config) -> Iterator[DoctorFinding]:
    """Which engines have voices."""
    from offhook.speech import espeak_voices
    from offhook.speech.engines import installed_voices

    found = installed_voices(config.voices)
    if not found:
        yield wrong(
            "voices", "no engine has a voice", "install espeak-ng's library, or a cloud key"
        )
        return
    counts: dict[str, int] = {}
    for voice in found:
        counts[voice.engine] = counts.get(voice.engine, 0) + 1
    shown = ", ".join(f"{engine} {number}" for engine, number in counts.items())
    if list(counts) == [espeak_voices.ENGINE]:
        advice = "for natural voices: offhook voices install kokoro, or a key in [voices]"
        yield doubt("voices", f"{shown}: only the robot speaks", advice)
    else:
        yield fine("voices", shown)


def descriptors() -> DoctorFinding:
    """How many files and sockets a process may open."""
    if sys.platform == "win32":
        return fine("open files", "no limit on this system")
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= FEW_DESCRIPTORS:
        limit = "no limit" if hard == resource.RLIM_INFINITY else f"at most {hard}"
        return fine("open files", f"{limit} for each process")
    advice = "LimitNOFILE=1048576 in the systemd unit, or ulimit -Hn 1048576"
    found = f"at most {hard} for each process: a call needs about 5"
    judge = wrong if hard < TOO_FEW_DESCRIPTORS else doubt
    return judge("open files", found, advice)


def media_engine(config: Config) -> DoctorFinding:
    """Which media engine will run."""
    try:
        import offhook.media.native.native_engine  # noqa: F401  # only whether it is there
    except ImportError:
        advice = "python -m offhook.media.native.build says why"
        if config.media.engine == "native":
            return wrong("media engine", "native is asked for and not built", advice)
        if config.media.engine == "auto":
            return doubt("media engine", "python, which takes three times the CPU", advice)
        return fine("media engine", "python, as configured")
    return fine(
        "media engine", "python, as configured" if config.media.engine == "python" else "native"
    )
