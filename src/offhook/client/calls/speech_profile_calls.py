"""Speech profiles: its operations as methods. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from offhook.client.sending import AsyncSender, Sender
from offhook.client.types import SpeechProfileList


class SpeechProfileCalls(Sender):
    """Speech profiles."""

    def list_speech_profiles(self) -> SpeechProfileList:
        """List the speech profiles."""
        return self._send(
            "GET", "/api/v1/subaccounts/{subAccountId}/speech-profiles", SpeechProfileList
        )


class AsyncSpeechProfileCalls(AsyncSender):
    """Speech profiles."""

    async def list_speech_profiles(self) -> SpeechProfileList:
        """List the speech profiles."""
        return await self._send(
            "GET", "/api/v1/subaccounts/{subAccountId}/speech-profiles", SpeechProfileList
        )
