"""``/speech-profiles``: the voices a sub-account may name in its callflows."""

from __future__ import annotations

import msgspec
from litestar import Router, get
from litestar.di import NamedDependency

from offhook.flow.context import ListedProfile
from offhook.http.deps import Deps
from offhook.http.resources.params import needs
from offhook.http.resources.session_views import OK_CODE, OK_MESSAGE
from offhook.session.scopes import Scope


class SpeechProfileList(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Every profile whose language an installed engine speaks."""

    speech_profiles: list[ListedProfile]
    status_code: int
    status_message: str


@get(
    "/",
    operation_id="listSpeechProfiles",
    summary="List the speech profiles",
    guards=[needs(Scope.SETTINGS_READ)],
)
async def list_speech_profiles(deps: NamedDependency[Deps]) -> SpeechProfileList:
    """By code."""
    return SpeechProfileList(
        speech_profiles=list(deps.profiles.listed()),
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


router = Router("/speech-profiles", route_handlers=[list_speech_profiles], tags=["Speech profiles"])
