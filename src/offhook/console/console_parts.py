"""What the console needs from the rest of the process, handed over once at the start."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from offhook.clock import Clock
from offhook.config import Config
from offhook.flow.context import Profiles
from offhook.session.ports.api_door import ApiDoor
from offhook.session.ports.fabric import Fabric
from offhook.session.ports.recording import RecordingFiles
from offhook.session.ports.stores import Store
from offhook.session.ports.tenants import TenantDirectory
from offhook.session.ports.webhooks import WebhookTrial


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsoleParts:
    """The dependencies of the console."""

    store: Store
    directory: TenantDirectory
    fabric: Fabric
    api: ApiDoor
    trial: WebhookTrial
    profiles: Profiles
    recordings: RecordingFiles
    config: Config
    clock: Clock
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once: streams end."""
    signed_in_for: timedelta = timedelta(hours=12)
    """However much a sign-in is used."""
    idle_for: timedelta = timedelta(hours=1)
    """A sign-in that is not used for so long has ended."""
