"""``offhook media``: the audio files that callflows play by name, through a running server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from cyclopts import App, Parameter

from offhook.commands.common import USAGE, CommandError, Json, emit, table
from offhook.commands.help_examples import epilogue
from offhook.commands.server_options import SERVER, Server
from offhook.commands.times import local

media = App(
    name="media",
    help="The audio files that callflows play by name.",
    help_epilogue=epilogue("media"),
)

Name = Annotated[str, Parameter(help="The file's name in the library.")]


@media.command(name="list", help_epilogue=epilogue("media list"))
def media_list(
    *,
    server: Server = SERVER,
    json: Json = False,
) -> None:
    """List the files; times are local."""
    answer = server.client().get("/media")
    rows = [
        (each["fileUrl"], f"{each['size']:,}", local(each["timestamp"])) for each in answer["media"]
    ]
    text = table(("FILE URL", "OCTETS", "SINCE"), rows)
    emit(json, answer, text if rows else "The library is empty.")


@media.command(name="put", help_epilogue=epilogue("media put"))
def media_put(
    file: Annotated[Path, Parameter(help="A wav or mp3 file of at most 5120 KiB.")],
    name: Annotated[
        str | None, Parameter(help="Absent: the name of the file.", show_default=False)
    ] = None,
    *,
    server: Server = SERVER,
    json: Json = False,
) -> None:
    """Put a file into the library, or replace it; the next call that plays it gets the new one."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}", USAGE) from None
    client = server.client()
    answer = client.put_file(_path(name or file.name), content, "application/octet-stream")
    emit(json, answer, f"Play it with the fileUrl {answer['fileUrl']}")


@media.command(name="get", help_epilogue=epilogue("media get"))
def media_get(
    name: Name,
    *,
    output: Annotated[
        Path | None,
        Parameter(name=["--output", "-o"], help="Where to; absent: its name, in this folder."),
    ] = None,
    server: Server = SERVER,
    json: Json = False,
) -> None:
    """Download a file of the library."""
    target = output or Path(Path(name).name)
    parts: list[bytes] = []
    server.client().stream(_path(name), parts.append)
    content = b"".join(parts)
    try:
        target.write_bytes(content)
    except OSError as error:
        raise CommandError(f"{target}: {error.strerror}", USAGE) from None
    emit(json, {"file": str(target), "size": len(content)}, f"Written to {target}")


@media.command(name="delete", help_epilogue=epilogue("media delete"))
def media_delete(
    name: Name,
    *,
    server: Server = SERVER,
    json: Json = False,
) -> None:
    """Delete a file; callflows that play it end -2006 from now on."""
    answer = server.client().delete(_path(name))
    emit(json, answer, f"{name} is deleted.")


def _path(name: str) -> str:
    return f"/media/{quote(name, safe='')}"
