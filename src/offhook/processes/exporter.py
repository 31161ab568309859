"""The exporting process: ``python -m offhook.processes.exporter``, started by an API process with work.

It holds the tables of countries and operators (100 MB), reads the log and writes files without delaying the
API's loop, makes all jobs that wait, and ends. The configuration comes on its standard input; when that
ends, the API process has died, and so does this one. Its job is leased by another after a while.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from contextlib import AsyncExitStack

import msgspec

from offhook import log as log_setup
from offhook.clock import SystemClock, new_id
from offhook.config import Config
from offhook.flow.numbers import load_metadata
from offhook.reporting.export_rows import CallLog
from offhook.reporting.export_worker import ExportWorker
from offhook.session.billing import Tariff
from offhook.session.ports.record import StoreUnavailable
from offhook.store import open_store
from offhook.store.directory import Directory

log = logging.getLogger(__name__)


def main() -> int:
    """Make the exports that wait."""
    log_setup.setup("export")
    config = msgspec.msgpack.decode(_read(int.from_bytes(_read(8), "big")), type=Config)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    load_metadata()
    try:
        asyncio.run(_run(config))
    except StoreUnavailable as error:
        log.warning("exports wait for the database: %s", error)
        return 1
    return 0


async def _run(config: Config) -> None:
    async with AsyncExitStack() as stack:
        store = open_store(config.database.url)
        await store.open()
        stack.push_async_callback(store.close)
        directory = Directory(config, store)
        await directory.refresh()
        calls = CallLog(Tariff(config.rates, directory.sub_account), directory.sub_account)
        await ExportWorker(store, calls, SystemClock(), owner=new_id()).run()


def _read(length: int) -> bytes:
    """So many bytes of standard input. Raises EOFError."""
    data = b""
    while len(data) < length:
        part = os.read(0, length - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def _end_with_parent() -> None:
    """End this process once its standard input ends.

    Not through ``sys.stdin``: a thread that waits in it would break the end of the interpreter.
    """
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
