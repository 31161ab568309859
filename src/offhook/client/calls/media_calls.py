"""Media: its operations as methods. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from offhook.client.sending import AsyncSender, Sender
from offhook.client.types import MediaAnswer, MediaList


class MediaCalls(Sender):
    """Media."""

    def list_media(self) -> MediaList:
        """List the audio files of the library."""
        return self._send("GET", "/api/v1/subaccounts/{subAccountId}/media", MediaList)

    def get_media(self, name: str) -> bytes:
        """Download an audio file of the library."""
        return self._send(
            "GET", "/api/v1/subaccounts/{subAccountId}/media/{name}", bytes, names={"name": name}
        )

    def delete_media(self, name: str) -> MediaAnswer:
        """Delete an audio file of the library."""
        return self._send(
            "DELETE",
            "/api/v1/subaccounts/{subAccountId}/media/{name}",
            MediaAnswer,
            names={"name": name},
        )


class AsyncMediaCalls(AsyncSender):
    """Media."""

    async def list_media(self) -> MediaList:
        """List the audio files of the library."""
        return await self._send("GET", "/api/v1/subaccounts/{subAccountId}/media", MediaList)

    async def get_media(self, name: str) -> bytes:
        """Download an audio file of the library."""
        return await self._send(
            "GET", "/api/v1/subaccounts/{subAccountId}/media/{name}", bytes, names={"name": name}
        )

    async def delete_media(self, name: str) -> MediaAnswer:
        """Delete an audio file of the library."""
        return await self._send(
            "DELETE",
            "/api/v1/subaccounts/{subAccountId}/media/{name}",
            MediaAnswer,
            names={"name": name},
        )
