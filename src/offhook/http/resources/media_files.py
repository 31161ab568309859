"""``/media``: the library of audio files that callflows play by name."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Annotated, Any

from litestar import Response, Router, delete, get, put
from litestar.di import NamedDependency
from litestar.exceptions import InternalServerException
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import PathParameter

from offhook.clock import iso_milliseconds
from offhook.http.deps import Deps
from offhook.http.edge.access import Caller
from offhook.http.edge.body import ClientGone
from offhook.http.refusals import CONFLICT, INVALID, NOT_FOUND, Refused
from offhook.http.resources.params import CONFLICTS, AnyRequest, needs
from offhook.http.resources.session_views import OK_CODE, OK_MESSAGE, View
from offhook.session.ports.media_library import SCHEME, MediaFile
from offhook.session.scopes import Scope

LARGEST_FILE = 5120 * 1024
"""Octets (``spec/execution.md``, playFile)."""
MOST_FILES = 500
"""Of one sub-account."""
MOST_OCTETS = 512 * 1024 * 1024
"""Of one sub-account's files together."""

Name = Annotated[str, PathParameter(name="name", pattern=r"^[A-Za-z0-9._-]{1,100}$")]


@dataclass
class FileUpload(Operation):
    """The operation that takes a file."""

    request_body: RequestBody | None = field(
        default_factory=lambda: RequestBody(
            required=True,
            content={
                "application/octet-stream": OpenAPIMediaType(
                    schema=Schema(
                        type=OpenAPIType.STRING,
                        format=OpenAPIFormat.BINARY,
                        description="A wav or mp3 file of at most 5120 KiB.",
                    ),
                ),
            },
        )
    )


class MediaView(View, frozen=True, kw_only=True):
    """One file of the library."""

    name: str
    file_url: str
    """What `fileUrl` of a playFile names it by: `offhook:name`."""
    size: int
    """Octets."""
    sha256: str
    """Of the content, hexadecimal."""
    timestamp: str
    """When it was put there: ISO 8601, UTC."""


class MediaAnswer(MediaView, frozen=True, kw_only=True):
    """One file, after a change."""

    status_code: int
    status_message: str


class MediaList(View, frozen=True, kw_only=True):
    """All files of the sub-account."""

    media: list[MediaView]
    """The files, by name."""
    status_code: int
    status_message: str


@get(
    "/",
    operation_id="listMedia",
    summary="List the audio files of the library",
    guards=[needs(Scope.SETTINGS_READ)],
)
async def list_media(deps: NamedDependency[Deps], caller: NamedDependency[Caller]) -> MediaList:
    """By name."""
    files = await deps.store.media_files(caller.sub_account.sub_account_id)
    return MediaList(
        media=[MediaView(**_fields(file)) for file in files],
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


@get(
    "/{name:str}",
    operation_id="getMedia",
    summary="Download an audio file of the library",
    guards=[needs(Scope.SETTINGS_READ)],
    media_type="application/octet-stream",
)
async def get_media(
    deps: NamedDependency[Deps], caller: NamedDependency[Caller], name: Name
) -> Response[bytes]:
    """As it was put there."""
    content = await deps.store.media_content(caller.sub_account.sub_account_id, name)
    if content is None:
        raise Refused(NOT_FOUND, "File not found")
    return Response(
        content,
        media_type="application/octet-stream",
        headers={
            "content-disposition": f'attachment; filename="{name}"',
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
        },
    )


@put(
    "/{name:str}",
    operation_id="putMedia",
    operation_class=FileUpload,
    request_max_body_size=LARGEST_FILE,
    responses=CONFLICTS,
    summary="Put a wav or mp3 file into the library, at most 5120 KiB",
    guards=[needs(Scope.SETTINGS_WRITE)],
)
async def put_media(
    deps: NamedDependency[Deps],
    caller: NamedDependency[Caller],
    request: AnyRequest,
    name: Name,
) -> MediaAnswer:
    """The next call that plays it gets the new file; it is decoded where it is played."""
    try:
        content = await request.body()
    except InternalServerException:  # the framework raises this when the client has gone
        raise ClientGone from None
    if not looks_like_audio(content):
        raise Refused(INVALID, "body: is neither a wav nor an mp3 file")
    file = MediaFile(
        sub_account_id=caller.sub_account.sub_account_id,
        name=name,
        size=len(content),
        digest=hashlib.sha256(content).hexdigest(),
        at=deps.clock.now(),
    )
    if not await deps.store.put_media(file, content, most=MOST_FILES, octets=MOST_OCTETS):
        limit = f"{MOST_FILES} files, {MOST_OCTETS >> 20} MiB in all"
        raise Refused(CONFLICT, f"The library is full: {limit}")
    return MediaAnswer(**_fields(file), status_code=OK_CODE, status_message=OK_MESSAGE)


@delete(
    "/{name:str}",
    status_code=200,
    operation_id="deleteMedia",
    summary="Delete an audio file of the library",
    guards=[needs(Scope.SETTINGS_WRITE)],
)
async def delete_media(
    deps: NamedDependency[Deps], caller: NamedDependency[Caller], name: Name
) -> MediaAnswer:
    """Callflows that play it end -2006 from now on."""
    owner = caller.sub_account.sub_account_id
    file = await deps.store.media_file(owner, name)
    if file is None or not await deps.store.delete_media(owner, name):
        raise Refused(NOT_FOUND, "File not found")
    return MediaAnswer(**_fields(file), status_code=OK_CODE, status_message="deleted")


def looks_like_audio(content: bytes) -> bool:
    """Whether a file begins as wav or mp3 do. What is in it is read by the confined decoder only."""
    if content[:4] in (b"RIFF", b"RIFX", b"RF64") and content[8:12] == b"WAVE":
        return True
    frame = len(content) > 1 and content[0] == 0xFF and content[1] & 0xE0 == 0xE0
    return content[:3] == b"ID3" or frame


def _fields(file: MediaFile) -> dict[str, Any]:
    return {
        "name": file.name,
        "file_url": SCHEME + file.name,
        "size": file.size,
        "sha256": file.digest,
        "timestamp": iso_milliseconds(file.at),
    }


router = Router(
    "/media",
    route_handlers=[list_media, get_media, put_media, delete_media],
    tags=["Media"],
)
