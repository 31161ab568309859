"""``offhook recordings``: the recordings of a session, through the API of a running server."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from cyclopts import App, Parameter

from offhook.commands.common import CommandError, Json, emit, table
from offhook.commands.help_examples import epilogue
from offhook.commands.server_options import SERVER, Server
from offhook.commands.session_ids import full_id

recordings = App(
    name="recordings", help="The recordings of a session.", help_epilogue=epilogue("recordings")
)

Session = Annotated[
    str | None,
    Parameter(help="The session, or the end of its id; absent: the latest.", show_default=False),
]
TIMEOUT = 60.0
"""Seconds without a byte."""


@recordings.command(name="list", help_epilogue=epilogue("recordings list"))
def recordings_list(
    session: Session = None,
    /,
    *,
    server: Server = SERVER,
    json: Json = False,
) -> None:
    """List the recordings of a session, with the place of each."""
    client = server.client()
    session_id = full_id(client, session)
    answer = client.get(f"/recordings/{quote(session_id, safe='')}")
    rows = [
        (
            one["recordingId"],
            one["startRecordingTime"],
            f"{one['duration']} s" if "duration" in one else "",
            one["status"],
            one.get("externalFileUrl") or one.get("detail", ""),
        )
        for one in answer["recordings"]
    ]
    text = table(("RECORDING", "BEGAN", "LENGTH", "STATUS", "WHERE"), rows)
    emit(json, answer, text if rows else f"session {session_id} was not recorded")


@recordings.command(name="get", help_epilogue=epilogue("recordings get"))
def recordings_get(
    session: Session = None,
    /,
    *,
    output: Annotated[
        str | None,
        Parameter(
            name=["--output", "-o"], help="The file to write; absent: the recording's own name."
        ),
    ] = None,
    server: Server = SERVER,
    json: Json = False,
) -> None:
    """Download the recording of a session from the server."""
    client = server.client()
    session_id = full_id(client, session)
    found = client.get(f"/recordings/{quote(session_id, safe='')}")["recordings"]
    if not found:
        raise CommandError(f"session {session_id} was not recorded")
    latest: dict[str, Any] = found[-1]
    link = latest.get("externalFileUrl")
    if link is None:
        why = latest.get("detail")
        raise CommandError(
            f"the recording is not there yet: {latest['status']}{f', {why}' if why else ''}"
        )
    parts = urlsplit(link)
    if parts.scheme not in ("http", "https") or "signature=" not in parts.query:
        raise CommandError(f"the recording was uploaded: it is at {link}")
    path = Path(output or parts.path.rpartition("/")[2])
    size = _download(link, path)
    emit(json, {"file": str(path), "bytes": size}, f"{path}: {size} bytes")


@recordings.command(name="erase", help_epilogue=epilogue("recordings erase"))
def recordings_erase(
    session: Annotated[str, Parameter(help="The session, or the end of its id.")],
    /,
    *,
    server: Server = SERVER,
    json: Json = False,
) -> None:
    """Erase the recordings of a session from the server. What was uploaded stays where it is."""
    client = server.client()
    session_id = full_id(client, session)
    answer = client.delete(f"/recordings/{quote(session_id, safe='')}")
    emit(json, answer, f"{len(answer['recordingIds'])} erased")


def _download(link: str, path: Path) -> int:
    """Write what the link leads to; returns the octets. Raises :class:`CommandError`."""
    part = path.with_name(path.name + ".part")
    try:
        with (
            urllib.request.urlopen(link, timeout=TIMEOUT) as answer,  # noqa: S310 (http or https)
            part.open("wb") as file,
        ):
            while piece := answer.read(1 << 16):
                file.write(piece)
            size = file.tell()
        part.replace(path)
    except urllib.error.HTTPError as error:
        raise CommandError(f"the server answered {error.code} to the link") from None
    except OSError as error:
        raise CommandError(f"{path} was not downloaded: {error.strerror or error}") from None
    finally:
        if part.exists():
            os.unlink(part)
    return size
