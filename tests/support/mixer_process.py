"""A voice process as far as recordings see it: ``python -m tests.support.mixer_process FOLDER``.

It mixes what is in the folder until nothing is left, and prints the id of each recording that it finished.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from offhook.clock import SystemClock
from offhook.recording.mix_order import AudioFormat
from offhook.recording.storage import RecordingStorage
from offhook.recording.workshop import MixSettings, Workshop
from offhook.session.ports.tenants import SubAccounts
from offhook.session.tenancy import SubAccount
from offhook.store.memory import MemoryStore
from offhook.webhooks.reports import WebhookReports


class NoCustomers(SubAccounts):
    """Nobody is told anything."""

    def sub_account(self, sub_account_id: str) -> SubAccount | None:
        return None

    def sub_accounts(self) -> list[SubAccount]:
        return []


async def main(folder: str) -> None:
    storage = RecordingStorage(Path(folder))
    store = MemoryStore()
    workshop = Workshop(
        storage=storage,
        store=store,
        reports=WebhookReports(NoCustomers()),
        pushes=lambda _owner: None,
        settings=MixSettings(format=AudioFormat.WAV, channels=1),
        seal=None,
        clock=SystemClock(),
        ready=lambda: None,
    )
    while list(storage.left()):
        await workshop.mix_all()
    for record in await store.recordings("acme", "0193-ses"):
        print(record.recording_id, record.state)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
