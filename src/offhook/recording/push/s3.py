"""Uploads to S3, or to any server that speaks it.

A small file is one PUT. A larger one is a multipart upload: its id is kept, so that a later attempt asks
which parts are there and sends the others. When it is given up, it is aborted, so that its parts cost nothing
more; where that fails too, the bucket's own rule removes them (AbortIncompleteMultipartUpload).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import Mapping
from typing import Final, final
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

import msgspec

from offhook.clock import Clock
from offhook.net.aws_signature import (
    AwsCredentials,
    AwsRequest,
    query_string,
    quoted_path,
    signed_headers,
)
from offhook.net.http_client import HttpClient, HttpResponse
from offhook.net.outgoing_errors import OutgoingError
from offhook.recording.push.upload import Upload, Uploader, UploadFailed, joined
from offhook.session.tenancy import PushConfig

log = logging.getLogger(__name__)

PART: Final = 8 << 20
"""Octets of a part (S3 takes 5 MiB to 5 GiB)."""
_TIMEOUT: Final = 300.0
"""Seconds for one request: 8 MiB at 28 KB/s."""
_MAX_ANSWER: Final = 1 << 20
_TYPES: Final = {"mp3": "audio/mpeg", "opus": "audio/ogg", "wav": "audio/wav"}
_REGION: Final = re.compile(r"\bs3[.-]([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com")


class _Progress(msgspec.Struct, frozen=True):
    """What is kept of a multipart upload."""

    upload_id: str
    url: str
    """Of the object: an id is good for one object only."""


class _Target(msgspec.Struct, frozen=True):
    """The object."""

    origin: str
    """``https://host``"""
    host: str
    path: str
    credentials: AwsCredentials

    @property
    def url(self) -> str:
        """Of the object."""
        return self.origin + quoted_path(self.path)


@final
class S3Uploader(Uploader):
    """Uploads with plain signed requests through the guarded HTTP client."""

    def __init__(self, client: HttpClient, clock: Clock, *, part: int = PART) -> None:
        """``part``: octets of a part, and of the largest file that goes in one request."""
        self._client = client
        self._clock = clock
        self._part = part

    async def upload(self, order: Upload) -> str:
        target = target_of(order.config, order.name)
        try:
            if order.source.size <= self._part:
                body = await asyncio.to_thread(order.source.read, 0, order.source.size)
                await self._ask(target, "PUT", {}, body)
            else:
                await self._in_parts(order, target)
        except OutgoingError as error:
            raise UploadFailed(str(error)) from error
        return target.url

    async def abandon(self, config: PushConfig, name: str, progress: str) -> None:
        try:
            target = target_of(config, name)
            known = _known(progress, target)
            if known is not None:
                await self._ask(target, "DELETE", {"uploadId": known.upload_id}, b"")
        except (UploadFailed, OutgoingError) as error:
            log.warning("parts of %s stay in the bucket: %s", name, error)

    async def _in_parts(self, order: Upload, target: _Target) -> None:
        upload_id, there = await self._resumed(order, target)
        if upload_id is None:
            answer = await self._ask(target, "POST", {"uploads": ""}, b"")
            upload_id = _tag(answer.body, "UploadId")
            if not upload_id:
                raise UploadFailed("the answer of the server has no UploadId")
            progress = _Progress(upload_id, target.url)
            await order.note(msgspec.json.encode(progress).decode())
        tags: list[str] = []
        for number, position in enumerate(range(0, order.source.size, self._part), start=1):
            body = await asyncio.to_thread(order.source.read, position, self._part)
            tag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
            if there.get(number) != tag:
                query = {"partNumber": str(number), "uploadId": upload_id}
                answer = await self._ask(target, "PUT", query, body)
                tag = answer.headers.get("ETag", tag)
            tags.append(tag)
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(tag)}</ETag></Part>"
            for number, tag in enumerate(tags, start=1)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        answer = await self._ask(target, "POST", {"uploadId": upload_id}, body)
        if b"<Error>" in answer.body:  # S3 may find an error after it has sent 200
            raise UploadFailed(f"the server answered {_tag(answer.body, 'Code') or 'an error'}")

    async def _resumed(self, order: Upload, target: _Target) -> tuple[str | None, dict[int, str]]:
        """The upload that was cut off, and the ETags of the parts that are there."""
        known = _known(order.progress, target)
        if known is None:
            return None, {}
        query = {"uploadId": known.upload_id}
        try:
            answer = await self._ask(target, "GET", query, b"")
        except _NotThere:
            return None, {}
        there = {
            int(_tag(part, "PartNumber") or 0): (_tag(part, "ETag") or "").replace("&quot;", '"')
            for part in re.findall(rb"<Part>.*?</Part>", answer.body, re.DOTALL)
        }
        return known.upload_id, there

    async def _ask(
        self, target: _Target, method: str, query: Mapping[str, str], body: bytes
    ) -> HttpResponse:
        """One signed request. Raises :class:`UploadFailed` unless it is answered 2xx."""
        asked = AwsRequest(method, target.host, target.path, body, query)
        signed = signed_headers(target.credentials, "s3", asked, self._clock.now())
        headers = {"host": target.host, **signed}
        if method == "PUT" and not query:
            extension = target.path.rpartition(".")[2]
            headers["content-type"] = _TYPES.get(extension, "application/octet-stream")
        url = target.url + (f"?{query_string(query)}" if query else "")
        answer = await self._client.request(
            method, url, headers=headers, body=body, timeout=_TIMEOUT, max_body=_MAX_ANSWER
        )
        if 200 <= answer.status <= 299:
            return answer
        code = _tag(answer.body, "Code")
        text = f"the server answered {answer.status}{f' {code}' if code else ''}"
        raise _NotThere(text) if answer.status == 404 else UploadFailed(text)


class _NotThere(UploadFailed):
    """404: no such bucket, or no such upload."""


def _known(progress: str, target: _Target) -> _Progress | None:
    """The upload to ``target`` that an attempt before has begun."""
    try:
        known = msgspec.json.decode(progress or b"null", type=_Progress | None)
    except msgspec.MsgspecError:
        return None
    return known if known is not None and known.url == target.url else None


def target_of(config: PushConfig, name: str) -> _Target:
    """Where the file goes. A region is one of AWS; else the host is an endpoint.

    Raises :class:`UploadFailed` for a path without a bucket.
    """
    bucket, _, prefix = config.path.strip("/").partition("/")
    if not bucket:
        raise UploadFailed("the path names no bucket: its first part is the bucket")
    key = joined(prefix, name) if prefix else name
    if "." not in config.host and ":" not in config.host and config.host != "localhost":
        region = config.host
        host = f"{bucket}.s3.{region}.amazonaws.com"
        if "." in bucket:  # a certificate for *.s3… does not cover it
            host, key = f"s3.{region}.amazonaws.com", f"{bucket}/{key}"
        origin = f"https://{host}"
    else:
        split = urlsplit(config.host if "://" in config.host else f"https://{config.host}")
        found = _REGION.search(split.netloc)
        region = found.group(1) if found else "us-east-1"
        host = split.netloc.rpartition("@")[2]
        if config.port is not None and split.port is None and config.port not in (80, 443):
            host = f"{host}:{config.port}"
        origin = f"{split.scheme}://{host}"
        key = f"{split.path.strip('/')}/{bucket}/{key}".lstrip("/")
    credentials = AwsCredentials(config.username, config.password, region)
    return _Target(origin, host, f"/{key}", credentials)


def s3_origin(config: PushConfig) -> str:
    """The server that the recordings would be sent to. Raises :class:`UploadFailed`."""
    return target_of(config, "").origin


def _tag(body: bytes, name: str) -> str | None:
    """The text of the first element with this name."""
    found = re.search(rf"<{name}>([^<]*)</{name}>".encode(), body)
    return found.group(1).decode("utf-8", "replace") if found else None
