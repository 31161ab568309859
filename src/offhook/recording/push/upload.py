"""What the uploads by all protocols have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from offhook.session.ports.recording import RecordedFile
from offhook.session.tenancy import PushConfig

PIECE: Final = 256 << 10
"""Octets read and sent at a time."""
CONNECT: Final = 20.0
"""Seconds for a connection with its login."""


class UploadFailed(Exception):
    """The file is not there yet; the text says why and holds nothing secret."""


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to upload one file."""

    config: PushConfig
    name: str
    """Below the configured path: ``{sessionId}/{recordingId}_{start}.mp3``."""
    source: RecordedFile
    progress: str
    """What the attempt before has noted."""
    note: Callable[[str], Awaitable[None]]
    """Keeps, durably, what a next attempt needs to go on."""
    pin: Callable[[str], Awaitable[None]]
    """Keeps, durably, the host key of the server as the one to be trusted."""


class Uploader(ABC):
    """Uploads by one protocol."""

    @abstractmethod
    async def upload(self, order: Upload) -> str:
        """Upload the file whole, or go on where the attempt before was cut off; returns its URL.

        No time limit for all of it, but every step has one. Raises :class:`UploadFailed`.
        """

    async def abandon(self, config: PushConfig, name: str, progress: str) -> None:  # noqa: B027
        """The upload is given up: remove what is there of it, where others would not. Never raises
        :class:`UploadFailed`."""


def joined(folder: str, name: str) -> str:
    """``name`` below ``folder``, with one slash between."""
    return f"{folder.rstrip('/')}/{name}" if folder.strip("/") else f"{folder[:1]}{name}"
