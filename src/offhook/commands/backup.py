"""``offhook backup`` and ``offhook db restored``: a copy of the record while calls run, and its way back."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from offhook.commands.common import Config, Json, emit


def backup(
    file: Annotated[Path, Parameter(help="The new file; it must not exist.")],
    /,
    *,
    config: Config = None,
    json: Json = False,
) -> None:
    """Copy the SQLite database while calls run. The copy dials nothing twice when it is used again.

    To restore: stop the server, put the copy where the database was, remove the files with -wal and -shm
    behind its name, start the server. PostgreSQL: pg_dump, and offhook db restored after pg_restore.
    """
    from offhook.commands.configured import configuration_with_database
    from offhook.commands.restoring import copy_database

    began = time.monotonic()
    prepared = copy_database(configuration_with_database(config), file)
    size, seconds = file.stat().st_size, round(time.monotonic() - began, 3)
    document = {"file": str(file), "bytes": size, "seconds": seconds, **prepared._asdict()}
    text = (
        f"{file}: {size / 2**20:.1f} MiB in {seconds:.1f} s. When it is restored, {prepared.text}."
    )
    emit(json, document, text)


def db_restored(*, config: Config = None, json: Json = False) -> None:
    """Prepare a restored database before a server uses it, so that nobody is called twice.

    Sessions that waited when the backup was made end ERROR -2001, running campaigns are paused. The copies
    of offhook backup are prepared already.
    """
    from offhook.commands.configured import configuration_with_database
    from offhook.commands.restoring import prepare

    prepared = prepare(configuration_with_database(config))
    emit(json, prepared._asdict(), f"Prepared: {prepared.text}.")
