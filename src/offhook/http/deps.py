"""What the web application needs from the rest of the process, handed over once at the start."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import msgspec
from prometheus_client import CollectorRegistry

from offhook.clock import Clock, SystemClock
from offhook.config import Config
from offhook.events import AnyEvent
from offhook.flow.context import Profiles
from offhook.session.number_states import NumberTerms
from offhook.session.ports.fabric import Fabric
from offhook.session.ports.metering import NoBudgets, Spending
from offhook.session.ports.record import OutboxEntry
from offhook.session.ports.recording import NoRecordingFiles, RecordingFiles
from offhook.session.ports.stores import Store
from offhook.session.ports.tenants import TenantDirectory
from offhook.session.ports.tracing import NoTraces, Tracer
from offhook.session.session import Session
from offhook.session.tenancy import PushConfig, SubAccount


class Cancellation(NamedTuple):
    """A queued session's end, ready to be stored."""

    session: Session
    """CANCELED."""
    events: Sequence[AnyEvent]
    outbox: Sequence[OutboxEntry]
    """The session summary, if the sub-account has a webhook for it."""


class HttpLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits for clients."""

    sub_account_rate: float = 1800
    """Requests per second of a sub-account (``spec/status-codes.md``)."""
    address_rate: float = 3000
    """Requests per second of a source address."""
    body_bytes: int = 256 * 1024
    """Of a request body, inflated or not."""
    header_bytes: int = 32 * 1024
    """Of a request line with its headers."""
    header_seconds: float = 10
    """From the first byte of a request (or the connection) to the end of its headers."""
    body_seconds: float = 15
    """From the end of the headers to the end of the body."""
    idle_seconds: int = 75
    """Between two requests of a kept connection."""
    connections: int = 4000
    """Of all addresses together; fewer where the process may open fewer files."""
    address_connections: int = 1000
    """Of one address (a proxy of the operator's is exempt)."""
    address_half_open: int = 500
    """Of one address: connections whose request's headers have not come."""
    sub_account_requests: int = 500
    """Requests of a sub-account that are being served, event streams included."""
    streams: int = 500
    """Open event streams."""
    sub_account_streams: int = 100
    """Open event streams of one sub-account."""
    address_streams: int = 200
    """Open event streams of one address."""


@dataclass(slots=True)
class Phase:
    """The phase of the process between start and stop."""

    ready: bool = False
    """Schema checked, workers known: new callflows may come."""
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once: nothing new is accepted, streams end."""


async def no_push_problem(_config: PushConfig) -> None:
    """Any place is fine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deps:
    """The dependencies of the web application."""

    store: Store
    directory: TenantDirectory
    fabric: Fabric
    profiles: Profiles
    cancel: Callable[[Session, SubAccount, datetime], Cancellation]
    """Builds the end of a session that no node has claimed yet."""
    webhook_url_problem: Callable[[str], Awaitable[str | None]]
    """Why a webhook URL is refused (scheme, private address …); None: it is fine."""
    recordings: RecordingFiles = field(default_factory=NoRecordingFiles)
    push_problem: Callable[[PushConfig], Awaitable[str | None]] = no_push_problem
    """Why recordings cannot be uploaded there (a private address …); None: it seems fine."""
    spending: Spending = field(default_factory=NoBudgets)
    tracer: Tracer = field(default_factory=NoTraces)
    numbers: NumberTerms = field(default_factory=lambda: NumberTerms(Config(), lambda _id: None))
    config: Config = field(default_factory=Config)
    clock: Clock = field(default_factory=SystemClock)
    limits: HttpLimits = field(default_factory=HttpLimits)
    phase: Phase = field(default_factory=Phase)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
