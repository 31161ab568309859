"""A process that accepts sessions as fast as it can and says what was acknowledged; to be killed.

``python -m tests.support.store_writer URL``: one line ``acked SESSION_ID`` per durable session.
"""

from __future__ import annotations

import asyncio
import sys

from tests.support.stores import accepted, waiting

from offhook.store import open_store


async def write(url: str) -> None:
    """Accept sessions, sixteen at a time, for ever."""
    store = open_store(url)
    await store.open()

    async def keep_accepting() -> None:
        while True:
            (session,) = await accepted(store, waiting())
            sys.stdout.write(f"acked {session.session_id}\n")
            sys.stdout.flush()

    async with asyncio.TaskGroup() as group:
        for _ in range(16):
            group.create_task(keep_accepting())


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1]))
