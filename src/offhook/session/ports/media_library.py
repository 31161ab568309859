"""The media library: audio files that callflows play by name (``fileUrl`` ``offhook:name``)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime

import msgspec

SCHEME = "offhook:"
"""A ``fileUrl`` that begins so names a file of the library."""


class MediaFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file, without its content."""

    sub_account_id: str
    name: str
    size: int
    """Octets."""
    digest: str
    """SHA-256 of the content, hexadecimal."""
    at: datetime
    """When it was put there."""


class MediaLibrary(ABC):
    """The part of the store with customers' audio files."""

    @abstractmethod
    async def put_media(self, file: MediaFile, content: bytes, *, most: int, octets: int) -> bool:
        """Store a file, or replace the one of its name.

        False, and nothing stored, where the sub-account would then have more than ``most`` files or
        ``octets`` in all.
        """

    @abstractmethod
    async def media_file(self, sub_account_id: str, name: str) -> MediaFile | None:
        """One file without its content."""

    @abstractmethod
    async def media_files(self, sub_account_id: str) -> Sequence[MediaFile]:
        """All files of a sub-account, by name."""

    @abstractmethod
    async def media_content(self, sub_account_id: str, name: str) -> bytes | None:
        """The content of a file."""

    @abstractmethod
    async def delete_media(self, sub_account_id: str, name: str) -> bool:
        """False: there was none."""
