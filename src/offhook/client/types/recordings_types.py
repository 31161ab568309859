"""Recordings: what requests and answers hold. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

import msgspec

from offhook.client.open_set import OpenSet

__all__ = [
    "PushChanged",
    "PushProtocol",
    "PushView",
    "RecordingList",
    "RecordingView",
    "RecordingsErased",
]


class RecordingView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One recording."""

    recording_id: str
    """The recording's id."""
    session_id: str
    """The session's id."""
    sessionid: str
    """Another name of ``sessionId``."""
    sub_account_id: str
    """The sub-account's id."""
    status: str
    """``PROCESSING``, ``PROCESSING_FAILED``, ``UPLOAD_COMPLETED``, ``UPLOAD_FAILED``,
    ``CALLBACK_COMPLETED`` or ``CALLBACK_FAILED``.
    """
    external_file_url: str | None = None
    """Where it was uploaded to; without a push configuration a link to this server that expires."""
    duration: int | None = None
    """Whole seconds; absent while it is processed."""
    start_recording_time: str
    """When it began: ISO 8601, UTC."""
    detail: str | None = None
    """Why it is not where it belongs, or what is odd about it."""


class RecordingList(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The recordings of a session, oldest first."""

    recordings: list[RecordingView]
    """The recordings, oldest first."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class RecordingsErased(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """The recordings that are gone."""

    session_id: str
    """The session's id."""
    recording_ids: list[str]
    """The recordings that are gone."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class PushProtocol(OpenSet):
    """How recordings are uploaded."""

    S3 = "S3"
    SFTP = "SFTP"
    FTP = "FTP"
    FTPS = "FTPS"


class PushView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Where recordings are uploaded to."""

    sub_account_id: str
    """The sub-account's id."""
    protocol: PushProtocol
    """How they are uploaded."""
    host: str
    """The server; S3: a region, or the URL of an endpoint."""
    port: int
    """The one that was given, or the protocol's own."""
    username: str
    """The user; S3: the id of the access key."""
    password_set: bool
    """Always true; the password itself is never shown."""
    path: str
    """The folder; S3: the bucket, then a prefix."""
    host_key_fingerprint: str | None = None
    """SFTP: the key that the server must show. Absent: the first one will be it."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class PushChanged(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What it is now, or was."""

    sub_account_id: str
    """The sub-account's id."""
    protocol: PushProtocol
    """How they are uploaded."""
    host: str
    """The server; S3: a region, or the URL of an endpoint."""
    port: int
    """The one that was given, or the protocol's own."""
    username: str
    """The user; S3: the id of the access key."""
    password_set: bool
    """Always true; the password itself is never shown."""
    path: str
    """The folder; S3: the bucket, then a prefix."""
    host_key_fingerprint: str | None = None
    """SFTP: the key that the server must show. Absent: the first one will be it."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""
    delete: bool
    """Whether it was deleted."""
