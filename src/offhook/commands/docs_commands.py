"""``offhook docs``: the documentation, served on loopback, written to a folder, or for language models."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from offhook.commands.common import FAILED, OK, USAGE, CommandError, Json, emit, why_not

if TYPE_CHECKING:
    from offhook.docs_site.building import Site

PORT = 8090


def docs(
    *,
    port: Annotated[int, Parameter(help="Port on 127.0.0.1; 0 is any free one.")] = PORT,
    build: Annotated[
        Path | None,
        Parameter(help="Write the site to this folder instead, and fail on any problem."),
    ] = None,
    llms: Annotated[
        bool, Parameter(negative=(), help="Print llms.txt, the list of pages for language models.")
    ] = False,
    llms_full: Annotated[
        bool, Parameter(negative=(), help="Print llms-full.txt, all pages in one text.")
    ] = False,
    json: Json = False,
) -> int:
    """Serve this documentation to your browser until Ctrl-C; it needs no network."""
    if not 0 <= port <= 65535:
        raise CommandError("--port: expected 0 to 65535", USAGE, "docs")
    if build is not None:
        return _write(_site(), build, as_json=json)
    if llms or llms_full:
        text = _site().files["llms-full.txt" if llms_full else "llms.txt"].decode()
        print(json_module.dumps({"text": text}) if json else text)
        return OK
    return _serve(port, as_json=json)


def _site() -> Site:
    from offhook.docs_site.building import build as build_site
    from offhook.docs_site.sources import NoSources, find_sources

    try:
        site = build_site(find_sources())
    except (NoSources, ValueError) as error:
        raise CommandError(f"the documentation cannot be shown: {error}") from error
    if not site.files:
        raise CommandError("\n".join(str(problem) for problem in site.problems))
    return site


def _write(site: Site, folder: Path, *, as_json: bool) -> int:
    from offhook.docs_site.building import write

    problems = [str(problem) for problem in site.problems]
    if problems:
        found = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        emit(as_json, {"problems": problems}, "\n".join([*problems, found]))
        return FAILED
    try:
        write(site, folder)
    except OSError as error:
        raise CommandError(f"{folder} cannot be written: {why_not(error)}") from error
    told = {"folder": str(folder), "files": len(site.files), "problems": []}
    emit(as_json, told, f"{len(site.files)} files in {folder}; begin with {folder}/index.html")
    return OK


def _serve(port: int, *, as_json: bool) -> int:
    from offhook.docs_site import docs_server

    try:
        socket = docs_server.listening(port)
    except OSError as error:
        raise CommandError(f"port {port} of 127.0.0.1: {error.strerror or error}") from error
    with socket:
        site = _site()
        url = f"http://127.0.0.1:{socket.getsockname()[1]}/"
        text = f"The documentation is at {url} (Ctrl-C ends it)"
        print(json_module.dumps({"url": url}) if as_json else text, flush=True)
        docs_server.serve(site.files, socket)
    return OK
