"""Opens the console in the API process."""

from __future__ import annotations

from offhook.console.console_app import create_console
from offhook.console.console_parts import ConsoleParts
from offhook.http.asgi import AsgiApp
from offhook.http.deps import Deps
from offhook.session.ports.api_door import ApiDoor
from offhook.session.ports.webhooks import WebhookTrial


def open_console(deps: Deps, api: ApiDoor, trial: WebhookTrial) -> AsgiApp:
    """The console over what the API has."""
    parts = ConsoleParts(
        store=deps.store,
        directory=deps.directory,
        fabric=deps.fabric,
        api=api,
        trial=trial,
        profiles=deps.profiles,
        recordings=deps.recordings,
        config=deps.config,
        clock=deps.clock,
        stopping=deps.phase.draining,
    )
    return create_console(parts)  # type: ignore[return-value]  # its scope is a TypedDict, ours any mapping
