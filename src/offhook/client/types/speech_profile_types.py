"""Speech profiles: what requests and answers hold. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

import msgspec

__all__ = ["ListedProfile", "SpeechProfileList"]


class ListedProfile(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One element of ``GET …/speech-profiles`` (``spec/api.md``)."""

    speech_profile_code: str
    """What ``voiceProfile`` of a callflow names."""
    locale_code: str
    """BCP 47."""
    locale_description: str
    """The locale in English."""
    gender: str
    """``F`` or ``M``; absent: unknown."""
    engine: str
    """The engine that speaks it here: ``kokoro``."""
    voice: str
    """The engine's own name of the voice."""


class SpeechProfileList(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Every profile whose language an installed engine speaks."""

    speech_profiles: list[ListedProfile]
    """The profiles, by code."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""
