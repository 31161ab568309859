"""Media: what requests and answers hold. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

import msgspec

__all__ = ["MediaAnswer", "MediaList", "MediaView"]


class MediaView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One file of the library."""

    name: str
    """The name."""
    file_url: str
    """What ``fileUrl`` of a playFile names it by: ``offhook:name``."""
    size: int
    """Octets."""
    sha256: str
    """Of the content, hexadecimal."""
    timestamp: str
    """When it was put there: ISO 8601, UTC."""


class MediaList(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """All files of the sub-account."""

    media: list[MediaView]
    """The files, by name."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class MediaAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One file, after a change."""

    name: str
    """The name."""
    file_url: str
    """What ``fileUrl`` of a playFile names it by: ``offhook:name``."""
    size: int
    """Octets."""
    sha256: str
    """Of the content, hexadecimal."""
    timestamp: str
    """When it was put there: ISO 8601, UTC."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""
